use super::super::Verdict;
use super::anonymous;

type Keys<'a> = &'a [(&'a str, &'a [&'a str])];

/// Whether the condition holds for a request with these keys.
fn holds(condition: &str, keys: Keys<'_>) -> bool {
    anonymous(&[("Condition", condition)], "a", keys) == Verdict::Allows
}

/// Whether `operator` with `values` holds for a request whose `aws:referer` is this.
fn referer(operator: &str, values: &str, given: &[&str]) -> bool {
    let condition = format!(r#"{{"{operator}":{{"aws:Referer":{values}}}}}"#);
    holds(&condition, &[("aws:referer", given)])
}

/// Checks which of the values of a request an operator and its opposite hold for.
fn check(operator: &str, opposite: Option<&str>, values: &str, matching: &[&str], others: &[&str]) {
    for (given, expected) in [(matching, true), (others, false)] {
        for given in given {
            assert_eq!(
                referer(operator, values, &[given]),
                expected,
                "{operator} {values} {given}"
            );
            if let Some(opposite) = opposite {
                assert_eq!(
                    referer(opposite, values, &[given]),
                    !expected,
                    "{opposite} {values} {given}"
                );
            }
        }
    }
}

#[test]
fn texts_are_compared_as_the_operator_says() {
    let equals = ("StringEquals", Some("StringNotEquals"));
    check(
        equals.0,
        equals.1,
        r#"["a*","B"]"#,
        &["a*", "B"],
        &["ab", "b", "", "a*B"],
    );
    let folded = ("StringEqualsIgnoreCase", Some("StringNotEqualsIgnoreCase"));
    check(folded.0, folded.1, r#"["a*","ÄB"]"#, &["A*", "äb"], &["ab", "b"]);
    let like = ("StringLike", Some("StringNotLike"));
    check(
        like.0,
        like.1,
        r#"["a*","?B"]"#,
        &["a", "abc", "xB"],
        &["A", "B", "xb"],
    );
    check(
        "StringEquals",
        None,
        "[12,true,1.5]",
        &["12", "true", "1.5"],
        &["12.0", "True"],
    );
}

#[test]
fn numbers_are_compared_as_numbers() {
    let equals = ("NumericEquals", Some("NumericNotEquals"));
    check(
        equals.0,
        equals.1,
        r#"[10,"1.5"]"#,
        &["10", "10.0", "1.50"],
        &["1", "x", ""],
    );
    check("NumericLessThan", None, "10", &["9", "-10"], &["10", "11", "x"]);
    check("NumericLessThanEquals", None, "10", &["9", "10"], &["10.5", "x"]);
    check("NumericGreaterThan", None, "\"10\"", &["11"], &["10", "9", "x"]);
    check(
        "NumericGreaterThanEquals",
        None,
        "10",
        &["10", "11"],
        &["9", "x", "NaN", "inf"],
    );
}

#[test]
fn dates_are_compared_as_instants() {
    let day = "\"2026-11-23T00:00:00Z\"";
    let (before, at, after) = ("2026-11-22T23:59:59Z", "2026-11-23T01:00:00+01:00", "1795392001");
    let equals = ("DateEquals", Some("DateNotEquals"));
    check(
        equals.0,
        equals.1,
        day,
        &[at, "2026-11-23"],
        &[before, after, "x"],
    );
    check("DateLessThan", None, day, &[before], &[at, after, "x"]);
    check("DateLessThanEquals", None, day, &[before, at], &[after, "x"]);
    check(
        "DateGreaterThan",
        None,
        "1795392000",
        &[after],
        &[before, at, "x"],
    );
    check("DateGreaterThanEquals", None, day, &[at, after], &[before, "x"]);
}

#[test]
fn booleans_bytes_and_addresses_are_compared_as_such() {
    check("Bool", None, "true", &["true", "True"], &["false", "x", "1"]);
    check("Bool", None, "\"false\"", &["false"], &["true"]);
    check(
        "BinaryEquals",
        None,
        "\"QmluYXJ5\"",
        &["QmluYXJ5"],
        &["qmluyxj5", "!", ""],
    );
    let address = ("IpAddress", Some("NotIpAddress"));
    let networks = r#"["203.0.113.0/24","2001:db8::/32","192.0.2.1"]"#;
    let inside = ["203.0.113.9", "2001:db8::1", "192.0.2.1", "::ffff:192.0.2.1"];
    check(
        address.0,
        address.1,
        networks,
        &inside,
        &["203.0.114.9", "2001:db9::1", "192.0.2.2", "x", ""],
    );
}

#[test]
fn each_part_of_an_arn_is_matched_by_itself() {
    for (operator, opposite) in [("ArnEquals", "ArnNotEquals"), ("ArnLike", "ArnNotLike")] {
        let opposite = Some(opposite);
        let users = "\"arn:aws:iam::*:user/*\"";
        let matching = [
            "arn:aws:iam::1:user/a",
            "arn:aws:iam::1:user/a:b",
            "arn:aws:iam:::user/",
        ];
        check(
            operator,
            opposite,
            users,
            &matching,
            &["arn:aws:iam::1:role/user/a", "arn:aws:iam::1", "x", ""],
        );
        check(
            operator,
            opposite,
            "\"arn:*:user/a\"",
            &[],
            &["arn:aws:iam::1:user/a"],
        );
        check(operator, opposite, "\"*\"", &["arn:aws:iam::1:user/a"], &[]);
    }
}

#[test]
fn null_asks_whether_there_is_no_such_key() {
    for (values, absent, present) in [
        ("true", true, false),
        ("\"false\"", false, true),
        ("[true,false]", true, true),
        ("[]", false, false),
    ] {
        let condition = format!(r#"{{"Null":{{"aws:Referer":{values}}}}}"#);
        assert_eq!(holds(&condition, &[]), absent, "{values}");
        assert_eq!(holds(&condition, &[("aws:referer", &[])]), absent, "{values}");
        assert_eq!(holds(&condition, &[("aws:referer", &[""])]), present, "{values}");
    }
}

#[test]
fn an_absent_key_matches_negated_operators_for_all_values_and_if_exists() {
    for (operator, value, expected) in [
        ("StringEquals", "x", false),
        ("StringNotEquals", "x", true),
        ("StringLike", "*", false),
        ("StringNotLike", "*", true),
        ("NumericEquals", "1", false),
        ("NumericNotEquals", "1", true),
        ("DateLessThan", "1", false),
        ("Bool", "false", false),
        ("IpAddress", "::/0", false),
        ("NotIpAddress", "::/0", true),
        ("ArnNotLike", "*", true),
        ("ForAllValues:StringEquals", "x", true),
        ("ForAllValues:StringNotEquals", "x", true),
        ("ForAnyValue:StringEquals", "x", false),
        ("ForAnyValue:StringNotEquals", "x", false),
        ("StringEqualsIfExists", "x", true),
        ("BoolIfExists", "true", true),
        ("ForAnyValue:StringLikeIfExists", "x", true),
    ] {
        let values = format!("\"{value}\"");
        assert_eq!(referer(operator, &values, &[]), expected, "{operator}");
        let condition = format!(r#"{{"{operator}":{{"aws:Referer":{values}}}}}"#);
        assert_eq!(holds(&condition, &[]), expected, "{operator}");
    }
    assert!(!referer("StringEqualsIfExists", "\"x\"", &["y"]));
    assert!(referer("StringEqualsIfExists", "\"x\"", &["x"]));
}

#[test]
fn a_key_of_several_values_is_matched_by_one_of_them_or_by_all() {
    let allowed = r#"["a","b"]"#;
    for (operator, given, expected) in [
        ("ForAllValues:StringEquals", &["a", "b"][..], true),
        ("ForAllValues:StringEquals", &["a", "c"], false),
        ("ForAnyValue:StringEquals", &["c", "a"], true),
        ("ForAnyValue:StringEquals", &["c", "d"], false),
        ("ForAllValues:StringNotEquals", &["c", "d"], true),
        ("ForAllValues:StringNotEquals", &["c", "a"], false),
        ("ForAnyValue:StringNotEquals", &["c", "a"], true),
        ("ForAnyValue:StringNotEquals", &["a", "b"], false),
        ("StringEquals", &["c", "a"], true),
        ("StringNotEquals", &["c", "a"], false),
        ("StringNotEquals", &["c", "d"], true),
    ] {
        assert_eq!(
            referer(operator, allowed, given),
            expected,
            "{operator} {given:?}"
        );
    }
}

#[test]
fn all_keys_and_all_operators_must_hold() {
    let condition =
        r#"{"StringEquals":{"aws:Referer":"a","aws:UserAgent":"b"},"StringLike":{"aws:referer":"?"}}"#;
    assert!(holds(
        condition,
        &[("aws:referer", &["a"]), ("aws:useragent", &["b"])]
    ));
    assert!(!holds(condition, &[("aws:referer", &["a"])]));
    assert!(!holds(
        condition,
        &[("aws:referer", &["a"]), ("aws:useragent", &["c"])]
    ));
    assert!(holds("{}", &[]));
}

#[test]
fn names_of_keys_have_no_case_and_keys_of_tags_have() {
    let condition = r#"{"StringEquals":{"S3:existingobjectTAG/Colour":"red"}}"#;
    assert!(holds(condition, &[("s3:existingobjecttag/Colour", &["red"])]));
    assert!(!holds(condition, &[("s3:existingobjecttag/colour", &["red"])]));
}

#[test]
fn variables_in_values_are_literal_and_equal_nothing_without_a_value() {
    let like = r#"{"StringLike":{"s3:prefix":"home/${aws:username}/*"}}"#;
    assert!(holds(
        like,
        &[("s3:prefix", &["home/ann/x"]), ("aws:username", &["ann"])]
    ));
    assert!(!holds(
        like,
        &[("s3:prefix", &["home/bob/x"]), ("aws:username", &["*"])]
    ));
    assert!(!holds(like, &[("s3:prefix", &["home//x"])]));
    let unlike = r#"{"StringNotEquals":{"s3:prefix":"${aws:username}"}}"#;
    assert!(holds(unlike, &[("s3:prefix", &[""])]));
    let own = r#"{"ArnEquals":{"aws:Referer":"${aws:PrincipalArn}"}}"#;
    let arn: &[&str] = &["arn:aws:iam::1:user/a"];
    assert!(holds(own, &[("aws:referer", arn), ("aws:principalarn", arn)]));
    let part = r#"{"ArnLike":{"aws:Referer":"arn:aws:iam::1:user/${aws:username}"}}"#;
    assert!(holds(part, &[("aws:referer", arn), ("aws:username", &["a"])]));
    assert!(!holds(part, &[("aws:referer", arn), ("aws:username", &["*"])]));
}
