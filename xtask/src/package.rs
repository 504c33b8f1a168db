//! `cargo xtask package`: what is uploaded to a cloud, made from a release build.

pub(crate) mod archive;
mod azure;
mod gcp;
pub(crate) mod glibc;
mod image;
mod lean_build;
mod libraries;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::archive::Entry;
pub(crate) use self::gcp::check_everyday_image;
pub(crate) use self::lean_build::{Arch, lean_build};
use crate::report::Check;
use crate::run::target_dir;

/// A program and the file or folder that it is shipped in.
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

/// The container image of the service, as a folder that `skopeo` and its like take.
pub(crate) fn gcp(arch: Arch) -> Result<Package, String> {
    if arch != Arch::X86_64 {
        return Err("Cloud Run runs programs for x86_64 only".to_owned());
    }
    if !arch.is_this_machine() {
        return Err(
            "the image takes its C library from this machine: package it on Linux on x86_64".to_owned(),
        );
    }
    let binary = lean_build("bleepstore-gcp", "bleepstore-gcp", arch)?;
    let archive = target_dir().join("package/bleepstore-gcp");
    gcp::write(&binary, &archive)?;
    Ok(Package { binary, archive })
}

/// The zip of the function app. A flex consumption plan runs programs for x86_64 only
/// (<https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan>).
pub(crate) fn azure() -> Result<Package, String> {
    let binary = lean_build("bleepstore-azure", azure::PROGRAM, Arch::X86_64)?;
    let content = read(&binary)?;
    glibc::check(&content).map_err(|complaint| format!("{}: {complaint}", binary.display()))?;
    let archive = target_dir().join("package/bleepstore-azure.zip");
    write(&archive, &azure::zip(&content)?)?;
    Ok(Package { binary, archive })
}

/// Checks what `cargo test` built, which is linked as what is shipped is.
pub(crate) fn check_everyday_builds() -> Check {
    let binary = target_dir().join("debug/bootstrap");
    glibc::check(&read(&binary)?).map_err(|complaint| format!("{}: {complaint}", binary.display()))
}

/// The size of a file, or of all files in a folder, in bytes.
pub(crate) fn size(path: &Path) -> Result<u64, String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut sum = 0;
    for entry in fs::read_dir(path).map_err(failed)? {
        sum += size(&entry.map_err(failed)?.path())?;
    }
    Ok(sum)
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
