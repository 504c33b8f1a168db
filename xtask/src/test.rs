//! `cargo xtask test`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use crate::clients::Clients;
use crate::compatibility::{OUTCOMES, Record, outcomes_file};
use crate::report::{Check, Tally, counted, missing, section};
use crate::run::{cargo, output, succeeds, watched};
use crate::{direction, infra, package, policy, python, sdk};

/// Runs everything, prints a section for each step and the sum as the last line.
pub(crate) fn test(strict: bool) -> ExitCode {
    // Installing waits for the network while cargo compiles.
    let python = thread::spawn(|| python::environment("venv", "tests/sdk/requirements.txt"));
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
    let python = || {
        python
            .join()
            .unwrap_or_else(|_| Err("the set-up panicked".to_owned()))
    };
    match outcomes_file() {
        Ok(outcomes) => tests(&mut total, python, &outcomes, strict),
        Err(complaint) => total += counted(Err(complaint)),
    }
    println!("\n{total}");
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs the tests, and compares the table of compatibility with them.
fn tests(total: &mut Tally, python: impl FnOnce() -> Result<PathBuf, String>, outcomes: &Path, strict: bool) {
    let mut record = Record::default();
    let emulator = output(Command::new("python3").args(["-m", "venv", "--help"])).map(drop);
    let google = emulator.clone().and_then(|()| google_emulator());
    section(total, "cargo test", || {
        cargo_test(&mut record, &emulator, &google, outcomes, strict)
    });
    section(total, "glibc", || counted(package::check_everyday_builds()));
    section(total, "container image", || match &google {
        Ok(()) => counted(package::check_everyday_image()),
        Err(reason) => missing("the container image", reason, strict),
    });
    section(total, "Terraform roots", || infra::check(strict));
    let python = python();
    let clients = Clients::install();
    let sdk = python.clone().map(drop).and(clients.complete());
    section(total, "SDK tests", || {
        sdk::suites(python, &clients, outcomes, strict)
    });
    let failed = total.failed > 0;
    section(total, "table of compatibility", || {
        if failed {
            return missing("the table of compatibility", "tests failed", strict);
        }
        match record.read(outcomes) {
            Ok(()) => record.check(emulator.and(google).and(sdk), strict),
            Err(complaint) => counted(Err(complaint)),
        }
    });
}

/// Runs the tests that the table of compatibility counts, and writes it.
pub(crate) fn compatibility() -> ExitCode {
    match write_compatibility() {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

fn write_compatibility() -> Check {
    let outcomes = outcomes_file()?;
    let mut record = Record::default();
    // Tests start the binaries of packages other than their own.
    succeeds(&mut cargo(["build", "--locked", "--workspace"]))?;
    let mut suites = cargo([
        "test",
        "--workspace",
        "--locked",
        "--test",
        "s3",
        "--test",
        "sdk_rust",
    ]);
    watched(suites.env(OUTCOMES, &outcomes), |line| record.see(line))?;
    let python = python::environment("venv", "tests/sdk/requirements.txt");
    let tally = sdk::suites(python, &Clients::install(), &outcomes, true);
    if tally.failed > 0 {
        return Err("nothing is written, since SDK tests failed".to_owned());
    }
    record.read(&outcomes)?;
    record.write()
}

/// Writes the page of errors, by the test that otherwise compares it.
pub(crate) fn errors() -> ExitCode {
    let test = "catalogue::the_page_of_errors_is_the_table";
    let mut write = cargo(["test", "--workspace", "--locked", "--test", "s3", test]);
    match succeeds(write.env("BLEEPSTORE_WRITE_ERRORS", "1")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

/// What the names of the tests that need MiniStack or moto, which are installed from PyPI, have in them.
const ON_MINISTACK: [&str; 11] = [
    "::aws_http",
    "::aws_lambda",
    "aws::",
    "blobs_in_s3",
    "dynamo_metadata",
    "loses_nothing_on_aws",
    "lose_nothing_on_aws",
    "moto_metadata",
    "on_lambda_",
    "over_http_",
    "what_one_process_wrote_another_one_reads",
];

/// What the names of the tests that need Google's emulator of Firestore, or fake-gcs-server from PyPI, have in them.
const ON_GOOGLE_CLOUD: [&str; 6] = [
    "::gcp_h2c",
    "::gcp_http1",
    "firestore::",
    "firestore_metadata",
    "gcs::",
    "google_cloud::",
];

/// Whether the programs are there that run Google's emulator.
fn google_emulator() -> Check {
    for program in ["gcloud", "java"] {
        output(Command::new(program).arg("--version"))
            .map_err(|error| format!("{error}; CONTRIBUTING.md says what to install"))?;
    }
    Ok(())
}

fn cargo_test(record: &mut Record, emulator: &Check, google: &Check, outcomes: &Path, strict: bool) -> Tally {
    let mut tally = Tally::default();
    let mut command = cargo(["test", "--workspace", "--no-fail-fast", "--locked"]);
    command.env(OUTCOMES, outcomes);
    command.arg("--");
    if let Err(reason) = emulator {
        tally += missing("the AWS deployment on MiniStack", reason, strict);
        command.args(ON_MINISTACK.iter().flat_map(|name| ["--skip", name]));
    }
    if let Err(reason) = google {
        tally += missing("the Google Cloud deployment on its emulators", reason, strict);
        command.args(ON_GOOGLE_CLOUD.iter().flat_map(|name| ["--skip", name]));
    }
    let ended = watched(&mut command, |line| {
        if let Some(result) = test_result(line) {
            tally += result;
        }
        record.see(line);
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
