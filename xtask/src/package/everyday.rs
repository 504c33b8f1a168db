//! Packages of what `cargo test` built, which is linked as what is shipped is: the same bytes twice, and they start.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Arch, PackedFile, SHIPPED, Shipped, files_below, made, read, write};
use crate::report::{Check, Tally, counted, missing};
use crate::run::{succeeds, target_dir};

/// Packages every program twice, and starts it from what was packaged.
pub(crate) fn check_everyday_packages(strict: bool) -> Tally {
    let mut tally = Tally::default();
    for shipped in SHIPPED {
        if let Err(reason) = shipped.place.is_there() {
            tally += missing(&format!("the package of {}", shipped.package), &reason, strict);
            continue;
        }
        let checked = check(shipped);
        tally += counted(checked.map_err(|complaint| format!("{}: {complaint}", shipped.package)));
    }
    tally
}

fn check(shipped: &Shipped) -> Check {
    let name = format!("{}-everyday-{}", shipped.package, std::process::id());
    let folder = env::temp_dir().join(name);
    let checked = check_in(shipped, &folder);
    let removed = fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()));
    checked.and(removed)
}

fn check_in(shipped: &Shipped, folder: &Path) -> Check {
    let program = without_symbols(shipped.program, folder)?;
    let (once, twice) = (folder.join("once"), folder.join("twice"));
    let package = made(shipped, program.clone(), Arch::X86_64, &once)?;
    made(shipped, program, Arch::X86_64, &twice)?;
    same(&once, &twice)?;
    let mut sums = Command::new("sha256sum");
    sums.current_dir(&once).args(["--check", "--strict", "--quiet"]);
    succeeds(sums.arg(&package.checksums))?;
    let root = folder.join("root");
    unpack(&(shipped.files)(&package.archive)?, &root)?;
    (shipped.start)(&root)
}

/// A copy of a program that `cargo test` built, as small as a release build has it, so that it is packed soon.
fn without_symbols(program: &str, folder: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let copy = folder.join(program);
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&copy);
    succeeds(strip.arg(target_dir().join("debug").join(program)))?;
    Ok(copy)
}

/// Whether two folders hold the same files with the same bytes.
fn same(one: &Path, other: &Path) -> Check {
    let below = |folder: &Path| -> Result<Vec<PathBuf>, String> {
        let files = files_below(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let names = files.iter().filter_map(|file| file.strip_prefix(folder).ok());
        Ok(names.map(Path::to_owned).collect())
    };
    let names = below(one)?;
    if names != below(other)? {
        return Err("the second package has other files than the first".to_owned());
    }
    for name in names {
        if read(&one.join(&name))? != read(&other.join(&name))? {
            let name = name.display();
            return Err(format!(
                "{name} has other bytes in the second package than in the first"
            ));
        }
    }
    Ok(())
}

fn unpack(files: &[PackedFile], folder: &Path) -> Check {
    for file in files {
        let path = folder.join(&file.path);
        write(&path, &file.content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
