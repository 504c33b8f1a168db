//! The Azure deployment on the emulators of the tests.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::report::Check;
use crate::run::{succeeds, target_dir};

/// The program that starts the emulators.
pub(crate) const EMULATE: &str = "emulate-azure";

/// What `emulate-azure` runs, as `cargo test` built it. It ends when this is dropped.
pub(crate) struct Emulated {
    child: Child,
    /// What it said of itself, a line each, up to the first empty one.
    pub(crate) said: Vec<String>,
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

    /// The emulators, and what these arguments ask for beside them.
    pub(crate) fn start(arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result<Self, String> {
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

    /// What a program is told that is to use the emulators. They were started with `--variables`.
    pub(crate) fn variables(&self) -> Vec<(&str, &str)> {
        let said = self.said.iter().filter_map(|line| line.split_once('='));
        said.chain([("BLEEPSTORE_LOG", "warn")]).collect()
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
