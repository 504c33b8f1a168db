//! `cargo xtask test`.

use std::process::{Command, ExitCode};
use std::thread;

use crate::report::{Tally, counted, missing, section};
use crate::run::{cargo, output, succeeds, watched};
use crate::{direction, infra, policy, python, sdk};

/// Runs everything, prints a section for each step and the sum as the last line.
pub(crate) fn test(strict: bool) -> ExitCode {
    // Installing waits for the network while cargo compiles.
    let python = thread::spawn(python::environment);
    let mut total = Tally::default();
    section(&mut total, "format", || {
        counted(succeeds(&mut cargo(["fmt", "--all", "--check"])))
    });
    section(&mut total, "lints", || {
        let clippy = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ];
        counted(succeeds(&mut cargo(clippy)))
    });
    section(&mut total, "licences, sources, bans", || policy::check(strict));
    section(&mut total, "dependency direction", || {
        let mut tally = counted(direction::crates());
        tally += counted(direction::modules());
        tally
    });
    section(&mut total, "cargo test", || cargo_test(strict));
    section(&mut total, "Terraform roots", || infra::check(strict));
    section(&mut total, "SDK tests", || {
        let python = python
            .join()
            .unwrap_or_else(|_| Err("the set-up panicked".to_owned()));
        sdk::suites(python, strict)
    });
    println!("\n{total}");
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What the names of the tests that need MiniStack, which is installed from PyPI, have in them.
const ON_MINISTACK: [&str; 7] = [
    "::aws_http",
    "aws::",
    "blobs_in_s3",
    "dynamo_metadata",
    "on_lambda_",
    "over_http_",
    "what_one_process_wrote_another_one_reads",
];

fn cargo_test(strict: bool) -> Tally {
    let mut tally = Tally::default();
    let mut command = cargo(["test", "--workspace", "--no-fail-fast", "--locked"]);
    if let Err(reason) = output(Command::new("python3").args(["-m", "venv", "--help"])) {
        tally += missing("the AWS deployment on MiniStack", &reason, strict);
        command
            .arg("--")
            .args(ON_MINISTACK.iter().flat_map(|name| ["--skip", name]));
    }
    let ended = watched(&mut command, |line| {
        if let Some(result) = test_result(line) {
            tally += result;
        }
    });
    // What does not compile and what is killed leaves no result line.
    if ended.is_err() && tally.failed == 0 {
        tally += counted(ended);
    }
    tally
}

/// The counts of a line such as `test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; …`.
fn test_result(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split("; ") {
        match part.split_once(' ') {
            Some((number, "passed")) => tally.passed = number.parse().ok()?,
            Some((number, "failed")) => tally.failed = number.parse().ok()?,
            Some((number, "ignored")) => tally.skipped = number.parse().ok()?,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_of_cargo_test_are_counted() {
        let line = "test result: FAILED. 15 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 3.17s";
        let expected = Tally {
            passed: 15,
            failed: 1,
            skipped: 2,
        };
        assert_eq!(test_result(line), Some(expected));
        assert_eq!(test_result("test api::result ... ok"), None);
    }
}
