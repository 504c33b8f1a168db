//! The pipeline: request in, response out.

use std::sync::Arc;

use http::{Request, Response};

use crate::body::Body;
use crate::config::Settings;
use crate::ports::{BlobStore, Clock, Entropy, MetadataStore};

/// What a deployment plugs into the core.
#[derive(Clone)]
pub struct Ports {
    /// Where records are kept.
    pub metadata: Arc<dyn MetadataStore>,
    /// Where bytes are kept.
    pub blobs: Arc<dyn BlobStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// An S3 endpoint over two stores.
pub struct Service {
    settings: Settings,
    ports: Ports,
}

impl Service {
    /// A service over these ports.
    pub fn new(settings: Settings, ports: Ports) -> Self {
        Self { settings, ports }
    }

    /// Answers one S3 request. The URI's path and query must be the bytes that the client sent; the `Host`
    /// header must be the one that it signed. Never fails: errors are S3's XML.
    pub async fn call(&self, request: Request<Body>) -> Response<Body> {
        tracing::debug!(region = %self.settings.region, uri = %request.uri(), now = ?self.ports.clock.now());
        Response::new(Body::empty())
    }
}
