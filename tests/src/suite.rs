//! How a suite's list of rules becomes tests.

/// One `#[tokio::test]` per rule, each on a fixture of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_suite {
    ($suite:ident, $factory:path; $($family:ident: $($rule:ident)+;)+) => {
        $($(
            #[$crate::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $rule() {
                $crate::$suite::$family::$rule($factory().await).await;
            }
        )+)+
    };
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
