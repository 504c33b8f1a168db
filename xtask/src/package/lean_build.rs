//! Builds with the profile `lean`, for this machine's processor or for the other one.

use std::env::consts::{ARCH, OS};
use std::env::{self, join_paths, split_paths};
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::python;
use crate::run::{cargo, output, root, succeeds, target_dir};

/// What cross-compiles: cargo with zig as its linker and its C compiler.
const CROSS_REQUIREMENTS: &str = "xtask/cross/requirements.txt";

/// The glibc that a cross-compiled program may need, as cargo-zigbuild takes it.
const GLIBC: &str = "2.34";

/// A processor that a deployment runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    X86_64,
    Arm64,
}

impl Arch {
    /// As AWS names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::X86_64, Self::Arm64]
            .into_iter()
            .find(|arch| arch.name() == name)
    }

    /// As Rust names it.
    pub(super) const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    pub(crate) fn is_this_machine(self) -> bool {
        OS == "linux" && self.target().starts_with(ARCH)
    }
}

/// Builds one program of one package, without what other packages would add to its dependencies' features; the path of
/// the program.
pub(crate) fn lean_build(package: &str, program: &str, arch: Arch) -> Result<PathBuf, String> {
    let what = [
        "--locked",
        "--profile",
        "lean",
        "--package",
        package,
        "--bin",
        program,
    ];
    if arch.is_this_machine() {
        succeeds(cargo(["build"]).args(what))?;
        return Ok(target_dir().join("lean").join(program));
    }
    check_standard_library(arch.target())?;
    let python = python::environment("cross", CROSS_REQUIREMENTS)?;
    let programs = python.parent().unwrap_or(Path::new("."));
    // cargo-zigbuild finds zig as a module of the first Python in the path.
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(programs.to_owned()).chain(split_paths(&path));
    let path = join_paths(folders).map_err(|error| format!("PATH: {error}"))?;
    let target = format!("{}.{GLIBC}", arch.target());
    let mut command = Command::new(programs.join("cargo-zigbuild"));
    command.current_dir(root()).arg("zigbuild").args(what);
    succeeds(command.args(["--target", &target]).env("PATH", path))?;
    Ok(target_dir().join(arch.target()).join("lean").join(program))
}

/// Whether Rust can build for this target at all.
fn check_standard_library(target: &str) -> Result<(), String> {
    let asked = ["--print", "target-libdir", "--target", target];
    let folder = output(Command::new("rustc").current_dir(root()).args(asked))?;
    if PathBuf::from(folder.trim()).is_dir() {
        return Ok(());
    }
    Err(format!(
        "Rust's standard library for {target} is not installed: rustup target add {target}"
    ))
}
