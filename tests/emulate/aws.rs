//! BleepStore on an emulated AWS, until Ctrl-C: `cargo xtask emulate aws [--http|--stream]`.

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
    let front = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Front::BufferedUrl,
        ["--stream"] => Front::StreamingUrl,
        ["--http"] => Front::Http,
        _ => {
            eprintln!("emulate-aws takes no argument but --http or --stream");
            return ExitCode::from(2);
        }
    };
    match run(front) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emulate-aws: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How requests reach the program.
enum Front {
    BufferedUrl,
    StreamingUrl,
    Http,
}

fn run(front: Front) -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = Runtime::new()?;
    let end = session::end(&runtime)?;
    let cloud = MiniStack::start()?;
    runtime.block_on(cloud.provision())?;
    let root = Root::from_environment();
    let mut variables = cloud.variables();
    variables.extend(root.variables());
    let program = binary("bootstrap")?;
    let function = match front {
        Front::BufferedUrl => FunctionUrl::start(&program, INSTANCES, variables)?,
        Front::StreamingUrl => FunctionUrl::start_streaming(&program, INSTANCES, variables)?,
        Front::Http => {
            let server = ServerProgram::start(&program, variables)?;
            root.announce("an HTTP server on an emulated AWS", server.address());
            runtime.block_on(end);
            server.stop()?;
            return Ok(());
        }
    };
    root.announce("a function behind its URL on an emulated AWS", function.address());
    runtime.block_on(end);
    Ok(())
}
