//! Checkov: what its authors look for in Terraform. What does not fit here is skipped where it stands, with the reason.

use std::process::Command;

use crate::python;
use crate::report::{Tally, counted, missing};
use crate::run::root;

/// Looks through all roots, without asking anyone's server.
pub(super) fn check(strict: bool) -> Tally {
    let python = match python::environment("infra/checkov", "xtask/terraform/checkov.txt") {
        Ok(python) => python,
        Err(reason) => return missing("checkov", &reason, strict),
    };
    let mut command = Command::new(python.with_file_name("checkov"));
    command.current_dir(root().join("infra")).args([
        "--directory",
        ".",
        "--framework",
        "terraform",
        "--quiet",
        "--compact",
        "--skip-download",
    ]);
    match command.output() {
        Ok(ended) => {
            let said = String::from_utf8_lossy(&ended.stdout).into_owned();
            let counts = said.lines().find(|line| line.starts_with("Passed checks: "));
            match counts {
                Some(counts) if ended.status.success() => {
                    println!("checkov: {counts}");
                    Tally::PASSED
                }
                _ => counted(Err(format!(
                    "checkov:\n{said}{}",
                    String::from_utf8_lossy(&ended.stderr)
                ))),
            }
        }
        Err(error) => counted(Err(format!("checkov cannot be run: {error}"))),
    }
}
