//! `cargo xtask package`: what is uploaded to a cloud, made from a release build.

pub(crate) mod archive;
pub(crate) mod glibc;
mod lean_build;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::archive::Entry;
pub(crate) use self::lean_build::{Arch, lean_build};
use crate::report::Check;
use crate::run::target_dir;

/// A program and the file that it is shipped in.
pub(crate) struct Package {
    pub(crate) binary: PathBuf,
    pub(crate) archive: PathBuf,
}

/// Makes the package that `make` makes, and says where it is and how large.
pub(crate) fn package(make: impl FnOnce() -> Result<Package, String>) -> ExitCode {
    let made = make().and_then(|package| {
        println!("binary   {}", described(&package.binary)?);
        println!("package  {}", described(&package.archive)?);
        Ok(())
    });
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("xtask: {complaint}");
            ExitCode::FAILURE
        }
    }
}

/// The zip of the function: the program alone, under the name that Lambda's runtime `provided.al2023` starts.
pub(crate) fn aws(arch: Arch) -> Result<Package, String> {
    let binary = lean_build("bleepstore-aws", "bootstrap", arch)?;
    let content = read(&binary)?;
    glibc::check(&content).map_err(|complaint| format!("{}: {complaint}", binary.display()))?;
    let program = Entry {
        name: "bootstrap",
        mode: 0o755,
        content: &content,
    };
    let zip = archive::zip(&[program])?;
    let archive = target_dir().join(format!("package/bleepstore-aws-{}.zip", arch.name()));
    write(&archive, &zip)?;
    Ok(Package { binary, archive })
}

/// Checks what `cargo test` built, which is linked as what is shipped is.
pub(crate) fn check_everyday_builds() -> Check {
    let binary = target_dir().join("debug/bootstrap");
    glibc::check(&read(&binary)?).map_err(|complaint| format!("{}: {complaint}", binary.display()))
}

/// The size of a file in bytes.
pub(crate) fn size(file: &Path) -> Result<u64, String> {
    let metadata = fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(metadata.len())
}

fn described(file: &Path) -> Result<String, String> {
    Ok(format!("{}  {} bytes", file.display(), size(file)?))
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

fn write(file: &Path, content: &[u8]) -> Check {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, content))
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))
}
