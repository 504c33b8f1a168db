//! Where an issuer's keys come from.

use std::time::Duration;

use async_trait::async_trait;

/// The issuer's keys cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the issuer's keys cannot be read: {0}")]
pub struct KeysUnavailable(pub String);

/// A document as it was published, such as a JSON Web Key Set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The document.
    pub document: Vec<u8>,
    /// How long it may be kept; zero where nothing is said of that.
    pub max_age: Duration,
}

/// Where keys come from.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// Asks for the keys as they are now.
    async fn fetch(&self) -> Result<Published, KeysUnavailable>;
}
