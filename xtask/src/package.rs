//! `cargo xtask package`: what is uploaded to a cloud, made from a release build, with what it holds and a checksum beside it.

pub(crate) mod archive;
mod aws;
mod azure;
mod certificates;
mod checksums;
mod crates;
mod everyday;
mod gcp;
pub(crate) mod glibc;
mod image;
mod lean_build;
mod libraries;
mod sbom;
mod served;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) use self::everyday::check_everyday_packages;
pub(crate) use self::image::image_digest;
pub(crate) use self::lean_build::{Arch, lean_build};
use self::sbom::Contents;
use crate::emulators::Place;
use crate::report::Check;
use crate::run::target_dir;

/// A program and the file or folder that it is shipped in.
pub(crate) struct Package {
    pub(crate) binary: PathBuf,
    pub(crate) archive: PathBuf,
    /// What is in the archive, as CycloneDX has it.
    sbom: PathBuf,
    /// The checksums of the archive and of the SBOM, for `sha256sum --check`.
    checksums: PathBuf,
}

/// A file in an archive.
struct PackedFile {
    /// Its path from the archive's root, without a slash before it.
    path: String,
    /// Its permissions, such as `0o755`.
    mode: u32,
    content: Vec<u8>,
}

/// What is shipped to one cloud.
struct Shipped {
    /// The program's package.
    package: &'static str,
    program: &'static str,
    /// The archive's name for a processor, and in front of its ending that of the files beside it.
    archive: fn(Arch) -> String,
    /// Writes the archive of a program. The same program makes the same bytes.
    write: fn(program: &Path, archive: &Path, arch: Arch) -> Check,
    /// The files in the archive, under their paths in it.
    files: fn(archive: &Path) -> Result<Vec<PackedFile>, String>,
    /// Where the program is started for a check.
    place: Place,
    /// Starts the program of an archive that was unpacked into a folder, and asks it something.
    start: fn(folder: &Path) -> Check,
}

/// Every archive that is shipped.
const SHIPPED: [&Shipped; 5] = [
    &aws::SHIPPED,
    &aws::IMAGE,
    &gcp::SHIPPED,
    &azure::SHIPPED,
    &azure::IMAGE,
];

/// Makes the package that `make` makes, and says where it is and how large.
pub(crate) fn package(make: impl FnOnce() -> Result<Package, String>) -> ExitCode {
    let made = make().and_then(|package| {
        println!("binary     {}", described(&package.binary)?);
        println!("package    {}", described(&package.archive)?);
        if package.archive.is_dir() {
            println!("digest     {}", image_digest(&package.archive)?);
        }
        println!("sbom       {}", package.sbom.display());
        println!("checksums  {}", package.checksums.display());
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

/// The zip of the function.
pub(crate) fn aws(arch: Arch) -> Result<Package, String> {
    from_lean_build(&aws::SHIPPED, arch)
}

/// The container image of the HTTP service on AWS, as a folder that `skopeo` and its like take.
pub(crate) fn aws_image(arch: Arch) -> Result<Package, String> {
    image_from_lean_build(&aws::IMAGE, arch)
}

/// The container image of the service on Google Cloud, as such a folder.
pub(crate) fn gcp(arch: Arch) -> Result<Package, String> {
    if arch != Arch::X86_64 {
        return Err("Cloud Run runs programs for x86_64 only".to_owned());
    }
    image_from_lean_build(&gcp::SHIPPED, arch)
}

fn image_from_lean_build(shipped: &Shipped, arch: Arch) -> Result<Package, String> {
    if !arch.is_this_machine() {
        let name = arch.name();
        return Err(format!(
            "the image takes its C library from this machine: package it on Linux on {name}"
        ));
    }
    from_lean_build(shipped, arch)
}

/// The zip of the function app. A flex consumption plan runs programs for x86_64 only
/// (<https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan>).
pub(crate) fn azure() -> Result<Package, String> {
    from_lean_build(&azure::SHIPPED, Arch::X86_64)
}

/// The container image of the HTTP service on Azure. Container Apps run programs for x86_64 only
/// (<https://learn.microsoft.com/azure/container-apps/containers#limitations>).
pub(crate) fn azure_image() -> Result<Package, String> {
    image_from_lean_build(&azure::IMAGE, Arch::X86_64)
}

fn from_lean_build(shipped: &Shipped, arch: Arch) -> Result<Package, String> {
    let binary = lean_build(shipped.package, shipped.program, arch)?;
    made(shipped, binary, arch, &target_dir().join("package"))
}

/// Packages a program into a folder.
fn made(shipped: &Shipped, binary: PathBuf, arch: Arch, folder: &Path) -> Result<Package, String> {
    let archive = folder.join((shipped.archive)(arch));
    (shipped.write)(&binary, &archive, arch)?;
    let contents = Contents {
        package: shipped.package,
        program: shipped.program,
        target: arch.target(),
        files: (shipped.files)(&archive)?,
    };
    let sbom = archive.with_extension("cdx.json");
    write(&sbom, sbom::document(&contents)?.as_bytes())?;
    let checksums = archive.with_extension("sha256");
    checksums::write_sums(&checksums, &[&archive, &sbom])?;
    Ok(Package {
        binary,
        archive,
        sbom,
        checksums,
    })
}

/// The size of a file, or of all files in a folder, in bytes.
pub(crate) fn size(path: &Path) -> Result<u64, String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mut sum = 0;
    for file in files_below(path).map_err(failed)? {
        sum += fs::metadata(file).map_err(failed)?.len();
    }
    Ok(sum)
}

/// The files in a folder and in its folders, in the order of their paths; a file is the only one of itself.
fn files_below(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        files.extend(files_below(&entry?.path())?);
    }
    files.sort();
    Ok(files)
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
