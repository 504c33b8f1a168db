//! What Cloud Run reaches: S3, and garbage collection for Cloud Scheduler.

use std::time::Duration;

use bleepstore_core::{Body, Limits, Service};
use bleepstore_gcp::oidc::{Refusal, Verifier};
use bleepstore_http::{Responder, ScheduledCollection, bare_response};
use bleepstore_oidc::PublishedKeys;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};

const GC: &str = "/_bleepstore/gc";

/// How long a run of garbage collection may take. Cloud Scheduler waits three minutes unless it is told otherwise
/// (<https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs>).
const COLLECTION_LIMIT: Duration = Duration::from_secs(150);

/// Answers S3 requests, and the schedule's.
pub(crate) struct Routes {
    service: Service,
    /// The service as it is over HTTP/1, where the platform limits that.
    over_http1: Option<Service>,
    /// Who may ask for garbage collection; without it nobody.
    schedule: Option<Verifier<PublishedKeys>>,
    collection: ScheduledCollection,
}

impl Routes {
    pub(crate) fn new(
        service: Service,
        http1_limits: Option<Limits>,
        schedule: Option<Verifier<PublishedKeys>>,
    ) -> Self {
        Self {
            over_http1: http1_limits.map(|limits| service.with_limits(limits)),
            service,
            schedule,
            collection: ScheduledCollection::default(),
        }
    }

    async fn collect(&self, schedule: &Verifier<PublishedKeys>, request: &Request<Body>) -> Response<Body> {
        if *request.method() != Method::POST {
            let mut response = bare_response(StatusCode::METHOD_NOT_ALLOWED);
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let Some(token) = bearer(request.headers()) else {
            return bare_response(StatusCode::FORBIDDEN);
        };
        if let Err(refusal) = schedule.verify(token).await {
            tracing::warn!(%refusal, "a request for garbage collection was refused");
            return bare_response(match refusal {
                Refusal::KeysUnavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::FORBIDDEN,
            });
        }
        match self.collection.run(&self.service, COLLECTION_LIMIT).await {
            Ok(report) => {
                let mut response = Response::new(Body::full(report.to_string()));
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(error) => {
                tracing::error!(%error, "garbage was not collected");
                bare_response(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl Responder for Routes {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        match &self.over_http1 {
            Some(limited) if request.version() < Version::HTTP_2 => limited.call(request).await,
            _ => self.service.call(request).await,
        }
    }

    async fn respond_reserved(&self, request: Request<Body>) -> Response<Body> {
        match &self.schedule {
            Some(schedule) if request.uri().path() == GC => self.collect(schedule, &request).await,
            _ => bare_response(StatusCode::NOT_FOUND),
        }
    }
}

/// The token of the one `Authorization` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
