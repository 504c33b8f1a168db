//! The query string, decoded. Signatures are computed over the raw one.

use super::percent::query_pairs;
use crate::model::S3Error;

/// The parameters of a query in the order that they were sent in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Decodes the text after the `?`. `+` is a space; a parameter without `=` has an empty value.
    /// `InvalidURI` where the percent encoding or the UTF-8 is broken or there are too many parameters.
    pub fn parse(raw: &str) -> Result<Self, S3Error> {
        Ok(Self {
            pairs: query_pairs(raw)?,
        })
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
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ErrorCode;
    use crate::protocol::percent::MAX_PARAMETERS;

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
        for broken in ["%", "%4", "%zz", "%ff", "%C3", "%4é"] {
            let error = Query::parse(&format!("a={broken}")).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidURI, "{broken}");
            assert_eq!(error.fields, [("URI", broken.to_owned())]);
        }
    }

    #[test]
    fn a_query_has_at_most_a_thousand_parameters() {
        assert!(Query::parse(&["a"; 1_000].join("&")).is_ok());
        assert_eq!(
            Query::parse(&["a"; 1_001].join("&")).unwrap_err().code,
            ErrorCode::InvalidURI
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_query_panics(raw in "[%&=+a-f0-9é]{0,40}|\\PC{0,40}") {
            if let Ok(query) = Query::parse(&raw) {
                prop_assert!(query.iter().count() <= MAX_PARAMETERS);
            }
        }
    }
}
