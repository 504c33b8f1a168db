//! The conditions of a statement.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>

use super::Reading;
use super::fault::Fault;
use super::json::Json;
use super::keys::normalized;
use super::operator::{Operator, Set};
use super::pattern::{Pattern, Scope};
use super::values::{ArnPattern, Values};

/// One key under one operator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    operator: Operator,
    key: String,
    values: Values,
}

impl Condition {
    /// Reads the element `Condition`.
    pub(super) fn read_all(json: &Json, reading: &Reading<'_>) -> Result<Vec<Self>, Fault> {
        let Json::Object(operators) = json else {
            return Err(Fault::Syntax);
        };
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            let operator = Operator::parse(name).ok_or_else(|| Fault::Operator(name.clone()))?;
            match keys {
                // An operator without a key would hold for every request.
                Json::Object(keys) if !keys.is_empty() => {
                    for (key, values) in keys {
                        conditions.push(Self::read(operator, key, values, reading)?);
                    }
                }
                _ => return Err(Fault::Syntax),
            }
        }
        Ok(conditions)
    }

    fn read(operator: Operator, key: &str, values: &Json, reading: &Reading<'_>) -> Result<Self, Fault> {
        let condition = Self {
            operator,
            key: normalized(key),
            values: Values::parse(&texts(values)?, operator, reading.variables).ok_or(Fault::Value)?,
        };
        if condition.keys().all(|key| reading.knows(key)) {
            Ok(condition)
        } else {
            Err(Fault::Key)
        }
    }

    /// The keys that it and its variables name.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        [self.key.as_str()].into_iter().chain(self.values.keys())
    }

    /// Whether it holds for a request.
    pub(super) fn holds(&self, scope: Scope<'_>) -> bool {
        let Operator {
            negated,
            if_exists,
            set,
            ..
        } = self.operator;
        if !scope.steps.take(1) {
            return false;
        }
        let present = scope.keys.values(&self.key).filter(|values| !values.is_empty());
        if let Values::Null(wanted) = &self.values {
            return wanted.contains(&present.is_none());
        }
        let Some(present) = present else {
            return if_exists || set.map_or(negated, |set| set == Set::All);
        };
        let mut matches = present.iter().map(|value| self.values.match_value(value, scope));
        match set {
            None => matches.any(|matches| matches) != negated,
            Some(Set::Any) => matches.any(|matches| matches != negated),
            Some(Set::All) => matches.all(|matches| matches != negated),
        }
    }

    /// Whether it holds only for requests from a fixed somebody or somewhere, so that a grant to everybody under it is
    /// none to the public.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
    pub(super) fn excludes_the_public(&self) -> bool {
        const KEYS: [&str; 12] = [
            "aws:principalaccount",
            "aws:principalarn",
            "aws:principalorgid",
            "aws:sourceaccount",
            "aws:sourcearn",
            "aws:sourceowner",
            "aws:sourcevpc",
            "aws:sourcevpce",
            "aws:userid",
            "s3:dataaccesspointaccount",
            "s3:dataaccesspointarn",
            "s3:x-amz-server-side-encryption-aws-kms-key-id",
        ];
        let Operator {
            negated,
            if_exists,
            set,
            ..
        } = self.operator;
        // These hold for a request that has no such key.
        if negated || if_exists || set == Some(Set::All) {
            return false;
        }
        match &self.values {
            Values::Networks(networks) if self.key == "aws:sourceip" => {
                networks.iter().all(|network| !network.is_public())
            }
            // Of an access point only the account counts.
            Values::Arns(arns) if self.key == "s3:dataaccesspointarn" => {
                arns.iter().all(ArnPattern::has_fixed_account)
            }
            Values::Arns(arns) => KEYS.contains(&self.key.as_str()) && arns.iter().all(ArnPattern::is_fixed),
            Values::Texts(texts) => KEYS.contains(&self.key.as_str()) && texts.iter().all(Pattern::is_fixed),
            _ => false,
        }
    }
}

/// One value or several.
fn texts(json: &Json) -> Result<Vec<String>, Fault> {
    match json {
        Json::Array(values) => values.iter().map(text).collect(),
        value => Ok(vec![text(value)?]),
    }
}

fn text(json: &Json) -> Result<String, Fault> {
    match json {
        Json::Text(text) | Json::Number(text) => Ok(text.clone()),
        Json::Bool(value) => Ok(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(Fault::Syntax),
    }
}
