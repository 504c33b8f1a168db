//! Python environments of tools and tests, in a folder that git ignores.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::run::{output, root};

/// Makes the environment `.tools/{name}` with what the file `requirements` lists, or finds that it is there already; the
/// path of its Python. What was printed on the way is shown only when it fails.
pub(crate) fn environment(name: &str, requirements: &str) -> Result<PathBuf, String> {
    let requirements = root().join(requirements);
    let wanted = fs::read_to_string(&requirements)
        .map_err(|error| format!("{} cannot be read: {error}", requirements.display()))?;
    let folder = root().join(".tools").join(name);
    let stamp = folder.join("requirements.stamp");
    let python = folder.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let mut create = Command::new("python3");
    output(create.args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ]);
    output(install.arg(&requirements))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{} cannot be written: {error}", stamp.display()))?;
    Ok(python)
}
