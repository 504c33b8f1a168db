//! Keys as issuers publish them: at an address that is known, or that their discovery document has
//! (<https://openid.net/specs/openid-connect-discovery-1_0.html>).

use std::sync::Arc;

use async_trait::async_trait;
use http::Uri;
use http::uri::Scheme;
use serde::Deserialize;

use crate::client::Client;
use crate::source::{KeySource, KeysUnavailable, Published};

/// Where the discovery document is, after the issuer's URL.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Reads what is at a URL.
#[async_trait]
pub(crate) trait Documents: Send + Sync {
    async fn get(&self, url: &str) -> Result<Published, KeysUnavailable>;
}

#[async_trait]
impl Documents for Client {
    async fn get(&self, url: &str) -> Result<Published, KeysUnavailable> {
        Self::get(self, url).await
    }
}

/// The keys that an issuer publishes.
pub struct PublishedKeys {
    documents: Arc<dyn Documents>,
    place: Place,
}

enum Place {
    Known(String),
    DiscoveredFrom(String),
}

impl PublishedKeys {
    /// Keys at this URL.
    pub fn at(client: Client, url: impl Into<String>) -> Self {
        Self::at_url(Arc::new(client), url.into())
    }

    pub(crate) fn at_url(documents: Arc<dyn Documents>, url: String) -> Self {
        Self {
            documents,
            place: Place::Known(url),
        }
    }

    /// Keys where the discovery document of this issuer says, which is asked for each time.
    pub(crate) fn discovered(documents: Arc<dyn Documents>, issuer: String) -> Self {
        Self {
            documents,
            place: Place::DiscoveredFrom(issuer),
        }
    }

    async fn discover(&self, issuer: &str) -> Result<String, KeysUnavailable> {
        let url = format!("{}{DISCOVERY}", issuer.strip_suffix('/').unwrap_or(issuer));
        let answer = self.documents.get(&url).await?;
        let found: Discovered = serde_json::from_slice(&answer.document)
            .map_err(|error| KeysUnavailable(format!("{url}: no discovery document: {error}")))?;
        if found.issuer != issuer {
            return Err(KeysUnavailable(format!("{url}: it is of another issuer")));
        }
        let keys: Result<Uri, _> = found.jwks_uri.parse();
        if keys.is_ok_and(|keys| keys.scheme() == Some(&Scheme::HTTPS)) {
            Ok(found.jwks_uri)
        } else {
            Err(KeysUnavailable(format!("{url}: its jwks_uri is no https URL")))
        }
    }
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

#[async_trait]
impl KeySource for PublishedKeys {
    async fn fetch(&self) -> Result<Published, KeysUnavailable> {
        match &self.place {
            Place::Known(url) => self.documents.get(url).await,
            Place::DiscoveredFrom(issuer) => self.documents.get(&self.discover(issuer).await?).await,
        }
    }
}
