//! Programs that are installed on first use, each into a folder that git ignores.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder `name`, into which `install` has put `requirement`: a package with its version. Another version is
/// another emulator.
pub(super) fn installed_once(
    name: &str,
    requirement: &str,
    install: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<PathBuf> {
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
    install(&folder)?;
    std::fs::write(&stamp, requirement)?;
    Ok(folder)
}

/// What a program prints that ends well.
pub(super) fn run(command: &mut Command) -> io::Result<Vec<u8>> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let name = command.get_program().to_string_lossy();
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    Err(io::Error::other(format!(
        "{name} {} failed: {said}",
        arguments.join(" ")
    )))
}
