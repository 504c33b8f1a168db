//! BleepStore on an emulated AWS, until Ctrl-C: `cargo xtask emulate aws [--http]`.

mod session;

use std::error::Error;
use std::process::ExitCode;

use bleepstore_tests::emulators::{FunctionUrl, MiniStack, ServerProgram, binary};
use tokio::runtime::Runtime;

use crate::session::Root;

/// How many requests the function answers at a time.
const INSTANCES: usize = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let http = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--http"] => true,
        _ => {
            eprintln!("emulate-aws takes no argument but --http");
            return ExitCode::from(2);
        }
    };
    match run(http) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emulate-aws: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(http: bool) -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = Runtime::new()?;
    let end = session::end(&runtime)?;
    let cloud = MiniStack::start()?;
    runtime.block_on(cloud.provision())?;
    let root = Root::from_environment();
    let mut variables = cloud.variables();
    variables.extend(root.variables());
    if http {
        let server = ServerProgram::start(&binary("bootstrap")?, variables)?;
        root.announce("an HTTP server on an emulated AWS", server.address());
        runtime.block_on(end);
        server.stop()?;
    } else {
        let function = FunctionUrl::start(&binary("bootstrap")?, INSTANCES, variables)?;
        root.announce("a function behind its URL on an emulated AWS", function.address());
        runtime.block_on(end);
    }
    Ok(())
}
