//! Entity tags.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An entity tag without its quotes: 32 hex digits, with `-N` after them for an object of N parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ETag(String);

impl ETag {
    /// The tag of a body with this MD5.
    pub fn from_md5(md5: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(md5)))
    }

    /// The tag of an object made of `parts` parts: the MD5 of the parts' MD5s, then the count.
    pub fn from_parts(md5_of_md5s: [u8; 16], parts: usize) -> Self {
        Self(format!("{:032x}-{parts}", u128::from_be_bytes(md5_of_md5s)))
    }

    /// The tag that a client sent, with or without quotes.
    pub fn from_client(text: &str) -> Self {
        let text = text.trim();
        let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Self(inner.unwrap_or(text).to_owned())
    }

    /// The MD5 that the tag is made of, unless it is of an object of several parts.
    pub fn md5(&self) -> Option<[u8; 16]> {
        if self.0.len() != 32 {
            return None;
        }
        u128::from_str_radix(&self.0, 16).ok().map(u128::to_be_bytes)
    }

    /// The tag without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// With the quotes that it has on the wire.
impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_tag_is_the_same_with_and_without_quotes() {
        assert_eq!(ETag::from_client("\"abc\""), ETag::from_client(" abc "));
        assert_eq!(ETag::from_client("\"abc").as_str(), "\"abc");
    }

    #[test]
    fn only_a_single_bodys_tag_has_an_md5() {
        let md5 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(ETag::from_md5(md5).md5(), Some(md5));
        assert_eq!(ETag::from_parts(md5, 2).md5(), None);
        assert_eq!(
            ETag::from_parts(md5, 2).to_string(),
            "\"000102030405060708090a0b0c0d0e0f-2\""
        );
    }
}
