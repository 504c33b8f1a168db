//! BleepStore on an emulated Google Cloud, until Ctrl-C: `cargo xtask emulate gcp`.

mod session;

use std::error::Error;
use std::process::ExitCode;

use bleepstore_tests::emulators::{GoogleCloud, ServerProgram, binary};
use tokio::runtime::Runtime;

use crate::session::Root;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emulate-gcp: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = Runtime::new()?;
    let end = session::end(&runtime)?;
    let cloud = GoogleCloud::start()?;
    runtime.block_on(cloud.provision())?;
    let root = Root::from_environment();
    let mut variables = cloud.variables();
    variables.extend(root.variables());
    let server = ServerProgram::start(&binary("bleepstore-gcp")?, variables)?;
    root.announce("an HTTP server on an emulated Google Cloud", server.address());
    runtime.block_on(end);
    server.stop()?;
    Ok(())
}
