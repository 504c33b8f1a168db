//! What became of a rule where it did not simply hold, for the table of compatibility.

use std::fs::OpenOptions;
use std::io::Write;

/// The variable that names the file to which outcomes are appended. `cargo xtask test` sets it.
const FILE: &str = "BLEEPSTORE_TEST_OUTCOMES";

/// What a test checked instead of its rule.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// That the deployment refuses, as documented, what the rule needs.
    Refused,
    /// That the deployment does something else, as documented.
    Differs,
}

/// Appends one line: the outcome, and the test's path without the name of its binary.
pub(super) fn note(path: &str, outcome: Outcome) {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let word = match outcome {
        Outcome::Refused => "refused",
        Outcome::Differs => "differs",
    };
    let test = path.split_once("::").map_or(path, |(_, test)| test);
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .expect("the file of outcomes");
    // One write: tests append at the same time.
    file.write_all(format!("{word} {test}\n").as_bytes())
        .expect("the file of outcomes");
}
