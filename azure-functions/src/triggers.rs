//! What the host of Functions passes on: S3, and its timer.
//!
//! The host proxies an HTTP request (`enableProxyingHttpRequest`) without its `Host` header, which it leaves in
//! `X-Forwarded-Host`, and with a path that was decoded and encoded again on the way. App Service's front end, before it,
//! leaves the path and the query as the client sent them in `X-WAWS-Unencoded-URL`. A timer it asks for by a request of
//! its own, to the path that is the function's name, without any of these headers.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bleepstore_azure::cosmos::charged;
use bleepstore_core::{Body, Service};
use bleepstore_http::{Responder, ScheduledCollection};
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use serde_json::{Value, json};
use tracing::Span;

use crate::config::Behind;

/// The path of the timer: its function's name, which no bucket can have because of its underscore.
const TIMER: &str = "/bleepstore_gc";

/// How long a run of garbage collection may take: less than the `functionTimeout` of `host.json`.
const COLLECTION_LIMIT: Duration = Duration::from_secs(240);

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const UNENCODED_URL: HeaderName = HeaderName::from_static("x-waws-unencoded-url");

/// What every request has that came from outside, and none that the host makes itself. The proxy in the host sets the
/// first three on each request over whatever a client had put there
/// (<https://learn.microsoft.com/dotnet/api/yarp.reverseproxy.forwarder.httptransformer.default>).
const OF_OUTSIDE: [HeaderName; 4] = [
    FORWARDED_HOST,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
    UNENCODED_URL,
];

/// Answers S3 requests, and the host's timer.
pub(crate) struct Triggers {
    service: Service,
    behind: Behind,
    collection: ScheduledCollection,
}

impl Triggers {
    pub(crate) fn new(service: Service, behind: Behind) -> Self {
        Self {
            service,
            behind,
            collection: ScheduledCollection::default(),
        }
    }

    /// Collects garbage, and answers as the host wants the end of a function told: anything but a success
    /// fails it (<https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers#response-payload>).
    async fn collect(&self) -> Response<Body> {
        match self.collection.run(&self.service, COLLECTION_LIMIT).await {
            Ok(report) => ended(StatusCode::OK, report),
            Err(error) => {
                tracing::error!(%error, "garbage was not collected");
                ended(StatusCode::INTERNAL_SERVER_ERROR, Value::Null)
            }
        }
    }
}

impl Responder for Triggers {
    fn restore(&self, head: &mut Parts) {
        if let Behind::FunctionsHost { trust_unencoded_url } = self.behind {
            restore(head, trust_unencoded_url);
        }
    }

    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        let answer = async {
            if self.behind != Behind::Nothing && is_timer(&request) {
                self.collect().await
            } else {
                self.service.call(request).await
            }
        };
        let (response, request_units) = charged(answer).await;
        Span::current().record("request_units", request_units);
        response
    }
}

/// Gives a request back the `Host`, the path and the query that its client sent and signed. What no client can have
/// sent is left as it is, and its signature will not hold.
fn restore(head: &mut Parts, trust_unencoded_url: bool) {
    if let Some(host) = only(&head.headers, &FORWARDED_HOST).cloned() {
        head.headers.insert(HOST, host);
    }
    let sent = only(&head.headers, &UNENCODED_URL).filter(|_| trust_unencoded_url);
    if let Some(Ok(sent)) = sent.map(|url| PathAndQuery::try_from(url.as_bytes())) {
        head.uri = Uri::from(sent);
    }
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// Whether the host itself asks.
fn is_timer<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::POST
        && request.uri().path() == TIMER
        && !OF_OUTSIDE.iter().any(|name| headers.contains_key(name))
}

fn ended(status: StatusCode, report: Value) -> Response<Body> {
    let document = json!({ "Outputs": {}, "Logs": [], "ReturnValue": report });
    let mut response = Response::new(Body::full(document.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
