//! Accounts, which buckets and objects belong to.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An account: the unit that buckets and objects belong to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// S3's canonical user id: 64 hex digits.
    pub id: String,
    /// For people. S3 shows it beside the id.
    pub display_name: String,
}

/// The id of an account as policies have it: 12 digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// How long an id is.
    pub const DIGITS: usize = 12;

    /// Of text that is one.
    pub(crate) fn new(digits: &str) -> Self {
        Self(Arc::from(digits))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for AccountId {
    fn default() -> Self {
        Self::new(&"0".repeat(Self::DIGITS))
    }
}

impl FromStr for AccountId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == Self::DIGITS && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self::new(text))
        } else {
            Err("expected 12 digits")
        }
    }
}

const ROOT: &str = "b1ee95703e0000000000000000000000000000000000000000000000000000ff";
const ANONYMOUS: &str = "65a011a29cdf8ec533ec3d1ccaae921c";

/// Whether a name of IAM's (of a user, a role or a session) may have this byte.
pub const fn is_iam_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
}

impl Owner {
    /// Whether this is a canonical user id: 64 lower-case hex digits.
    pub fn is_canonical_id(text: &str) -> bool {
        text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// The owner of the store: whom the root credential speaks for, the same in every store.
    pub fn root() -> Self {
        Self {
            id: ROOT.to_owned(),
            display_name: "root".to_owned(),
        }
    }

    /// Whether this is the owner of the store.
    pub fn is_root(&self) -> bool {
        self.id == ROOT
    }

    /// Whom requests without a signature act for, under the id that S3 gives to all of them together.
    pub fn anonymous() -> Self {
        Self {
            id: ANONYMOUS.to_owned(),
            display_name: "anonymous".to_owned(),
        }
    }

    /// Whether this is nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        self.id == ANONYMOUS
    }
}
