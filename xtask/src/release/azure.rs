//! The Azure deployment as a custom handler, up to its first answer, on the emulators of the tests: Microsoft's own of Cosmos
//! DB and azurite. They answer in milliseconds, which are part of what is measured.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::started::{Server, starts};
use super::{Figure, megabytes, milliseconds};
use crate::package;
use crate::report::Check;
use crate::run::{cargo, succeeds, target_dir};

/// The program that starts the emulators.
const EMULATE: &str = "emulate-azure";

pub(super) fn measure() -> Result<Vec<Figure>, String> {
    let package = package::azure()?;
    // With the whole workspace, whose features are those of the everyday build.
    let emulate = ["build", "--locked", "--workspace", "--bin", EMULATE];
    succeeds(&mut cargo(emulate))?;
    let cloud = Emulated::start(|command| command.arg("--variables"))?;
    let mut variables: Vec<(&str, &str)> = cloud
        .said
        .iter()
        .filter_map(|line| line.split_once('='))
        .collect();
    variables.push(("BLEEPSTORE_LOG", "warn"));
    let measured = starts(|| {
        let server = Server::start(&package.binary, "FUNCTIONS_CUSTOMHANDLER_PORT", &variables)?;
        Ok((server.time, server.memory()?))
    })?;
    Ok(vec![
        megabytes("zip", package::size(&package.archive)?, 12.0),
        milliseconds("start to first answer", measured.time, 30.0),
        megabytes("memory when idle", measured.memory, 30.0),
    ])
}

/// What `emulate-azure` runs, as `cargo test` built it. It ends when this is dropped.
pub(crate) struct Emulated {
    child: Child,
    /// What it said of itself, a line each, up to the first empty one.
    said: Vec<String>,
    /// Host and port of the app, where it runs one.
    pub(crate) address: String,
    /// Held so that it can go on printing.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Emulated {
    /// The app in this folder, behind the host of Functions as the tests have it.
    pub(crate) fn with_app(folder: &Path) -> Result<Self, String> {
        let emulated = Self::start(|command| command.arg("--app").arg(folder))?;
        if emulated.address.is_empty() {
            return Err("the app did not start".to_owned());
        }
        Ok(emulated)
    }

    fn start(arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<Self, String> {
        let program = target_dir().join("debug").join(EMULATE);
        let failed = |error: std::io::Error| format!("{}: {error}", program.display());
        let mut command = Command::new(&program);
        arguments(&mut command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let output = child.stdout.take().ok_or("a program without standard output")?;
        let mut output = BufReader::new(output).lines();
        let mut said = Vec::new();
        let mut address = String::new();
        for line in output.by_ref().map_while(Result::ok) {
            if let Some(endpoint) = line.trim().strip_prefix("endpoint    http://") {
                endpoint.clone_into(&mut address);
                break;
            }
            if line.is_empty() {
                break;
            }
            said.push(line);
        }
        Ok(Self {
            child,
            said,
            address,
            _output: output,
        })
    }

    fn stop(&mut self) -> Check {
        if matches!(self.child.try_wait(), Ok(None)) {
            succeeds(Command::new("kill").arg(self.child.id().to_string()))?;
        }
        self.child
            .wait()
            .map(drop)
            .map_err(|error| format!("it was lost: {error}"))
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        if let Err(complaint) = self.stop() {
            eprintln!("an emulated Azure may be left behind: {complaint}");
        }
    }
}
