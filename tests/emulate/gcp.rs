//! BleepStore on an emulated Google Cloud, until Ctrl-C: `cargo xtask emulate gcp`.

mod session;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use bleepstore_tests::emulators::{GoogleCloud, ServerProgram, binary};
use tokio::runtime::Runtime;

use crate::session::Root;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let program = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => binary("bleepstore-gcp"),
        ["--program", path] => Ok(PathBuf::from(path)),
        _ => {
            eprintln!(
                "emulate-gcp takes no argument but --program and the path of a program to run as the server"
            );
            return ExitCode::from(2);
        }
    };
    match program.map_err(Into::into).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emulate-gcp: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(program: PathBuf) -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = Runtime::new()?;
    let end = session::end(&runtime)?;
    let cloud = GoogleCloud::start()?;
    runtime.block_on(cloud.provision())?;
    let root = Root::from_environment();
    let mut variables = cloud.variables();
    variables.extend(root.variables());
    let server = ServerProgram::start(&program, variables)?;
    root.announce("an HTTP server on an emulated Google Cloud", server.address());
    runtime.block_on(end);
    server.stop()?;
    Ok(())
}
