//! What the server answers: S3, and beside it its metrics.

use std::sync::Arc;

use bleepstore_core::{Body, Service};
use bleepstore_http::{Responder, bare_response, reserved_document};
use bleepstore_local::metrics::{CONTENT_TYPE, Metrics};
use http::{Request, Response, StatusCode};

const METRICS: &str = "/_bleepstore/metrics";

/// Answers S3 requests, and Prometheus's.
pub(crate) struct Routes {
    service: Service,
    /// What is counted; `None` where nothing is, and nobody is told.
    metrics: Option<Arc<Metrics>>,
}

impl Routes {
    /// Over a service, which tells `metrics` of its requests.
    pub(crate) fn new(service: Service, metrics: Option<Arc<Metrics>>) -> Self {
        let service = match &metrics {
            Some(metrics) => service.observed_by(metrics.clone()),
            None => service,
        };
        Self { service, metrics }
    }
}

impl Responder for Routes {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        self.service.call(request).await
    }

    async fn respond_reserved(&self, request: Request<Body>) -> Response<Body> {
        match &self.metrics {
            Some(metrics) if request.uri().path() == METRICS => {
                reserved_document(request.method(), CONTENT_TYPE, || metrics.render())
            }
            _ => bare_response(StatusCode::NOT_FOUND),
        }
    }

    fn connections(&self, open: usize) {
        if let Some(metrics) = &self.metrics {
            metrics.connected(open);
        }
    }
}
