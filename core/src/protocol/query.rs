//! The query string, decoded. Signatures are computed over the raw one.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::model::{ErrorCode, S3Error};

/// The parameters of a query in the order that they were sent in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// How many parameters a query may have.
    pub const MAX_PARAMETERS: usize = 1_000;

    /// Decodes the text behind the `?`. `+` is a space; a parameter without `=` has an empty value.
    /// `InvalidURI` where the percent encoding or the UTF-8 is broken or there are too many parameters.
    pub fn parse(raw: &str) -> Result<Self, S3Error> {
        let mut pairs = Vec::new();
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            if pairs.len() == Self::MAX_PARAMETERS {
                return Err(invalid_uri(raw));
            }
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let decode = |text: &str| decode_form(text).ok_or_else(|| invalid_uri(raw));
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self { pairs })
    }

    /// The value of the first parameter with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// Whether there is a parameter with this name, whatever its value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Decodes percent encoding; `None` where a `%` lacks its two hex digits or the result is not UTF-8.
pub(super) fn decode_percent(text: &str) -> Option<String> {
    let well_formed = text.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes();
        (0..2).all(|_| digits.next().is_some_and(|b| b.is_ascii_hexdigit()))
    });
    if !well_formed {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

/// As [`decode_percent`], with `+` for a space.
fn decode_form(text: &str) -> Option<String> {
    if text.contains('+') {
        decode_percent(&text.replace('+', " "))
    } else {
        decode_percent(text)
    }
}

/// `InvalidURI` about this part of the URI.
pub(super) fn invalid_uri(raw: &str) -> S3Error {
    const SHOWN: usize = 1024;
    S3Error::new(ErrorCode::InvalidURI).with("URI", raw.chars().take(SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_are_decoded_and_keep_their_order() {
        let query = Query::parse("prefix=a%2Fb+c%2B&acl&delimiter=%C3%A9&&x=1=2").unwrap();
        let pairs: Vec<_> = query.iter().collect();
        assert_eq!(
            pairs,
            [
                ("prefix", "a/b c+"),
                ("acl", ""),
                ("delimiter", "é"),
                ("x", "1=2")
            ]
        );
        assert!(query.has("acl") && !query.has("policy"));
        assert_eq!(Query::parse("").unwrap(), Query::default());
    }

    #[test]
    fn the_first_of_several_parameters_with_one_name_counts() {
        assert_eq!(Query::parse("a=1&a=2").unwrap().get("a"), Some("1"));
    }

    #[test]
    fn broken_encoding_is_an_invalid_uri() {
        for raw in ["a=%", "a=%4", "a=%zz", "%=1", "a=%ff", "a=%C3", "a=%4é"] {
            let error = Query::parse(raw).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidURI, "{raw}");
            assert_eq!(error.fields, [("URI", raw.to_owned())]);
        }
    }

    #[test]
    fn a_query_has_at_most_a_thousand_parameters() {
        assert!(Query::parse(&"a&".repeat(1_000)).is_ok());
        assert_eq!(
            Query::parse(&"a&".repeat(1_001)).unwrap_err().code,
            ErrorCode::InvalidURI
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_query_panics(raw in "[%&=+a-f0-9é]{0,40}|\\PC{0,40}") {
            if let Ok(query) = Query::parse(&raw) {
                prop_assert!(query.iter().count() <= Query::MAX_PARAMETERS);
            }
        }
    }
}
