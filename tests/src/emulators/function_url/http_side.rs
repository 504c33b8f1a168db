//! The URL: HTTP in, HTTP out.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::document::Document;
use super::event::event;
use super::{Answered, EVENT_LIMIT, Invocations, InvokeMode, RESPONSE_LIMIT};

/// What a streamed response's length is called when it reaches the client.
const REMAPPED_LENGTH: HeaderName = HeaderName::from_static("x-amzn-remapped-content-length");

/// The longest head of a request.
const HEAD_LIMIT: usize = 64 * 1024;

type OutBody = UnsyncBoxBody<Bytes, io::Error>;

pub(super) async fn serve(listener: TcpListener, invocations: Arc<Invocations>, mode: InvokeMode) {
    while let Ok((stream, peer)) = listener.accept().await {
        let invocations = invocations.clone();
        let service = service_fn(move |request| {
            let invocations = invocations.clone();
            async move { Ok::<_, Infallible>(answer(&invocations, mode, request, peer).await) }
        });
        tokio::spawn(async move {
            let served = http1::Builder::new()
                .max_buf_size(HEAD_LIMIT)
                .serve_connection(TokioIo::new(stream), service);
            // A client that goes away, and a response that is cut off, end here: both are part of tests.
            drop(served.await);
        });
    }
}

async fn answer(
    invocations: &Invocations,
    mode: InvokeMode,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<OutBody> {
    let (head, body) = request.into_parts();
    let event = match collect(&head, body).await {
        Some(body) => event(&head, &body, peer).to_string(),
        None => return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
    };
    if event.len() > EVENT_LIMIT {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    let response = match (invocations.invoke(event.into()).await, mode) {
        (Some(answered), InvokeMode::Stream) => Some(respond(answered, &head.method)),
        (Some(answered), InvokeMode::Buffered) => Document::read(answered).await.map(written),
        (None, _) => None,
    };
    response.unwrap_or_else(|| message(StatusCode::BAD_GATEWAY, "Internal Server Error"))
}

/// An answer that came as one document. The length is that of the body that the function gave; of an answer to HEAD
/// hyper sends that length and no body.
fn written(document: Document) -> Response<OutBody> {
    let length = HeaderValue::from(document.body.len());
    let body = Full::from(document.body).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = document.status;
    *response.headers_mut() = document.headers;
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

/// The body, or `None` where it is longer than an event. It is read to its end, so that the client can read the answer,
/// but not where the client waits to be asked for it.
async fn collect(head: &Parts, mut body: Incoming) -> Option<Vec<u8>> {
    let declared = head.headers.get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if head.headers.contains_key(EXPECT) && declared.is_some_and(|length| length > EVENT_LIMIT) {
        return None;
    }
    let mut collected = Vec::new();
    let mut fits = true;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        fits &= collected.len() + data.len() <= EVENT_LIMIT;
        if fits {
            collected.extend_from_slice(&data);
        }
    }
    fits.then_some(collected)
}

/// What AWS answers by itself.
fn message(status: StatusCode, text: &str) -> Response<OutBody> {
    let text = format!("{{\"Message\":\"{text}\"}}");
    let mut response = Response::new(Full::from(text).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn respond(answered: Answered, method: &Method) -> Response<OutBody> {
    let mut headers = answered.headers;
    if let Some(length) = headers.remove(CONTENT_LENGTH) {
        headers.insert(REMAPPED_LENGTH, length);
    }
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding == "gzip")
    {
        headers.remove(CONTENT_ENCODING);
    }
    let body = answered.body;
    let limited = stream::unfold((body, RESPONSE_LIMIT), |(mut body, left)| async move {
        let bytes = body.recv().await?;
        let left = match &bytes {
            Ok(bytes) => left.checked_sub(bytes.len() as u64),
            Err(_) => Some(0),
        };
        Some(match left {
            Some(left) => (bytes.map(Frame::data), (body, left)),
            None => (Err(io::Error::other("the response is too long")), (body, 0)),
        })
    });
    let body = if *method == Method::HEAD {
        Full::default().map_err(|never| match never {}).boxed_unsync()
    } else {
        StreamBody::new(limited).boxed_unsync()
    };
    let mut response = Response::new(body);
    *response.status_mut() = answered.status;
    *response.headers_mut() = headers;
    response
}
