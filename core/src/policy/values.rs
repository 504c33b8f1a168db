//! The values that a condition compares a request's with.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::network::Network;
use super::operator::{Comparison, Operator, Test};
use super::pattern::{Case, Pattern, Scope, Style};

/// Values of a policy, read as their operator compares them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Texts(Vec<Pattern>),
    Arns(Vec<ArnPattern>),
    Numbers(Comparison, Vec<f64>),
    /// In nanoseconds since the Unix epoch.
    Dates(Comparison, Vec<i128>),
    Bools(Vec<bool>),
    Bytes(Vec<Vec<u8>>),
    Networks(Vec<Network>),
    /// Whether the key is absent.
    Null(Vec<bool>),
}

/// The parts of an ARN between its first five colons, each of which is matched by itself. A text without a colon is
/// one for the whole: `*`, or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArnPattern(Vec<Pattern>);

impl Values {
    /// Reads the values of an operator. `None` where one is nothing that it could compare.
    pub(super) fn parse(texts: &[String], operator: Operator, variables: bool) -> Option<Self> {
        let pattern = |text: &str, wildcards, case| {
            let style = Style {
                wildcards,
                variables,
                case,
            };
            Pattern::new(text, style)
        };
        Some(match operator.test {
            Test::Text { wildcards, case } => Self::Texts(all(texts, |text| pattern(text, wildcards, case))?),
            Test::Arn => Self::Arns(all(texts, |text| {
                let parts = arn_parts(text, variables).map(|part| pattern(part, true, Case::Matters));
                parts.collect::<Option<_>>().map(ArnPattern)
            })?),
            Test::Number(comparison) => Self::Numbers(comparison, all(texts, number)?),
            Test::Date(comparison) => Self::Dates(comparison, all(texts, date)?),
            Test::Bool => Self::Bools(all(texts, boolean)?),
            Test::Binary => Self::Bytes(all(texts, |text| STANDARD.decode(text).ok())?),
            Test::Address => Self::Networks(all(texts, Network::parse)?),
            Test::Null => Self::Null(all(texts, boolean)?),
        })
    }

    /// Whether a value of a request matches one of these. One that cannot be compared matches none.
    pub(super) fn match_value(&self, value: &str, scope: Scope<'_>) -> bool {
        if !scope.steps.take(value.len() + 1) {
            return false;
        }
        match self {
            Self::Texts(patterns) => patterns.iter().any(|pattern| pattern.matches(value, scope)),
            Self::Arns(patterns) => patterns.iter().any(|pattern| pattern.matches(value, scope)),
            Self::Numbers(comparison, numbers) => number(value).is_some_and(|value| {
                let mut orders = numbers.iter().filter_map(|number| value.partial_cmp(number));
                orders.any(|order| comparison.holds(order))
            }),
            Self::Dates(comparison, dates) => {
                date(value).is_some_and(|value| dates.iter().any(|date| comparison.holds(value.cmp(date))))
            }
            Self::Bools(bools) => boolean(value).is_some_and(|value| bools.contains(&value)),
            Self::Bytes(bytes) => STANDARD.decode(value).is_ok_and(|value| bytes.contains(&value)),
            Self::Networks(networks) => value
                .parse::<IpAddr>()
                .is_ok_and(|address| networks.iter().any(|network| network.contains(address))),
            Self::Null(_) => false,
        }
    }

    /// The keys that variables in them name.
    pub(super) fn keys(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Texts(patterns) => Box::new(patterns.iter().flat_map(Pattern::keys)),
            Self::Arns(patterns) => Box::new(
                patterns
                    .iter()
                    .flat_map(|arn| arn.0.iter().flat_map(Pattern::keys)),
            ),
            _ => Box::new([].into_iter()),
        }
    }
}

impl ArnPattern {
    fn matches(&self, arn: &str, scope: Scope<'_>) -> bool {
        if let [whole] = self.0.as_slice() {
            return whole.matches(arn, scope);
        }
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let mut pairs = self.0.iter().zip(&parts);
        parts.len() == self.0.len() && pairs.all(|(pattern, part)| pattern.matches(part, scope))
    }

    /// Whether it is one ARN.
    pub(super) fn is_fixed(&self) -> bool {
        self.0.iter().all(Pattern::is_fixed)
    }

    /// Whether at most the last of its six parts has wildcards and variables: the account stands fixed.
    pub(super) fn has_fixed_account(&self) -> bool {
        self.0.len() == 6 && self.0.iter().take(5).all(Pattern::is_fixed)
    }
}

fn all<T>(texts: &[String], read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    texts.iter().map(|text| read(text)).collect()
}

/// What stands between the first five colons that are not those of variables.
fn arn_parts(text: &str, variables: bool) -> impl Iterator<Item = &str> {
    let (mut last, mut inside) = (' ', false);
    text.splitn(6, move |c| {
        inside = variables && if inside { c != '}' } else { last == '$' && c == '{' };
        last = c;
        c == ':' && !inside
    })
}

fn number(text: &str) -> Option<f64> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
    // The words that Rust also reads.
    text.ends_with(|c: char| c.is_ascii_digit() || c == '.')
        .then_some(number)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Seconds since the Unix epoch, or one of the forms of <https://www.w3.org/TR/NOTE-datetime> with a day. Without a
/// zone it is UTC.
fn date(text: &str) -> Option<i128> {
    const NANOS: i128 = 1_000_000_000;
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * NANOS);
    }
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone)?;
    let seconds = if clock.len() == "00:00".len() { ":00" } else { "" };
    let zone = if zone.is_empty() { "Z" } else { zone };
    let whole = format!("{day}T{clock}{seconds}{zone}");
    let date = OffsetDateTime::parse(&whole, &Rfc3339).ok()?;
    Some(date.unix_timestamp_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_epoch_seconds_or_iso_8601() {
        let instant = date("2026-11-23T10:20:30Z");
        assert_eq!(instant, Some(1_795_429_230_000_000_000));
        for text in [
            "1795429230",
            "2026-11-23T10:20:30.000Z",
            "2026-11-23T12:20:30+02:00",
            "2026-11-23T10:20:30",
        ] {
            assert_eq!(date(text), instant, "{text}");
        }
        assert_eq!(date("2026-11-23"), date("2026-11-23T00:00Z"));
        assert_eq!(date("-1"), date("1969-12-31T23:59:59Z"));
        for text in [
            "",
            "T",
            "2026-11",
            "2026-13-01",
            "2026-11-23T",
            "2026-11-23T10",
            "now",
            "1.5",
            "é",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_finite_decimals() {
        for (text, expected) in [("10", 10.0), ("-1.50", -1.5), ("+2", 2.0), ("1e3", 1000.0)] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for text in [
            "", "x", "inf", "NaN", "infinity", "1e999", "0x10", " 1", "1 ", ".",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
