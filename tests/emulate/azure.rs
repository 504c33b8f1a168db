//! BleepStore on an emulated Azure, until Ctrl-C: `cargo xtask emulate azure`.

mod session;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use bleepstore_tests::emulators::{AzureCloud, FunctionApp, FunctionsHost, binary};
use tokio::runtime::Runtime;

use crate::session::Root;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let app = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--app", folder] => Some(PathBuf::from(folder)),
        _ => {
            eprintln!("emulate-azure takes no argument but --app and the folder of a function app");
            return ExitCode::from(2);
        }
    };
    match run(app) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emulate-azure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(app: Option<PathBuf>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = Runtime::new()?;
    let end = session::end(&runtime)?;
    let cloud = AzureCloud::start()?;
    runtime.block_on(cloud.provision())?;
    let root = Root::from_environment();
    let mut variables = cloud.variables()?;
    variables.extend(root.variables());
    let made = match app {
        Some(_) => None,
        None => Some(FunctionApp::around(&binary("bleepstore-azure")?)?),
    };
    let folder = app
        .as_deref()
        .or(made.as_ref().map(FunctionApp::folder))
        .ok_or("there is no app")?;
    let host = FunctionsHost::start(folder, variables)?;
    root.announce(
        "a function app behind its host on an emulated Azure",
        host.address(),
    );
    runtime.block_on(end);
    host.stop()?;
    Ok(())
}
