//! `encoding-type=url`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'*')
    .remove(b'_')
    .remove(b'/');

/// Encodes a key, prefix, delimiter or marker of a listing. S3 encodes like an HTML form, but with `/` kept. Here a space is
/// `%20` and not `+`: every client decodes that, also one that takes `+` for itself.
pub fn encode_url(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::query::Query;

    #[test]
    fn keys_are_encoded_like_a_form_but_for_slashes_and_spaces() {
        assert_eq!(
            encode_url("a b+c/d~e*f._-é\u{1}"),
            "a%20b%2Bc/d%7Ee*f._-%C3%A9%01"
        );
    }
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn an_encoded_key_decodes_to_itself(key in any::<String>()) {
            let query = Query::parse(&format!("key={}", encode_url(&key))).unwrap();
            prop_assert_eq!(query.get("key"), Some(key.as_str()));
        }
    }
}
