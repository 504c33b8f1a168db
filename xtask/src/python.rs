//! Python environments, in folders that git ignores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{output, root};

/// The environment of the SDK tests; the path of its Python.
pub(crate) fn environment() -> Result<PathBuf, String> {
    installed(&root().join(".tools/venv"), "tests/sdk/requirements.txt")
}

/// Makes an environment with these requirements, or finds that it is there already; the path of its Python. What was
/// printed on the way is shown only when it fails.
pub(crate) fn installed(folder: &Path, requirements: &str) -> Result<PathBuf, String> {
    let requirements = root().join(requirements);
    let wanted = fs::read_to_string(&requirements)
        .map_err(|error| format!("{} cannot be read: {error}", requirements.display()))?;
    let stamp = folder.join("requirements.stamp");
    let python = folder.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let mut create = Command::new("python3");
    output(create.args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut install = pip(&python, "install");
    output(install.arg("--requirement").arg(&requirements))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{} cannot be written: {error}", stamp.display()))?;
    Ok(python)
}

/// `pip` of this Python, to do something without a word.
pub(crate) fn pip(python: &Path, what: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", what, "--quiet", "--disable-pip-version-check"]);
    command
}
