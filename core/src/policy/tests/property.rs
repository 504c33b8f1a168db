//! The evaluator against a simple one, which walks the JSON and tries everything.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::{Policy, PolicyKind, Principal, Verdict};
use super::{account, bucket, decide, user};

/// What a request has, one key at most for each name.
type Keys = Vec<(&'static str, Vec<&'static str>)>;

const NAMES: [&str; 3] = ["aws:username", "s3:prefix", "s3:requestobjecttagkeys"];

const TEXTS: &[&str] = &[
    "a",
    "A",
    "a*",
    "*",
    "?a",
    "a${aws:username}",
    "${s3:prefix, 'a'}*",
    "${*}",
    "10",
    "",
];
const GIVEN: &[&str] = &[
    "a",
    "A",
    "ab",
    "*",
    "",
    "10",
    "5",
    "true",
    "False",
    "10.1.2.3",
    "192.0.2.1",
    "2026-01-01T00:00:00Z",
    "2027-01-01T00:00:00Z",
    "arn:aws:iam::1:user/a",
    "arn:aws:iam::2:user/a:b",
    "YQ==",
];

/// Operators without what their names begin and end with, and values that each of them can have.
const OPERATORS: &[(&str, &[&str])] = &[
    ("StringEquals", TEXTS),
    ("StringNotEquals", TEXTS),
    ("StringEqualsIgnoreCase", TEXTS),
    ("StringNotEqualsIgnoreCase", TEXTS),
    ("StringLike", TEXTS),
    ("StringNotLike", TEXTS),
    ("NumericEquals", &["10", "5"]),
    ("NumericNotEquals", &["10", "5"]),
    ("NumericLessThan", &["10", "5"]),
    ("NumericGreaterThanEquals", &["10", "5"]),
    ("DateEquals", &["2026-01-01T00:00:00Z"]),
    (
        "DateLessThanEquals",
        &["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"],
    ),
    (
        "DateGreaterThan",
        &["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"],
    ),
    ("Bool", &["true", "false"]),
    ("BinaryEquals", &["YQ==", "Yg=="]),
    ("IpAddress", &["10.0.0.0/8", "192.0.2.0/24"]),
    ("NotIpAddress", &["10.0.0.0/8", "192.0.2.0/24"]),
    (
        "ArnLike",
        &[
            "arn:aws:iam::1:user/*",
            "arn:*:*:*:?:user/${aws:username}",
            "arn:${s3:prefix, 'aws'}:iam::?:*",
            "*",
            "arn:*",
        ],
    ),
    ("ArnNotEquals", &["arn:aws:iam::1:user/*", "arn:aws:iam::*"]),
    ("Null", &["true", "false"]),
];

/// One character that stands for itself and never is a wildcard.
fn literal(c: char) -> char {
    char::from_u32(u32::from(c) + 0xF_0000).unwrap()
}

fn value<'a>(keys: &'a Keys, name: &str) -> Option<&'a [&'static str]> {
    let (_, values) = keys.iter().find(|(known, _)| *known == name)?;
    (!values.is_empty()).then_some(values)
}

/// The pattern with its variables replaced. `None` where one has no value.
fn expanded(pattern: &str, keys: &Keys) -> Option<String> {
    let Some((before, rest)) = pattern.split_once("${") else {
        return Some(pattern.to_owned());
    };
    let (inside, after) = rest.split_once('}').unwrap();
    let (name, default) = inside.split_once(", ").unwrap_or((inside, ""));
    let text = match (name, value(keys, name)) {
        ("*", _) => "*",
        (_, Some([one])) => one,
        (_, None) if !default.is_empty() => default.trim_matches('\''),
        _ => return None,
    };
    let text: String = text.chars().map(literal).collect();
    Some(format!("{before}{text}{}", expanded(after, keys)?))
}

fn like(pattern: &[char], text: &[char], wildcards: bool) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', after @ ..], _) if wildcards => {
            like(after, text, true) || (!text.is_empty() && like(pattern, &text[1..], true))
        }
        (['?', after @ ..], [_, rest @ ..]) if wildcards => like(after, rest, true),
        ([own, after @ ..], [c, rest @ ..]) => {
            (own == c || *own == literal(*c)) && like(after, rest, wildcards)
        }
        _ => false,
    }
}

fn matches(pattern: &str, text: &str, wildcards: bool, keys: &Keys) -> bool {
    let characters = |text: &str| text.chars().collect::<Vec<_>>();
    expanded(pattern, keys).is_some_and(|pattern| like(&characters(&pattern), &characters(text), wildcards))
}

fn folded(pattern: &str, text: &str, keys: &Keys) -> bool {
    let Some(pattern) = expanded(pattern, keys) else {
        return false;
    };
    let unmarked = |c: char| char::from_u32(u32::from(c) & 0xFFFF).unwrap();
    let pattern: String = pattern.chars().map(unmarked).collect();
    pattern.eq_ignore_ascii_case(text)
}

fn arn(pattern: &str, text: &str, keys: &Keys) -> bool {
    if pattern == "*" {
        return true;
    }
    // The colons of variables are none between parts.
    let hidden = pattern.replace("${aws:", "${aws|").replace("${s3:", "${s3|");
    let parts = |text: &str| {
        text.splitn(6, ':')
            .map(|part| part.replace('|', ":"))
            .collect::<Vec<_>>()
    };
    let (own, other) = (parts(&hidden), parts(text));
    own.len() == other.len() && (0..own.len()).all(|at| matches(&own[at], &other[at], true, keys))
}

/// Whether a value of the policy matches one of the request, under an operator without its negation.
fn one(operator: &str, own: &str, given: &str, keys: &Keys) -> bool {
    let is_date = |text: &str| text.len() == 20 && text.ends_with('Z');
    // What is all digits is also a date: seconds, long before the dates of these policies.
    let seconds = given.parse::<u32>().is_ok();
    let numbers = own.parse::<i32>().ok().zip(given.parse::<i32>().ok());
    match operator {
        "StringEquals" => matches(own, given, false, keys),
        "StringLike" => matches(own, given, true, keys),
        "StringEqualsIgnoreCase" => folded(own, given, keys),
        "NumericEquals" => numbers.is_some_and(|(own, given)| given == own),
        "NumericLessThan" => numbers.is_some_and(|(own, given)| given < own),
        "NumericGreaterThanEquals" => numbers.is_some_and(|(own, given)| given >= own),
        "DateEquals" => given == own,
        "DateLessThanEquals" => seconds || (is_date(given) && given <= own),
        "DateGreaterThan" => is_date(given) && given > own,
        "Bool" => given.to_lowercase() == own,
        "BinaryEquals" => given == own,
        "IpAddress" => [("10.0.0.0/8", "10.1.2.3"), ("192.0.2.0/24", "192.0.2.1")].contains(&(own, given)),
        "ArnEquals" | "ArnLike" => arn(own, given, keys),
        _ => unreachable!("{operator}"),
    }
}

fn condition(operator: &str, name: &str, own: &[&str], keys: &Keys) -> bool {
    let given = value(keys, name);
    if operator == "Null" {
        return own.contains(&if given.is_none() { "true" } else { "false" });
    }
    let rest = operator
        .trim_start_matches("ForAnyValue:")
        .trim_start_matches("ForAllValues:");
    let base = rest.trim_end_matches("IfExists");
    let positive = base.replace("Not", "");
    let negated = positive != base;
    let Some(given) = given else {
        return if rest.ends_with("IfExists") || operator.starts_with("ForAllValues") {
            true
        } else {
            negated && !operator.starts_with("ForAnyValue")
        };
    };
    let fits = |given: &&str| own.iter().any(|own| one(&positive, own, given, keys));
    if operator.starts_with("ForAllValues") {
        given.iter().all(|given| fits(given) != negated)
    } else if operator.starts_with("ForAnyValue") {
        given.iter().any(|given| fits(given) != negated)
    } else {
        given.iter().any(fits) != negated
    }
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        other => other
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item.as_str().unwrap())
            .collect(),
    }
}

/// Whether a principal is named by itself, and whether its account is.
fn named(principals: &Value, asking: &Principal) -> (bool, bool) {
    let names = match principals {
        Value::String(_) => strings(principals),
        other => strings(&other["AWS"]),
    };
    let (root, own) = match asking {
        Principal::Anonymous => (String::new(), String::new()),
        Principal::Account { account, user, .. } => {
            let root = format!("arn:aws:iam::{account}:root");
            let own = user
                .as_ref()
                .map(|name| format!("arn:aws:iam::{account}:user/{name}"));
            (root.clone(), own.unwrap_or(root))
        }
    };
    (
        names.contains(&"*") || names.contains(&own.as_str()),
        names.contains(&root.as_str()),
    )
}

fn statement_verdict(statement: &Value, asking: &Principal, action: &str, key: &str, keys: &Keys) -> Verdict {
    let allow = statement["Effect"] == "Allow";
    let fit = if let Some(principals) = statement.get("Principal") {
        named(principals, asking)
    } else {
        let (own, account) = named(&statement["NotPrincipal"], asking);
        (!(own || (allow && account)), false)
    };
    let action = format!("s3:{action}").to_lowercase();
    let of = |pattern: &&str| matches(&pattern.to_lowercase(), &action, true, keys);
    let acts = match statement.get("Action") {
        Some(actions) => strings(actions).iter().any(of),
        None => !strings(&statement["NotAction"]).iter().any(of),
    };
    let arn = format!("arn:aws:s3:::pictures/{key}");
    let of = |pattern: &&str| matches(pattern, &arn, true, keys);
    let about = match statement.get("Resource") {
        Some(resources) => strings(resources).iter().any(of),
        None => !strings(&statement["NotResource"]).iter().any(of),
    };
    let conditions = statement["Condition"].as_object().unwrap();
    let held = conditions.iter().all(|(operator, names)| {
        let mut names = names.as_object().unwrap().iter();
        names.all(|(name, values)| condition(operator, name, &strings(values), keys))
    });
    match (acts && about && held, fit, allow) {
        (false, ..) | (true, (false, false), _) => Verdict::Silent,
        (true, _, false) => Verdict::Denies,
        (true, (true, _), true) => Verdict::Allows,
        (true, (false, true), true) => Verdict::AllowsAccount,
    }
}

/// One or more of these, as a text or an array.
fn some(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![
        select(of).prop_map(|one| json!(one)),
        prop::collection::vec(select(of), 1..3).prop_map(|several| json!(several)),
    ]
}

fn conditions() -> impl Strategy<Value = Value> {
    let one = select(OPERATORS).prop_flat_map(|(base, values)| {
        let names = if base == "Null" {
            vec![base.to_owned()]
        } else {
            let prefixes = ["", "", "ForAnyValue:", "ForAllValues:"];
            let suffixes = ["", "", "IfExists"];
            let names = prefixes
                .iter()
                .flat_map(|prefix| suffixes.map(|suffix| format!("{prefix}{base}{suffix}")));
            names.collect()
        };
        (select(names), select(&NAMES[..]), some(values))
    });
    prop::collection::vec(one, 0..3).prop_map(|conditions| {
        let mut read = json!({});
        for (operator, name, values) in conditions {
            read[operator][name] = values;
        }
        read
    })
}

fn statements() -> impl Strategy<Value = Value> {
    let principals = select(vec![
        json!("*"),
        json!({"AWS": "*"}),
        json!({"AWS": "arn:aws:iam::111122223333:root"}),
        json!({"AWS": ["arn:aws:iam::111122223333:user/ann", "arn:aws:iam::444455556666:root"]}),
        json!({"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/bob"]}),
    ]);
    let actions = some(&[
        "s3:GetObject",
        "s3:getobject",
        "s3:Get*",
        "s3:Put*",
        "*",
        "s3:?utObject",
        "S3:*",
    ]);
    let resources = some(&[
        "arn:aws:s3:::pictures/*",
        "arn:aws:s3:::pictures/a",
        "arn:aws:s3:::pictures/?",
        "arn:aws:s3:::pictures/*a?",
        "arn:aws:s3:::pictures/${aws:username}*",
        "arn:aws:s3:::pictures/${*}",
        "arn:aws:s3:::pictures*",
    ]);
    let not = |name: &'static str| select(vec![name.to_owned(), name.to_owned(), format!("Not{name}")]);
    let names = (not("Principal"), not("Action"), not("Resource"));
    let effect = select(vec!["Allow", "Deny"]);
    let parts = (names, effect, principals, actions, resources, conditions());
    parts.prop_map(|((principal, action, resource), effect, principals, actions, resources, conditions)| {
        json!({
            "Effect": effect, principal: principals, action: actions, resource: resources, "Condition": conditions,
        })
    })
}

fn requests() -> impl Strategy<Value = Keys> {
    let values = prop_oneof![
        3 => prop::collection::vec(select(GIVEN), 1..2),
        1 => prop::collection::vec(select(GIVEN), 0..4),
    ];
    let key = |name: &'static str| {
        let values = values.clone();
        prop::option::weighted(0.8, values).prop_map(move |values| values.map(|values| (name, values)))
    };
    let keys = (key(NAMES[0]), key(NAMES[1]), key(NAMES[2]));
    keys.prop_map(|(first, second, third)| [first, second, third].into_iter().flatten().collect())
}

fn askers() -> impl Strategy<Value = Principal> {
    let other = Principal::Account {
        account: "444455556666".to_owned(),
        canonical: "0".repeat(64),
        user: Some("ann".to_owned()),
    };
    select(vec![
        Principal::Anonymous,
        account(),
        user("ann"),
        user("bob"),
        other,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]
    #[test]
    fn every_decision_is_that_of_the_simple_evaluator(
        statements in prop::collection::vec(statements(), 1..4),
        asking in askers(),
        action in select(vec!["GetObject", "PutObject"]),
        key in select(vec!["a", "ab", "b/a", "*", "10"]),
        keys in requests(),
    ) {
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        let policy = Policy::read(document.to_string().as_bytes(), PolicyKind::Bucket { name: &bucket() });
        let policy = policy.map_err(|error| TestCaseError::fail(error.0))?;
        let verdicts = statements.iter().map(|statement| statement_verdict(statement, &asking, action, key, &keys));
        let expected = verdicts.max().unwrap();
        let given: Vec<(&str, &[&str])> = keys.iter().map(|(name, values)| (*name, values.as_slice())).collect();
        prop_assert_eq!(decide(&policy, &asking, action, key, &given), expected);
    }
}
