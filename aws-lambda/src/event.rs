//! What invokes the function: requests of its Function URL, and the schedule.
//!
//! A Function URL hands over HTTP requests as JSON, "payload format 2.0"
//! (<https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>). Signatures cover the path and the query as the
//! client sent them, so both are taken from the fields that Lambda does not decode.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bleepstore_core::Body;
use bleepstore_core::served::Client;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;
use serde_json::Value;

/// The field of a scheduled event that says what to do. The whole event is `{"bleepstore":"gc"}`.
pub const SCHEDULED: &str = "bleepstore";

/// The value of [`SCHEDULED`] that asks for a run of garbage collection.
pub const COLLECT: &str = "gc";

/// What an event asks for.
#[derive(Debug)]
pub enum Event {
    /// An S3 request.
    Request(Request<Body>),
    /// A run of garbage collection.
    Collect,
}

/// An event that is neither a request nor the schedule's.
#[derive(Debug, thiserror::Error)]
#[error("the event is not a request of a Function URL: {0}")]
pub struct MalformedEvent(String);

impl MalformedEvent {
    fn new(what: impl ToString) -> Self {
        Self(what.to_string())
    }
}

/// The fields of a request that matter here. The method and the source stand deeper, under `requestContext`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UrlRequest {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    request_context: RequestContext,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct RequestContext {
    http: RequestLine,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestLine {
    method: String,
    #[serde(default)]
    source_ip: Option<String>,
}

impl Event {
    /// Reads an event.
    pub fn read(event: Value) -> Result<Self, MalformedEvent> {
        if let Some(task) = event.get(SCHEDULED) {
            return match task.as_str() {
                Some(COLLECT) => Ok(Self::Collect),
                _ => Err(MalformedEvent::new("no such task")),
            };
        }
        let request: UrlRequest = serde_json::from_value(event).map_err(MalformedEvent::new)?;
        request.into_http().map(Self::Request)
    }
}

impl UrlRequest {
    fn into_http(self) -> Result<Request<Body>, MalformedEvent> {
        let uri = uri(&self.raw_path, &self.raw_query_string)?;
        let method = Method::try_from(self.request_context.http.method.as_str());
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 1);
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str()).map_err(MalformedEvent::new)?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(MalformedEvent::new)?;
            headers.append(name, value);
        }
        let body = match (self.body, self.is_base64_encoded) {
            (None, _) => Vec::new(),
            (Some(text), false) => text.into_bytes(),
            (Some(text), true) => STANDARD.decode(text).map_err(MalformedEvent::new)?,
        };
        // The body is whole, so its length is known even where the client sent it in chunks.
        headers
            .entry(CONTENT_LENGTH)
            .or_insert_with(|| HeaderValue::from(body.len()));
        let mut request = Request::new(Body::full(body));
        *request.method_mut() = method.map_err(MalformedEvent::new)?;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let source = self.request_context.http.source_ip;
        if let Some(Ok(address)) = source.map(|source| source.parse()) {
            request.extensions_mut().insert(Client { address, proxy: None });
        }
        Ok(request)
    }
}

/// The target with every byte of its path and query kept.
fn uri(path: &str, query: &str) -> Result<Uri, MalformedEvent> {
    let path = if path.is_empty() { "/" } else { path };
    let text = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    // A `#` would end the target, and a path of another form would name a host.
    if !text.starts_with('/') || text.contains('#') {
        return Err(MalformedEvent::new("its path is not one"));
    }
    let target = PathAndQuery::try_from(text).map_err(MalformedEvent::new)?;
    Ok(Uri::from(target))
}

/// One value per header, as Lambda's response has it: values of one name are joined as RFC 9110, 5.3 allows.
pub fn fold(headers: &HeaderMap) -> HeaderMap {
    let mut folded = HeaderMap::with_capacity(headers.keys_len());
    for name in headers.keys() {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(value) = HeaderValue::from_bytes(&values.join(&b", "[..])) {
            folded.insert(name.clone(), value);
        }
    }
    folded
}

/// The answer to an event that cannot be read.
pub fn malformed(error: &MalformedEvent) -> Response<Body> {
    tracing::warn!(%error, "an event was refused");
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>BadRequest</Code>\
        <Message>The request could not be understood.</Message></Error>";
    let mut response = Response::new(Body::full(text));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

#[cfg(test)]
mod tests;
