//! The Azure deployment as a custom handler, up to its first answer, on the emulators of the tests: Microsoft's own of Cosmos
//! DB and azurite. They answer in milliseconds, which are part of what is measured.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::started::{starts, until_healthy};
use super::{Figure, megabytes, milliseconds};
use crate::package;
use crate::report::Check;
use crate::run::{cargo, succeeds, target_dir};

/// The program that starts the emulators.
const EMULATE: &str = "emulate-azure";

pub(super) fn measure() -> Result<Vec<Figure>, String> {
    let package = package::azure()?;
    // With the whole workspace, whose features are those of the everyday build.
    succeeds(&mut cargo(["build", "--locked", "--workspace", "--bin", EMULATE]))?;
    let cloud = Emulated::start()?;
    let mut variables: Vec<(&str, &str)> = cloud
        .variables
        .iter()
        .filter_map(|line| line.split_once('='))
        .collect();
    variables.push(("BLEEPSTORE_LOG", "warn"));
    let measured = starts(|| until_healthy(&package.binary, "FUNCTIONS_CUSTOMHANDLER_PORT", &variables))?;
    Ok(vec![
        megabytes("zip", package::size(&package.archive)?, 12.0),
        milliseconds("start to first answer", measured.time, 30.0),
        megabytes("memory when idle", measured.memory, 30.0),
    ])
}

/// The emulators, and the environment of a program that uses them. They end when this is dropped.
struct Emulated {
    child: Child,
    /// `NAME=value`.
    variables: Vec<String>,
}

impl Emulated {
    fn start() -> Result<Self, String> {
        let program = target_dir().join("debug").join(EMULATE);
        let mut child = Command::new(&program)
            .arg("--variables")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let output = child.stdout.take().map(BufReader::new);
        let lines = output.into_iter().flat_map(BufRead::lines).map_while(Result::ok);
        let variables: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let emulated = Self { child, variables };
        if emulated.variables.is_empty() {
            return Err(format!("{EMULATE} did not start"));
        }
        Ok(emulated)
    }

    fn stop(&self) -> Check {
        succeeds(Command::new("kill").arg(self.child.id().to_string()))
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None))
            && let Err(complaint) = self.stop()
        {
            eprintln!("an emulated Azure may be left behind: {complaint}");
        }
        if let Err(error) = self.child.wait() {
            eprintln!("an emulated Azure was lost: {error}");
        }
    }
}
