//! What the tokens of sessions are sealed with.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hex;

/// A random key, which only the store's record has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionKey([u8; Self::BYTES]);

impl SessionKey {
    /// How long a key is.
    pub const BYTES: usize = 32;

    /// The key of these bytes.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes. Never logged.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey")
    }
}

impl Serialize for SessionKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(self.0))
    }
}

impl<'de> Deserialize<'de> for SessionKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom("the key of sessions is no 64 hex digits");
        if text.len() != 2 * Self::BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; Self::BYTES];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(D::Error::custom)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_hex_and_read_back_and_not_shown() {
        let key = SessionKey::from_bytes(std::array::from_fn(|at| u8::try_from(at * 8).unwrap()));
        let json = serde_json::to_string(&key).unwrap();
        assert!(json.starts_with("\"0008101820") && json.len() == 66, "{json}");
        assert_eq!(serde_json::from_str::<SessionKey>(&json).unwrap(), key);
        assert_eq!(format!("{key:?}"), "SessionKey");
        let (cut, wrong) = ("\"00\"".to_owned(), json.replacen('0', "g", 1));
        for text in [cut, wrong] {
            assert!(serde_json::from_str::<SessionKey>(&text).is_err(), "{text}");
        }
    }
}
