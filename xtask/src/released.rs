//! The programs of earlier releases, built from the history of this repository, on which tests show what they do with a
//! store that a later program has raised.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::report::Check;
use crate::run::{cargo, output, root, succeeds, target_dir};

/// A release, and the commit that it was made from.
const RELEASES: [(&str, &str); 1] = [("0.1", "1b6a7e4d4a1c84e79ac3369d1cad9cda2b394178")];

/// The programs of a release.
const PROGRAMS: [&str; 5] = [
    "bleepstore",
    "bleepstore-admin",
    "bleepstore-azure",
    "bleepstore-gcp",
    "bootstrap",
];

/// The tests that run them.
pub(crate) const TESTS: &str = "fenced::";

/// `cargo xtask released`.
pub(crate) fn released() -> ExitCode {
    match history().and_then(|()| build()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

/// Whether this clone has the commits of the releases.
pub(crate) fn history() -> Check {
    for (release, commit) in RELEASES {
        let known = [
            "rev-parse",
            "--quiet",
            "--verify",
            &format!("{commit}^{{commit}}"),
        ];
        output(Command::new("git").current_dir(root()).args(known))
            .map_err(|_| format!("commit {commit}, which is release {release}, is not in this clone"))?;
    }
    Ok(())
}

/// Puts the programs of each release below `.tools/released`, where they are not there yet. What they depend on is shared
/// with this version's build, wherever it is the same.
pub(crate) fn build() -> Check {
    for (release, commit) in RELEASES {
        let programs = root().join(".tools/released").join(release);
        let is_there = |program: &&str| programs.join(program).is_file();
        if PROGRAMS.iter().all(is_there) {
            continue;
        }
        let source = target_dir().join("released").join(release);
        check_out(commit, &source)?;
        let target = target_dir();
        let mut build = cargo(["build", "--locked", "--workspace", "--bins", "--target-dir"]);
        succeeds(build.arg(&target).current_dir(&source))?;
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", programs.display());
        fs::create_dir_all(&programs).map_err(failed)?;
        for program in PROGRAMS {
            // Not left there, where tests look for this version's.
            let built = target.join("debug").join(program);
            fs::copy(&built, programs.join(program)).map_err(failed)?;
            fs::remove_file(&built).map_err(failed)?;
        }
    }
    Ok(())
}

/// Puts the files of a commit into a folder.
fn check_out(commit: &str, folder: &Path) -> Check {
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let archive = folder.with_extension("tar");
    let mut pack = Command::new("git");
    pack.current_dir(root())
        .args(["archive", "--format=tar", "--output"]);
    succeeds(pack.arg(&archive).arg(commit))?;
    succeeds(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(folder))
}
