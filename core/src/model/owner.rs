//! Accounts, which buckets and objects belong to.

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

const ANONYMOUS: &str = "65a011a29cdf8ec533ec3d1ccaae921c";

impl Owner {
    /// The owner of the store: whom the root credential speaks for, the same in every store.
    pub fn root() -> Self {
        Self {
            id: "b1ee95703e0000000000000000000000000000000000000000000000000000ff".to_owned(),
            display_name: "root".to_owned(),
        }
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
