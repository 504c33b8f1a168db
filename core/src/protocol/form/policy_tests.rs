use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

const EXPIRATION: &str = "2030-01-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc_3339(text).unwrap()
}

fn read(conditions: &str) -> Result<Policy, S3Error> {
    let document = format!("{{\"expiration\": \"{EXPIRATION}\", \"conditions\": {conditions}}}");
    Policy::read(&STANDARD.encode(document))
}

/// What a form with these fields is told, which is sent in time and for the bucket `abc`.
fn check(conditions: &str, pairs: &[(&str, &str)]) -> Result<(), String> {
    let mut fields = Fields::default();
    for (name, value) in pairs {
        fields.add((*name).to_owned(), value.as_bytes()).unwrap();
    }
    let policy = read(conditions).unwrap();
    let checked = policy.check(
        &fields,
        &BucketName::new("abc").unwrap(),
        at("2029-01-01T00:00:00Z"),
    );
    checked.map_err(|error| {
        assert_eq!(error.code, ErrorCode::AccessDenied);
        let message = error.message.strip_prefix("Invalid according to Policy: ");
        message.unwrap().to_owned()
    })
}

fn failed(condition: &str) -> Result<(), String> {
    Err(format!("Policy Condition failed: {condition}"))
}

#[test]
fn each_kind_of_condition_holds_or_is_shown() {
    for (condition, key, expected) in [
        (r#"{"key": "a/b"}"#, "a/b", Ok(())),
        (r#"{"key": "a/b"}"#, "a/B", failed(r#"["eq", "$key", "a/b"]"#)),
        (r#"["eq", "$key", "a"]"#, "a", Ok(())),
        (r#"["eq", "$Key", "a"]"#, "ab", failed(r#"["eq", "$Key", "a"]"#)),
        (r#"["starts-with", "$key", "a/"]"#, "a/b", Ok(())),
        (r#"["starts-with", "$key", ""]"#, "b", Ok(())),
        (
            r#"["StArTs-WiTh", "$KEY", "a/"]"#,
            "b",
            failed(r#"["starts-with", "$KEY", "a/"]"#),
        ),
        (r#"["eq", "$key", "\$a\""]"#, "$a\"", Ok(())),
        (
            r#"["eq", "$key", "a\""]"#,
            "a",
            failed(r#"["eq", "$key", "a\""]"#),
        ),
    ] {
        let conditions = format!(r#"[{{"bucket": "abc"}}, {condition}]"#);
        assert_eq!(check(&conditions, &[("key", key)]), expected, "{condition} {key}");
    }
}

#[test]
fn each_of_several_types_begins_as_it_shall() {
    let conditions = r#"[{"bucket": "abc"}, ["starts-with", "$Content-Type", "image/"]]"#;
    for (types, holds) in [
        ("image/png", true),
        ("image/png, image/gif", true),
        ("image/png,text/html", false),
        ("", false),
    ] {
        assert_eq!(
            check(conditions, &[("content-type", types)]).is_ok(),
            holds,
            "{types}"
        );
    }
    let other = r#"[{"bucket": "abc"}, ["starts-with", "$x-amz-meta-a", "a"]]"#;
    assert_eq!(check(other, &[("x-amz-meta-a", "a,b")]), Ok(()));
}

#[test]
fn a_field_that_is_not_there_is_empty() {
    let conditions = r#"[{"bucket": "abc"}, ["starts-with", "$x-amz-meta-a", ""]]"#;
    assert_eq!(check(conditions, &[]), Ok(()));
    let conditions = r#"[{"bucket": "abc"}, {"x-amz-meta-a": "1"}]"#;
    assert_eq!(check(conditions, &[]), failed(r#"["eq", "$x-amz-meta-a", "1"]"#));
}

#[test]
fn every_field_has_a_condition_but_the_signature() {
    let free = [
        ("policy", "p"),
        ("signature", "s"),
        ("AWSAccessKeyId", "a"),
        ("x-amz-signature", "s"),
        ("x-ignore-a", "b"),
    ];
    assert_eq!(check(r#"[{"bucket": "abc"}]"#, &free), Ok(()));
    let extra = check(
        r#"[{"bucket": "abc"}]"#,
        &[("Content-Type", "a"), ("x-amz-date", "d")],
    );
    assert_eq!(
        extra,
        Err("Extra input fields: content-type, x-amz-date".to_owned())
    );
}

#[test]
fn the_bucket_is_that_of_the_request() {
    assert_eq!(check("[]", &[]), Err("Extra input fields: bucket".to_owned()));
    let other = r#"[{"bucket": "abd"}]"#;
    assert_eq!(
        check(other, &[("bucket", "abd")]),
        failed(r#"["eq", "$bucket", "abd"]"#)
    );
    assert_eq!(
        check(r#"[["starts-with", "$bucket", "a"]]"#, &[("bucket", "x")]),
        Ok(())
    );
}

#[test]
fn a_policy_holds_until_it_expires() {
    let policy = read(r#"[["starts-with", "$bucket", ""]]"#).unwrap();
    let check = |now: &str| policy.check(&Fields::default(), &BucketName::new("abc").unwrap(), at(now));
    assert!(check(EXPIRATION).is_ok());
    let error = check("2030-01-01T00:00:00.001Z").unwrap_err();
    assert_eq!(error.code, ErrorCode::AccessDenied);
    assert_eq!(error.message, "Invalid according to Policy: Policy expired.");
}

#[test]
fn all_ranges_of_lengths_hold() {
    let sizes = |conditions: &str| read(conditions).unwrap().sizes();
    assert_eq!(sizes("[]"), 0..=u64::MAX);
    assert_eq!(sizes(r#"[["content-length-range", 1, 10]]"#), 1..=10);
    assert_eq!(sizes(r#"[["Content-Length-Range", "1", "10"]]"#), 1..=10);
    assert_eq!(
        sizes(r#"[["content-length-range", 0, 10], ["content-length-range", 2, 20]]"#),
        2..=10
    );
}

#[test]
fn what_is_no_condition_is_said() {
    for (condition, message) in [
        (
            "{}",
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        ),
        (
            r#"{"a": "b", "c": "d"}"#,
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        ),
        (r#"{"a": 1}"#, "Invalid Simple-Condition: value must be a string."),
        (r#""a""#, "Invalid Condition: must be an Object or a List."),
        ("[]", "Invalid Condition: an operator needs two operands."),
        (
            r#"["eq", "$a"]"#,
            "Invalid Condition: an operator needs two operands.",
        ),
        (
            r#"["content-length-range", 0]"#,
            "Invalid Condition: an operator needs two operands.",
        ),
        (
            r#"["eq", "a", "b"]"#,
            "Invalid Condition: the name of a field must begin with a dollar sign.",
        ),
        (
            r#"["ends-with", "$a", "b"]"#,
            "Invalid Condition: unknown operation 'ends-with'.",
        ),
        (
            r#"["content-length-range", -1, 0]"#,
            "Invalid content-length-range: values must be numbers of bytes.",
        ),
        (
            r#"["content-length-range", 0, "+1"]"#,
            "Invalid content-length-range: values must be numbers of bytes.",
        ),
    ] {
        let error = read(&format!("[{condition}]")).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidPolicyDocument);
        assert_eq!(error.message, format!("Invalid Policy: {message}"), "{condition}");
    }
}

#[test]
fn a_policy_has_an_expiration_and_conditions() {
    for (document, message) in [
        (r#"{"conditions": []}"#, "Policy missing expiration."),
        (
            r#"{"EXPIRATION": "2030-01-01T00:00:00Z"}"#,
            "Policy missing expiration.",
        ),
        (r#"{"expiration": "soon"}"#, "Invalid 'expiration' value: 'soon'"),
        (r#"{"expiration": 1}"#, "Invalid 'expiration' value: '1'"),
        (
            r#"{"expiration": "2030-01-01T00:00:00Z"}"#,
            "Policy missing conditions.",
        ),
        (
            r#"{"expiration": "2030-01-01T00:00:00Z", "conditions": {}}"#,
            "Invalid 'conditions' value: must be a List.",
        ),
    ] {
        let error = Policy::read(&STANDARD.encode(document)).unwrap_err();
        assert_eq!(error.message, format!("Invalid Policy: {message}"));
    }
}
