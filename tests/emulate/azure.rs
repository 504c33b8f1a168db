//! BleepStore on an emulated Azure, until Ctrl-C: `cargo xtask emulate azure`. With `--variables` the emulated Azure alone,
//! and what a program needs in its environment to use it.

mod session;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use bleepstore_tests::emulators::{AzureCloud, FunctionApp, FunctionsHost, binary};
use tokio::runtime::Runtime;

use crate::session::Root;

/// What to run on the emulated Azure.
enum Run {
    /// The app around the program that cargo built.
    Built,
    /// The app in this folder.
    App(PathBuf),
    /// Nothing.
    Nothing,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let what = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Run::Built,
        ["--app", folder] => Run::App(PathBuf::from(folder)),
        ["--variables"] => Run::Nothing,
        _ => {
            eprintln!(
                "emulate-azure takes no argument but --variables, or --app and the folder of a function app"
            );
            return ExitCode::from(2);
        }
    };
    match run(what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emulate-azure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: Run) -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = Runtime::new()?;
    let end = session::end(&runtime)?;
    let cloud = AzureCloud::start()?;
    runtime.block_on(cloud.provision())?;
    let root = Root::from_environment();
    let mut variables = cloud.variables()?;
    variables.extend(root.variables());
    let built = match what {
        Run::Built => Some(FunctionApp::around(&binary("bleepstore-azure")?)?),
        Run::App(_) | Run::Nothing => None,
    };
    let folder = match (&what, &built) {
        (Run::App(folder), _) => folder.as_path(),
        (_, Some(built)) => built.folder(),
        (_, None) => {
            for (name, value) in variables {
                println!("{name}={value}");
            }
            println!();
            runtime.block_on(end);
            return Ok(());
        }
    };
    let host = FunctionsHost::start(folder, variables)?;
    root.announce(
        "a function app behind its host on an emulated Azure",
        host.address(),
    );
    runtime.block_on(end);
    host.stop()?;
    Ok(())
}
