//! What invokes the function: requests of its Function URL, requests of a REST API, and the schedule.
//!
//! A Function URL hands over HTTP requests as JSON, "payload format 2.0"
//! (<https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>); a REST API of API Gateway has a format of its
//! own (`rest`). `lambda_http` reads both. Signatures cover the path and the query as the client sent them, so both are
//! taken from the fields that nothing on the way has decoded, where there are such.

mod rest;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bleepstore_core::Body;
use bleepstore_core::served::Client;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Body as EventBody, RequestExt};
use serde_json::{Value, json};

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

/// Who hands over requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The Function URL, or whoever invokes the function by hand.
    FunctionUrl,
    /// A REST API of API Gateway.
    RestApi,
}

impl Sender {
    /// That of an event.
    pub const fn of(event: &LambdaRequest) -> Self {
        match event {
            LambdaRequest::ApiGatewayV1(_) => Self::RestApi,
            _ => Self::FunctionUrl,
        }
    }

    /// How long it waits for an answer, where that is shorter than the function's own time.
    pub const fn patience(self) -> Duration {
        match self {
            Self::FunctionUrl => Duration::MAX,
            // The integration's timeout, which an account may have raised.
            // https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
            Self::RestApi => Duration::from_secs(29),
        }
    }
}

/// An event that is refused.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is neither a request nor the schedule's.
    #[error("the event is no request: {0}")]
    Malformed(String),
    /// It is a request of which something that matters was lost on the way. The client is told what.
    #[error("the request cannot be told from others: {0}")]
    Ambiguous(&'static str),
}

impl Unreadable {
    fn malformed(what: impl ToString) -> Self {
        Self::Malformed(what.to_string())
    }
}

impl Event {
    /// Reads an event.
    pub fn read(event: LambdaRequest) -> Result<Self, Unreadable> {
        match event {
            LambdaRequest::ApiGatewayV2(event) => {
                let query = event.raw_query_string.clone().unwrap_or_default();
                let request = converted(LambdaRequest::ApiGatewayV2(event))?;
                let target = target(request.raw_http_path(), &query)?;
                Ok(Self::Request(answerable(request, target)))
            }
            LambdaRequest::ApiGatewayV1(mut event) => {
                let query = rest::query(&event)?;
                rest::check(&event)?;
                // The conversion keeps one value of each header; all of them are signed.
                let headers = std::mem::take(&mut event.multi_value_headers);
                let mut request = converted(LambdaRequest::ApiGatewayV1(event))?;
                if !headers.is_empty() {
                    *request.headers_mut() = headers;
                }
                let target = target(request.raw_http_path(), &query)?;
                Ok(Self::Request(answerable(request, target)))
            }
            // An HTTP event that cannot be read is passed through too: nothing but the schedule's very words collects.
            LambdaRequest::PassThrough(text) => match serde_json::from_str::<Value>(&text) {
                Ok(event) if event == json!({ SCHEDULED: COLLECT }) => Ok(Self::Collect),
                Ok(_) => Err(Unreadable::malformed("it has another form")),
                Err(error) => Err(Unreadable::malformed(error)),
            },
            _ => Err(Unreadable::malformed("it has another form")),
        }
    }
}

/// The request that an event stands for, as `lambda_http` makes it. That panics where the event is malformed: at a
/// host, a path or a query that make no URI, and at a body that is not base64.
fn converted(event: LambdaRequest) -> Result<lambda_http::Request, Unreadable> {
    catch_unwind(AssertUnwindSafe(|| event.into()))
        .map_err(|_| Unreadable::malformed("its host, path, query or body is not one"))
}

/// A request as the core takes it, under the target that its client signed.
fn answerable(request: lambda_http::Request, target: Uri) -> Request<Body> {
    let client = client(&request);
    let (mut head, body) = request.into_parts();
    let body = match body {
        EventBody::Text(text) => text.into_bytes(),
        EventBody::Binary(bytes) => bytes,
        _ => Vec::new(),
    };
    // The body is whole, so its length is known even where the client sent it in chunks.
    let length = HeaderValue::from(body.len());
    head.headers.entry(CONTENT_LENGTH).or_insert(length);
    let mut request = Request::new(Body::full(body));
    *request.method_mut() = head.method;
    *request.uri_mut() = target;
    *request.headers_mut() = head.headers;
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }
    request
}

/// Where a request comes from.
fn client(request: &lambda_http::Request) -> Option<Client> {
    let source = match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_ref(),
        RequestContext::ApiGatewayV1(context) => context.identity.source_ip.as_ref(),
        _ => None,
    };
    let address = source?.parse().ok()?;
    Some(Client {
        address,
        proxy: None,
        certain: true,
        // Function URLs and API Gateway take nothing else.
        encrypted: Some(true),
    })
}

/// The target with every byte of its path and query kept.
fn target(path: &str, query: &str) -> Result<Uri, Unreadable> {
    let path = if path.is_empty() { "/" } else { path };
    let text = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    // A `#` would end the target, and a path of another form would name a host.
    if !text.starts_with('/') || text.contains('#') || path.contains('?') {
        return Err(Unreadable::malformed("its path is not one"));
    }
    let target = PathAndQuery::try_from(text).map_err(Unreadable::malformed)?;
    Ok(Uri::from(target))
}

/// The answer to an event that is refused.
pub fn refusal(error: &Unreadable) -> Response<Body> {
    tracing::warn!(%error, "an event was refused");
    let text = match error {
        Unreadable::Malformed(_) => error_document("BadRequest", "The request could not be understood."),
        Unreadable::Ambiguous(why) => error_document("InvalidRequest", why),
    };
    let mut response = Response::new(Body::full(text));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// An error of S3 that the core knows nothing of. There must be nothing in it that XML would read.
pub(crate) fn error_document(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
}

#[cfg(test)]
mod tests;
