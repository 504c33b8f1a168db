//! Access keys.

mod row;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub(crate) use self::row::CredentialRow;
use super::{Owner, Timestamp};

/// An access key that the credential index keeps, and whom it speaks for. One with a user or an end is stored in a
/// form that release 0.1 cannot read: it would take the key for its whole account's, for ever.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CredentialRow", into = "CredentialRow")]
pub struct Credential {
    /// What requests name. 3 to 128 bytes, never `/`.
    pub access_key: String,
    /// What signs them. Never logged.
    pub secret_key: String,
    /// The account that requests signed with it act for.
    pub owner: Owner,
    /// When it was created.
    pub created: Timestamp,
    /// As whom in the account; `None` for the account itself.
    pub user: Option<CredentialUser>,
    /// From when on it counts for nothing; `None` for never.
    pub expires: Option<Timestamp>,
}

/// As whom in its account a credential acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialUser {
    /// The name that policies know it by.
    pub name: String,
    /// What it may do: the JSON of an IAM policy, as it was given.
    pub policy: String,
}

impl Credential {
    /// Whether its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The credential that owns the store. It comes from the configuration, not from the store.
#[derive(Clone, PartialEq, Eq)]
pub struct RootCredential {
    /// What requests name.
    pub access_key: String,
    /// What signs them. Never logged.
    pub secret_key: String,
    /// What signed them before the secret was last changed, and may still. Never logged.
    pub previous_secret_key: Option<String>,
}

impl RootCredential {
    /// A credential whose secret was never changed.
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self {
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            previous_secret_key: None,
        }
    }
}

/// Which requests may be signed with Signature Version 2, which signs less of a request than version 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SigV2 {
    /// All: in the `Authorization` header too.
    On,
    /// Presigned URLs, which stock clients still make.
    #[default]
    Presigned,
    /// None.
    Off,
}

impl FromStr for SigV2 {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "presigned" => Ok(Self::Presigned),
            "off" => Ok(Self::Off),
            _ => Err("expected on, presigned or off"),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("access_key", &self.access_key)
            .field("owner", &self.owner)
            .field("user", &self.user.as_ref().map(|user| &user.name))
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RootCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootCredential")
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}
