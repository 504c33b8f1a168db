//! `cargo xtask emulate`.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::run::{cargo, succeeds, target_dir};

/// Builds the binary of a deployment and what emulates its cloud (`emulate-aws` or `emulate-gcp`), and becomes the latter,
/// so that Ctrl-C reaches it alone.
pub(crate) fn emulate(emulation: &str, arguments: &[&str]) -> ExitCode {
    // The whole workspace: a build of some packages would build the SDKs anew, with other features.
    if let Err(complaint) = succeeds(&mut cargo(["build", "--locked", "--workspace"])) {
        eprintln!("{complaint}");
        return ExitCode::FAILURE;
    }
    let mut emulate = Command::new(target_dir().join("debug").join(emulation));
    let error = emulate.args(arguments).exec();
    eprintln!("{emulation} cannot be run: {error}");
    ExitCode::FAILURE
}
