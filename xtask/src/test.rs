//! `cargo xtask test`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use crate::clients::Clients;
use crate::compatibility::{OUTCOMES, Record, outcomes_file};
use crate::emulators::Place;
use crate::report::{Check, Failures, Tally, counted, missing, section};
use crate::run::{cargo, succeeds, watched};
use crate::{circles, direction, infra, package, policy, python, released, sdk, verify};

/// How often tests do what is random in them.
const TEST_ROUNDS: &str = "BLEEPSTORE_TEST_ROUNDS";

/// Runs everything, prints a section for each step and the sum as the last line.
pub(crate) fn test(strict: bool) -> ExitCode {
    // Installing waits for the network while cargo compiles.
    let python = thread::spawn(|| python::environment("venv", "tests/sdk/requirements.txt"));
    let clients = thread::spawn(Clients::install);
    let mut total = Tally::default();
    let mut failures = Failures::default();
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
        tally += counted(circles::check());
        tally += counted(direction::shipped_features());
        tally
    });
    let python = || {
        python
            .join()
            .unwrap_or_else(|_| Err("the set-up panicked".to_owned()))
    };
    let clients = || {
        clients
            .join()
            .unwrap_or_else(|_| Clients::none("the set-up panicked"))
    };
    match outcomes_file() {
        Ok(outcomes) => tests(&mut total, &mut failures, python, clients, &outcomes, strict),
        Err(complaint) => total += counted(Err(complaint)),
    }
    print!("\n{failures}");
    println!("{total}");
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs the tests, and compares the table of compatibility with them.
fn tests(
    total: &mut Tally,
    failures: &mut Failures,
    python: impl FnOnce() -> Result<PathBuf, String>,
    clients: impl FnOnce() -> Clients,
    outcomes: &Path,
    strict: bool,
) {
    let mut record = Record::default();
    section(total, "cargo test", || {
        cargo_test(&mut record, failures, outcomes, strict)
    });
    section(total, "packages", || package::check_everyday_packages(strict));
    section(total, "Terraform roots", || infra::check(strict));
    let (python, clients) = (python(), clients());
    let sdk = python.clone().map(drop).and(clients.complete());
    // Where there is no mirror, nothing is missing that could be installed.
    let mirror = infra::mirror().map(drop);
    let strict_table = strict && mirror.is_ok();
    let verifies = python.clone();
    section(total, "SDK tests", || {
        sdk::suites(python, &clients, outcomes, strict)
    });
    section(total, "verify-cloud", || verify::check(&verifies, strict));
    let failed = total.failed > 0;
    section(total, "table of compatibility", || {
        if failed {
            return missing("the table of compatibility", "tests failed", strict);
        }
        match record.read(outcomes) {
            Ok(()) => {
                let clouds = Place::EMULATED.iter().try_for_each(|cloud| cloud.is_there());
                record.check(clouds.and(sdk).and(mirror), strict_table)
            }
            Err(complaint) => counted(Err(complaint)),
        }
    });
}

/// How many times as long as every day random tests go on, unless the environment says it.
const ROUNDS: u32 = 20;

/// Kills of each local store in an everyday run.
const KILLS: u32 = 20;

/// Runs the random tests for longer than an everyday run has time for: models, histories around deaths and faults, kills.
pub(crate) fn long() -> ExitCode {
    let rounds = env::var(TEST_ROUNDS).map_or(Ok(ROUNDS), |rounds| rounds.parse());
    let done = rounds
        .map_err(|error| format!("{TEST_ROUNDS}: {error}"))
        .and_then(run_long);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

fn run_long(rounds: u32) -> Check {
    // Tests start the binaries of packages other than their own.
    succeeds(&mut cargo(["build", "--locked", "--workspace"]))?;
    let tests: [&[&str]; 4] = [
        &["bleepstore-tests", "--test", "model"],
        &["bleepstore-tests", "--test", "local", "linearizability::"],
        &["bleepstore-local", "--test", "crash"],
        &["bleepstore-tests", "--test", "cloud_faults"],
    ];
    tests.into_iter().try_for_each(|test| {
        let mut command = cargo(["test", "--locked", "-p"]);
        command
            .args(test)
            .env(TEST_ROUNDS, rounds.to_string())
            .env("BLEEPSTORE_CRASH_ROUNDS", (rounds * KILLS).to_string());
        succeeds(&mut command)
    })
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
        "--test",
        "sdk_crates",
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

fn cargo_test(record: &mut Record, failures: &mut Failures, outcomes: &Path, strict: bool) -> Tally {
    let mut tally = Tally::default();
    let mut command = cargo(["test", "--workspace", "--no-fail-fast", "--locked"]);
    command.env(OUTCOMES, outcomes);
    command.arg("--");
    for cloud in Place::EMULATED {
        if let Err(reason) = cloud.is_there() {
            tally += missing(cloud.what(), &reason, strict);
            command.args(cloud.names_of_tests().iter().flat_map(|name| ["--skip", name]));
        }
    }
    // Makes fixtures, and tests nothing.
    command.args(["--skip", "made::the_fixtures_of_a_release"]);
    match released::history() {
        Ok(()) => tally += counted(released::build()),
        Err(reason) => {
            // A clone may well be shallow: that is no tool that could be installed.
            tally += missing("the programs of earlier releases", &reason, false);
            command.args(["--skip", released::TESTS]);
        }
    }
    let ended = watched(&mut command, |line| {
        if let Some(result) = test_result(line) {
            tally += result;
        }
        failures.see(line);
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
