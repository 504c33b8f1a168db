//! The operators of conditions.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use std::cmp::Ordering;

use super::pattern::Case;

/// An operator with what its name begins and ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub test: Test,
    /// Whether none of the values may match, where otherwise one must.
    pub negated: bool,
    /// Whether it holds for a request without the key.
    pub if_exists: bool,
    pub set: Option<Set>,
}

/// Which of the values of a request a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// `ForAllValues`
    All,
    /// `ForAnyValue`
    Any,
}

/// How a value of a request is compared with one of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Text {
        wildcards: bool,
        case: Case,
    },
    Arn,
    Number(Comparison),
    Date(Comparison),
    Bool,
    Binary,
    Address,
    /// Whether there is no value.
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Operator {
    /// The operator of this name, which is written as AWS writes it.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (set, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Set::All), rest),
            Some(("ForAnyValue", rest)) => (Some(Set::Any), rest),
            Some(_) => return None,
            None => (None, name),
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (test, negated) = test(base)?;
        let plain = set.is_none() && !if_exists;
        (plain || test != Test::Null).then_some(Self {
            test,
            negated,
            if_exists,
            set,
        })
    }
}

/// The test of this name, and whether it is negated.
fn test(name: &str) -> Option<(Test, bool)> {
    let text = |wildcards, case| Test::Text { wildcards, case };
    Some(match name {
        "StringEquals" => (text(false, Case::Matters), false),
        "StringNotEquals" => (text(false, Case::Matters), true),
        "StringEqualsIgnoreCase" => (text(false, Case::Ignored), false),
        "StringNotEqualsIgnoreCase" => (text(false, Case::Ignored), true),
        "StringLike" => (text(true, Case::Matters), false),
        "StringNotLike" => (text(true, Case::Matters), true),
        "ArnEquals" | "ArnLike" => (Test::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
        "Bool" => (Test::Bool, false),
        "BinaryEquals" => (Test::Binary, false),
        "IpAddress" => (Test::Address, false),
        "NotIpAddress" => (Test::Address, true),
        "Null" => (Test::Null, false),
        _ => return ordered(name),
    })
}

fn ordered(name: &str) -> Option<(Test, bool)> {
    let (test, comparison): (fn(Comparison) -> Test, _) = match name.strip_prefix("Numeric") {
        Some(comparison) => (Test::Number, comparison),
        None => (Test::Date, name.strip_prefix("Date")?),
    };
    let (comparison, negated) = match comparison {
        "Equals" => (Comparison::Equals, false),
        "NotEquals" => (Comparison::Equals, true),
        "LessThan" => (Comparison::LessThan, false),
        "LessThanEquals" => (Comparison::LessThanEquals, false),
        "GreaterThan" => (Comparison::GreaterThan, false),
        "GreaterThanEquals" => (Comparison::GreaterThanEquals, false),
        _ => return None,
    };
    Some((test(comparison), negated))
}

impl Comparison {
    /// Whether it holds of a value that has this order to the policy's.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_begins_and_ends_with_says_which_values_it_is_about() {
        let number = Test::Number(Comparison::LessThanEquals);
        let operator = |set, if_exists| {
            Some(Operator {
                test: number,
                negated: false,
                if_exists,
                set,
            })
        };
        for (name, expected) in [
            ("NumericLessThanEquals", operator(None, false)),
            ("NumericLessThanEqualsIfExists", operator(None, true)),
            (
                "ForAllValues:NumericLessThanEquals",
                operator(Some(Set::All), false),
            ),
            (
                "ForAnyValue:NumericLessThanEqualsIfExists",
                operator(Some(Set::Any), true),
            ),
        ] {
            assert_eq!(Operator::parse(name), expected, "{name}");
        }
    }

    #[test]
    fn anything_else_is_no_operator() {
        for name in [
            "",
            "Null:StringEquals",
            "NullIfExists",
            "ForAnyValue:Null",
            "stringequals",
            "StringEqualsIfExistsIfExists",
            "NumericLike",
            "BinaryNotEquals",
            "ForAnyValue:",
            "ForAnyValue:ForAnyValue:Bool",
        ] {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
    }
}
