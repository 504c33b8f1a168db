//! How a suite's list of rules becomes tests.

use std::io::{self, Write};

/// One `#[tokio::test]` per rule, each on a fixture of its own. `left_out` names the rules that do not run, with the
/// reason.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_suite {
    ($suite:ident, $factory:path, $left_out:path; $($family:ident: $($rule:ident)+;)+) => {
        $($(
            #[$crate::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() {
                if let Some(reason) = $left_out(stringify!($rule)) {
                    return $crate::suite::tell(concat!(module_path!(), "::", stringify!($rule)), reason);
                }
                $crate::$suite::$family::$rule($factory().await).await;
            }
        )+)+
    };
}

/// The reason why a rule is left out: none.
#[doc(hidden)]
pub fn nothing_left_out(_: &str) -> Option<&'static str> {
    None
}

/// Says that a rule is left out, where everybody sees it: the output of tests that pass is not shown.
#[doc(hidden)]
pub fn tell(test: &str, reason: &str) {
    writeln!(io::stderr(), "left out: {test}: {reason}").expect("a standard error");
}

/// Fails when a family of rules holds one that its suite's list does not name, since it would never run.
#[cfg(test)]
pub(crate) fn assert_all_listed(list: &str, families: &[&str]) {
    let listed: Vec<&str> = list
        .split_whitespace()
        .map(|word| word.trim_end_matches(';'))
        .collect();
    let rules = families
        .iter()
        .flat_map(|family| family.lines())
        .filter_map(|line| line.strip_prefix("pub async fn "))
        .filter_map(|rest| rest.split('(').next());
    let mut count = 0;
    for rule in rules {
        assert!(listed.contains(&rule), "{rule} is not in its suite's list");
        count += 1;
    }
    assert!(count > 0, "no rules were found");
}
