//! One request and its response.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bleepstore_core::{Body, Service};
use futures_util::{FutureExt, StreamExt, stream};
use http::header::{CONNECTION, CONTENT_TYPE, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::outliving::{Hold, Outliving, Whole};
use crate::request_body::{Unread, into_core, too_late};
use crate::reserved::Resource;
use crate::trace::TraceContext;
use crate::{Options, http2, reserved};

/// What answers the requests.
pub trait Responder: Send + Sync + 'static {
    /// Gives the head of a request back what a proxy before this server took from it, before anything else reads it.
    fn restore(&self, _head: &mut Parts) {}

    /// Answers one request. Its URI has the path and the query as the client sent them, and its `Host`
    /// header names the authority, whatever the version of HTTP.
    fn respond(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;

    /// Answers a request for a path below `/_bleepstore/` that is not the health check's. Unless a deployment has
    /// something there, there is nothing.
    fn respond_reserved(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        drop(request);
        async { reserved::bare(StatusCode::NOT_FOUND) }
    }

    /// Told how many connections are open, whenever that has changed.
    fn connections(&self, _open: usize) {}
}

impl Responder for Service {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        self.call(request).await
    }
}

/// What the requests of one connection are answered with.
pub(crate) struct Carrier<R> {
    pub(crate) responder: Arc<R>,
    pub(crate) options: Arc<Options>,
    pub(crate) peer: IpAddr,
    pub(crate) hold: Hold,
}

/// Answers one request of a connection. A panic of the responder becomes `500`.
pub(crate) async fn answer<R: Responder>(
    carrier: Arc<Carrier<R>>,
    request: Request<Incoming>,
) -> Response<Body> {
    let span = span(request.headers());
    let answer = answer_within(carrier, request).instrument(span.clone());
    let response = answer.await;
    if span.is_disabled() {
        return response;
    }
    response.map(|body| logged_within(span, body))
}

/// The span of a request in the log. It is as important as its most important event. A deployment whose database charges
/// for each request in units of its own records them in `request_units`.
fn span(headers: &HeaderMap) -> Span {
    match TraceContext::of(headers) {
        Some(TraceContext { trace_id, span_id }) => {
            tracing::error_span!("request", trace_id, span_id, request_units = Empty)
        }
        None => tracing::error_span!("request", request_units = Empty),
    }
}

async fn answer_within<R: Responder>(carrier: Arc<Carrier<R>>, request: Request<Incoming>) -> Response<Body> {
    let options = carrier.options.clone();
    let (mut parts, incoming) = request.into_parts();
    if let Err(status) = check_head(&parts, &options) {
        return refused(parts.version, status);
    }
    into_origin_form(&mut parts);
    carrier.responder.restore(&mut parts);
    let client = options
        .trusted_proxies
        .client(options.front, carrier.peer, &parts.headers);
    parts.extensions.insert(client);
    let closable = parts.version < Version::HTTP_2;
    let waits = expects_continue(&parts.headers);
    let never_told = waits && incoming.is_end_stream();
    let reads_only = parts.method.is_safe();

    let deadline = Instant::now() + options.life;
    let whole = Whole::default();
    let (body, mut unread) = into_core(incoming, options.idle, deadline, whole.clone());
    let hold = carrier.hold.clone();
    let responding = respond(carrier, Request::from_parts(parts, body));
    // What only reads is given up when its client leaves.
    let mut response = if reads_only {
        responding.await
    } else {
        Outliving::new(responding, whole, deadline, hold).await
    }
    .map(|body| http2::paced(ending_by(deadline, body), options.idle));
    if closable && never_told {
        // A client that waited and got its answer at once may confuse it with that of its next request:
        // the botocore inside aws-cli v1 does, after an empty upload.
        close_after(&mut response);
    } else if closable && let Ok(unread) = unread.try_recv() {
        settle(unread, waits, &mut response, &options);
    }
    response
}

/// What is refused of a head that hyper has taken.
fn check_head(head: &Parts, options: &Options) -> Result<(), StatusCode> {
    // Over HTTP/1.1 the parser has refused them.
    if head.headers.len() > options.max_headers {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    // Also where the target names the host (RFC 9112, 3.2).
    if head.version == Version::HTTP_11 && !head.headers.contains_key(HOST) {
        return Err(StatusCode::BAD_REQUEST);
    }
    // hyper takes any codings that end in `chunked`, and decodes that one.
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(StatusCode::NOT_IMPLEMENTED),
    }
}

fn refused(version: Version, status: StatusCode) -> Response<Body> {
    let mut response = reserved::bare(status);
    if version < Version::HTTP_2 {
        close_after(&mut response);
    }
    response
}

fn close_after(response: &mut Response<Body>) {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
}

async fn respond<R: Responder>(carrier: Arc<Carrier<R>>, request: Request<Body>) -> Response<Body> {
    let responder = &*carrier.responder;
    let answering = async {
        match reserved::belongs_to(&request, &carrier.options.base_domains) {
            Resource::S3 => responder.respond(request).await,
            Resource::Health => reserved::health(request.method()),
            Resource::Other => responder.respond_reserved(request).await,
        }
    };
    AssertUnwindSafe(answering)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| internal_error())
}

/// The body, whose events belong to the request.
fn logged_within(span: Span, body: Body) -> Body {
    if body.is_empty() {
        return body;
    }
    let length = body.size_hint().exact();
    let mut pieces = body.into_stream();
    let pieces = stream::poll_fn(move |cx| span.in_scope(|| pieces.poll_next_unpin(cx)));
    Body::stream(pieces, length)
}

/// The body, which fails once the deadline has passed.
fn ending_by(deadline: Instant, body: Body) -> Body {
    if body.is_empty() {
        return body;
    }
    let length = body.size_hint().exact();
    let stream = body.into_stream().map(move |piece| match piece {
        Ok(_) if Instant::now() >= deadline => Err(too_late().into()),
        piece => piece,
    });
    Body::stream(stream, length)
}

/// Gives the request the form that a client sends to an origin server: the authority of an absolute URI
/// (HTTP/2 has no other) moves to the `Host` header, over any that is there
/// ([RFC 9112, 3.2.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2)).
fn into_origin_form(parts: &mut Parts) {
    let Some(authority) = parts.uri.authority() else {
        return;
    };
    let text = authority.as_str();
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    if let Ok(host) = HeaderValue::from_str(host) {
        parts.headers.insert(HOST, host);
    }
    let path = parts.uri.path_and_query().cloned();
    parts.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers
        .get(EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Decides what becomes of a body that the responder did not read. A small one is read to its end beside
/// the response, so that the connection can be used again. Otherwise the connection is closed after the
/// response, also where the client waits for `100 Continue`: it may or may not send the body now.
fn settle(unread: Unread, waits: bool, response: &mut Response<Body>, options: &Options) {
    let Unread { mut body, begun } = unread;
    if body.is_end_stream() {
        return;
    }
    let too_long = body.size_hint().lower() > options.drain_bytes;
    if too_long || (waits && !begun) {
        close_after(response);
        return;
    }
    let (most, limit) = (options.drain_bytes, options.drain);
    tokio::spawn(async move {
        let mut taken = 0;
        let drained = timeout(limit, async {
            while let Some(Ok(frame)) = body.frame().await {
                taken += frame.data_ref().map_or(0, |data| data.len() as u64);
                if taken > most {
                    return false;
                }
            }
            true
        });
        let reusable = drained.await.unwrap_or(false);
        tracing::debug!(reusable, "a body was left unread");
    });
}

/// The answer when the core panicked; errors that it knows of are its own.
fn internal_error() -> Response<Body> {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code>\
        <Message>We encountered an internal error. Please try again.</Message></Error>";
    let mut response = Response::new(Body::full(text));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
