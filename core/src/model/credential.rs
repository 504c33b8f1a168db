//! Access keys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Owner, Timestamp};

/// An access key that the credential index keeps, and whom it speaks for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// What requests name. 3 to 128 bytes, never `/`.
    pub access_key: String,
    /// What signs them. Never logged.
    pub secret_key: String,
    /// The account that requests signed with it act for.
    pub owner: Owner,
    /// When it was created.
    pub created: Timestamp,
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
