use super::super::steps::Steps;
use super::super::{Policy, PolicyKind, Principal, Question, Resource, Verdict};
use super::{Known, bucket, read, statement};
use crate::model::ObjectKey;

/// What a policy says of a key, and the steps that this took.
fn decide(policy: &Policy, key: &str, keys: &[(&str, &[&str])]) -> (Verdict, u32) {
    let steps = Steps::new();
    let question = Question {
        principal: &Principal::Anonymous,
        action: "GetObject",
        service: "s3",
        resource: Resource::Object(&bucket(), &ObjectKey::new(key).unwrap()),
        keys: &Known::new(keys),
    };
    let verdict = policy.decide_within(&question, &steps);
    (verdict, steps.taken())
}

/// As many copies of a text as a policy of a bucket has room for, in an array.
fn many(text: &str) -> String {
    let copies = 20_000 / (text.len() + 3);
    format!("[{}]", vec![format!("\"{text}\""); copies].join(","))
}

#[test]
fn the_resources_that_a_policy_has_room_for_are_all_looked_at() {
    let resources = many("arn:aws:s3:::pictures/*/b");
    let policy = read(&statement(&[("Resource", &resources)])).unwrap();
    let (verdict, steps) = decide(&policy, &format!("{}/b", "a".repeat(1_022)), &[]);
    assert_eq!(verdict, Verdict::Allows);
    assert!(steps < 4_000, "{steps}");
    let (verdict, steps) = decide(&policy, &"a".repeat(1_024), &[]);
    assert_eq!(verdict, Verdict::Silent);
    assert!(steps < Steps::MOST / 2, "{steps}");
}

#[test]
fn the_worst_policy_denies_after_a_bounded_number_of_steps() {
    let slow = format!("arn:aws:s3:::pictures/*{}b", "a".repeat(500));
    let policy = read(&statement(&[("Resource", &many(&slow))])).unwrap();
    let (verdict, steps) = decide(&policy, &"a".repeat(1_024), &[]);
    assert_eq!((verdict, steps), (Verdict::Denies, Steps::MOST));
    let agents = format!(
        r#"{{"StringNotLike":{{"aws:UserAgent":{}}}}}"#,
        many("*aaaaaaaaaaaaaaab")
    );
    let policy = read(&statement(&[("Condition", &agents)])).unwrap();
    let (verdict, steps) = decide(&policy, "a", &[("aws:useragent", &["a".repeat(60_000).as_str()])]);
    assert_eq!((verdict, steps), (Verdict::Denies, Steps::MOST));
}

#[test]
fn a_pattern_costs_no_more_than_the_text_that_it_fits() {
    let long = format!("arn:aws:s3:::pictures/{}", "*a".repeat(9_000));
    let policy = read(&statement(&[("Resource", &format!("\"{long}\""))])).unwrap();
    let (verdict, steps) = decide(&policy, "aaa", &[]);
    assert_eq!(verdict, Verdict::Silent);
    assert!(steps < 50, "{steps}");
}

#[test]
fn reading_a_policy_takes_a_bounded_number_of_steps() {
    let slow = format!("s3:{}x", "*?".repeat(40));
    let error = read(&statement(&[("Action", &many(&slow))])).unwrap_err();
    assert_eq!(error, "Policy has invalid action");
    let deep = format!("{{\"Statement\":{}", "[".repeat(1_000_000));
    let error = Policy::read(deep.as_bytes(), PolicyKind::Identity).unwrap_err();
    assert_eq!(error.0, "Cannot exceed quota for PolicySize: 6144");
}
