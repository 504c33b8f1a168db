//! What the signer of a form allows.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use std::ops::RangeInclusive;

use serde_json::Value;

use super::fields::Fields;
use super::policy_json::document;
use super::refusal::invalid;
use crate::model::{BucketName, ErrorCode, S3Error, Timestamp};

/// The fields that no condition needs to allow: what is signed, and the signature. The file is no field here, and what
/// is ignored neither.
const FREE: [&str; 4] = ["policy", "signature", "awsaccesskeyid", "x-amz-signature"];

/// A policy: until when a form may be sent, and what may stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
    sizes: RangeInclusive<u64>,
}

/// What must hold of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    test: Test,
    /// As it was written, without its `$`.
    field: String,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equal,
    StartsWith,
}

impl Policy {
    /// Reads the document in Base64 that the field `policy` is. `InvalidPolicyDocument` where it is no policy.
    pub fn read(policy: &str) -> Result<Self, S3Error> {
        let document = document(policy)?;
        let expiration = document
            .get("expiration")
            .ok_or_else(|| invalid("Policy missing expiration."))?;
        let expiration = expiration
            .as_str()
            .and_then(Timestamp::from_rfc_3339)
            .ok_or_else(|| invalid(&format!("Invalid 'expiration' value: '{}'", plain(expiration))))?;
        let listed = match document.get("conditions") {
            None => return Err(invalid("Policy missing conditions.")),
            Some(Value::Array(listed)) => listed,
            Some(_) => return Err(invalid("Invalid 'conditions' value: must be a List.")),
        };
        let mut read = Self {
            expiration,
            conditions: Vec::with_capacity(listed.len()),
            sizes: 0..=u64::MAX,
        };
        for condition in listed {
            read.add(condition)?;
        }
        Ok(read)
    }

    fn add(&mut self, condition: &Value) -> Result<(), S3Error> {
        let condition = match condition {
            Value::Object(properties) => {
                let mut properties = properties.iter();
                let (Some((field, value)), None) = (properties.next(), properties.next()) else {
                    return Err(invalid(
                        "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
                    ));
                };
                let value = value
                    .as_str()
                    .ok_or_else(|| invalid("Invalid Simple-Condition: value must be a string."))?;
                Condition::new(Test::Equal, field, value)
            }
            Value::Array(terms) => match terms.as_slice() {
                [Value::String(operator), least, most]
                    if operator.eq_ignore_ascii_case("content-length-range") =>
                {
                    let least = bytes(least)?.max(*self.sizes.start());
                    self.sizes = least..=bytes(most)?.min(*self.sizes.end());
                    return Ok(());
                }
                [
                    Value::String(operator),
                    Value::String(field),
                    Value::String(value),
                ] => {
                    let field = field.strip_prefix('$').ok_or_else(|| {
                        invalid("Invalid Condition: the name of a field must begin with a dollar sign.")
                    })?;
                    Condition::new(Test::named(operator)?, field, value)
                }
                _ => return Err(invalid("Invalid Condition: an operator needs two operands.")),
            },
            _ => return Err(invalid("Invalid Condition: must be an Object or a List.")),
        };
        self.conditions.push(condition);
        Ok(())
    }

    /// `AccessDenied` unless the form may be sent at `now`, each condition holds of it, and each of its fields has a
    /// condition. A field that a form lacks is as one that is empty.
    pub fn check(&self, fields: &Fields, bucket: &BucketName, now: Timestamp) -> Result<(), S3Error> {
        if now > self.expiration {
            return Err(violation("Policy expired."));
        }
        // What the request is for counts, whatever the form says.
        let value = |name: &str| match name {
            "bucket" => bucket.as_str(),
            name => fields.get(name).unwrap_or_default(),
        };
        let mut allowed = Vec::with_capacity(self.conditions.len());
        for condition in &self.conditions {
            let name = condition.field.to_ascii_lowercase();
            if !condition.holds(&name, value(&name)) {
                return Err(violation(&format!(
                    "Policy Condition failed: {}",
                    condition.shown()
                )));
            }
            allowed.push(name);
        }
        let names = fields
            .iter()
            .map(|(name, _)| name)
            .filter(|name| *name != "bucket");
        let is_extra = |name: &&str| !FREE.contains(name) && !allowed.iter().any(|other| other == name);
        let extra: Vec<&str> = names.chain(["bucket"]).filter(is_extra).collect();
        match extra.is_empty() {
            true => Ok(()),
            false => Err(violation(&format!("Extra input fields: {}", extra.join(", ")))),
        }
    }

    /// How many bytes the file may have.
    pub fn sizes(&self) -> RangeInclusive<u64> {
        self.sizes.clone()
    }
}

impl Condition {
    fn new(test: Test, field: &str, value: &str) -> Self {
        Self {
            test,
            field: field.to_owned(),
            value: value.to_owned(),
        }
    }

    /// Whether it holds of a field, whose name is in lower case. A list of types begins as it shall where each of them
    /// does.
    fn holds(&self, name: &str, value: &str) -> bool {
        let expected = self.value.as_str();
        match self.test {
            Test::Equal => value == expected,
            Test::StartsWith if name == "content-type" => value
                .split(',')
                .all(|one| one.trim_start_matches([' ', '\t']).starts_with(expected)),
            Test::StartsWith => value.starts_with(expected),
        }
    }

    fn shown(&self) -> String {
        let operator = match self.test {
            Test::Equal => "eq",
            Test::StartsWith => "starts-with",
        };
        let field = Value::from(format!("${}", self.field));
        let value = Value::from(self.value.as_str());
        format!("[\"{operator}\", {field}, {value}]")
    }
}

impl Test {
    fn named(operator: &str) -> Result<Self, S3Error> {
        if operator.eq_ignore_ascii_case("eq") {
            Ok(Self::Equal)
        } else if operator.eq_ignore_ascii_case("starts-with") {
            Ok(Self::StartsWith)
        } else {
            Err(invalid(&format!(
                "Invalid Condition: unknown operation '{operator}'."
            )))
        }
    }
}

/// A number of bytes, which some clients write as a text.
fn bytes(value: &Value) -> Result<u64, S3Error> {
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let from_text = || value.as_str().filter(is_number)?.parse().ok();
    value
        .as_u64()
        .or_else(from_text)
        .ok_or_else(|| invalid("Invalid content-length-range: values must be numbers of bytes."))
}

/// A value without the quotes of a text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn violation(how: &str) -> S3Error {
    S3Error::message(
        ErrorCode::AccessDenied,
        format!("Invalid according to Policy: {how}"),
    )
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
