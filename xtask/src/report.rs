//! Counting, and a section of output per step.

use std::fmt;
use std::ops::AddAssign;
use std::time::Instant;

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    pub(crate) const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    pub(crate) const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    pub(crate) const SKIPPED: Self = Self {
        passed: 0,
        failed: 0,
        skipped: 1,
    };
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// How many lines of what failing tests print are repeated at the end.
const REPEATED: usize = 200;

/// What failing tests print, to be read again at the end of a long output.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    inside: bool,
    lines: Vec<String>,
}

impl Failures {
    /// Looks at a line of the output of `cargo test`, which lists failures between these two.
    pub(crate) fn see(&mut self, line: &str) {
        if line == "failures:" {
            self.inside = true;
        } else if line.starts_with("test result: ") {
            self.inside = false;
        }
        if self.inside && self.lines.len() < REPEATED {
            self.lines.push(line.to_owned());
        }
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A check that either holds or says what is wrong.
pub(crate) type Check = Result<(), String>;

/// Runs one step under a heading and adds what it counted to `total`.
pub(crate) fn section(total: &mut Tally, name: &str, step: impl FnOnce() -> Tally) {
    println!("\n== {name}");
    let start = Instant::now();
    let tally = step();
    *total += tally;
    let outcome = if tally.failed > 0 { "FAILED" } else { "ok" };
    println!("== {name}: {outcome} in {:.1} s", start.elapsed().as_secs_f32());
}

/// A check counted as one test, its complaint printed.
pub(crate) fn counted(check: Check) -> Tally {
    match check {
        Ok(()) => Tally::PASSED,
        Err(complaint) => {
            println!("{complaint}");
            Tally::FAILED
        }
    }
}

/// A suite that cannot run here: skipped by name, or failed where nothing may be missing.
pub(crate) fn missing(suite: &str, reason: &str, strict: bool) -> Tally {
    println!("{suite}: not run: {reason}");
    if strict { Tally::FAILED } else { Tally::SKIPPED }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failing_tests_print_is_kept_and_nothing_else() {
        let mut failures = Failures::default();
        for line in [
            "test one ... FAILED",
            "failures:",
            "---- one stdout ----",
            "it broke",
            "test result: FAILED. 0 passed; 1 failed; 0 ignored",
            "test two ... ok",
        ] {
            failures.see(line);
        }
        assert_eq!(
            failures.to_string(),
            "failures:\n---- one stdout ----\nit broke\n"
        );
        for _ in 0..2 * REPEATED {
            failures.see("failures:");
        }
        assert_eq!(failures.lines.len(), REPEATED);
    }
}
