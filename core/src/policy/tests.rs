//! Policies as their users see them.

mod conditions;
mod principals;
mod property;
mod public;
mod reading;
mod statements;
mod work;

use std::borrow::Cow;

use super::{ConditionKeys, Policy, PolicyKind, Principal, Question, Resource, Verdict};
use crate::model::{BucketName, ObjectKey};

/// A request that has these condition keys.
pub(super) struct Known(Vec<(String, Vec<String>)>);

impl Known {
    pub(super) fn new(keys: &[(&str, &[&str])]) -> Self {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        Self(
            keys.iter()
                .map(|(key, values)| ((*key).to_owned(), owned(values)))
                .collect(),
        )
    }
}

impl ConditionKeys for Known {
    fn values(&self, key: &str) -> Option<Vec<Cow<'_, str>>> {
        let (_, values) = self.0.iter().find(|(known, _)| known == key)?;
        Some(values.iter().map(|value| value.as_str().into()).collect())
    }
}

const ACCOUNT: &str = "111122223333";
const CANONICAL: &str = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";

fn bucket() -> BucketName {
    BucketName::new("pictures").unwrap()
}

fn account() -> Principal {
    Principal::Account {
        account: ACCOUNT.to_owned(),
        canonical: CANONICAL.to_owned(),
        user: None,
    }
}

fn user(name: &str) -> Principal {
    Principal::Account {
        account: ACCOUNT.to_owned(),
        canonical: CANONICAL.to_owned(),
        user: Some(name.to_owned()),
    }
}

/// What reading a bucket's policy with these statements ends with.
fn read(statements: &str) -> Result<Policy, String> {
    read_as(PolicyKind::Bucket { name: &bucket() }, statements)
}

fn read_as(kind: PolicyKind<'_>, statements: &str) -> Result<Policy, String> {
    let json = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    Policy::read(json.as_bytes(), kind).map_err(|error| error.0)
}

/// A statement that lets everybody read an object, with members put in place of its own by their names.
fn statement(members: &[(&str, &str)]) -> String {
    let own = [
        ("Effect", "\"Allow\""),
        ("Principal", "\"*\""),
        ("Action", "\"s3:GetObject\""),
        ("Resource", "\"arn:aws:s3:::pictures/*\""),
    ];
    let without_not = |name: &str| name.strip_prefix("Not").unwrap_or(name).to_owned();
    let replaced = |name| members.iter().any(|(other, _)| without_not(other) == name);
    let kept = own.iter().filter(|(name, _)| !replaced(*name));
    let written = kept.chain(members).filter(|(_, value)| !value.is_empty());
    let members: Vec<_> = written
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Whether somebody may do an action to an object of the bucket.
fn decide(
    policy: &Policy,
    principal: &Principal,
    action: &str,
    key: &str,
    keys: &[(&str, &[&str])],
) -> Verdict {
    let (bucket, key) = (bucket(), ObjectKey::new(key).unwrap());
    policy.decide(&Question {
        principal,
        action,
        service: "s3",
        resource: Resource::Object(&bucket, &key),
        keys: &Known::new(keys),
    })
}

/// What a statement of a bucket's policy, with these members in place of its own, says of an anonymous GetObject.
fn anonymous(members: &[(&str, &str)], key: &str, keys: &[(&str, &[&str])]) -> Verdict {
    let policy = read(&statement(members)).unwrap();
    decide(&policy, &Principal::Anonymous, "GetObject", key, keys)
}
