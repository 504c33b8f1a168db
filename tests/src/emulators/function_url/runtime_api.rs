//! The interface that the function takes its events from and answers to.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::prelude::Prelude;
use super::{Answered, Invocations};

const ROOT: &str = "/2018-06-01/runtime/";

/// How long an invocation may take.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn serve(listener: TcpListener, invocations: Arc<Invocations>) {
    while let Ok((stream, _)) = listener.accept().await {
        let invocations = invocations.clone();
        let service = service_fn(move |request| {
            let invocations = invocations.clone();
            async move { Ok::<_, Infallible>(answer(&invocations, request).await) }
        });
        tokio::spawn(async move {
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                eprintln!("the runtime interface lost a connection: {error}");
            }
        });
    }
}

async fn answer(invocations: &Invocations, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request
        .uri()
        .path()
        .strip_prefix(ROOT)
        .unwrap_or_default()
        .to_owned();
    let words: Vec<&str> = path.split('/').collect();
    match (request.method(), &words[..]) {
        (&Method::GET, ["invocation", "next"]) => next(invocations).await,
        (&Method::POST, ["invocation", id, "response"]) => respond(invocations, id, request).await,
        (&Method::POST, ["invocation", id, "error"]) => {
            // Whoever waits for it sees that it failed.
            drop(invocations.take(id));
            status(StatusCode::ACCEPTED)
        }
        (&Method::POST, ["init", "error"]) => status(StatusCode::ACCEPTED),
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

async fn next(invocations: &Invocations) -> Response<Full<Bytes>> {
    let Some((id, event)) = invocations.waiting.lock().await.recv().await else {
        return status(StatusCode::GONE);
    };
    let deadline = SystemTime::now() + TIMEOUT;
    let deadline = deadline
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Response::builder()
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:bleepstore",
        )
        .header("content-type", "application/json")
        .body(Full::new(event))
        .expect("a well-formed response")
}

/// Hands the function's answer on while it arrives.
async fn respond(invocations: &Invocations, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(waiting) = invocations.take(id) else {
        return status(StatusCode::BAD_REQUEST);
    };
    let mode = request.headers().get("lambda-runtime-function-response-mode");
    let streamed = mode.is_some_and(|mode| mode == "streaming");
    let mut body = request.into_body();
    let (send, receive) = mpsc::channel(4);
    if !streamed {
        let answered = Answered {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: receive,
        };
        drop(waiting.send(answered));
        forward(&mut body, &send).await;
        return status(StatusCode::ACCEPTED);
    }
    let mut prelude = Prelude::default();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        match prelude.push(&data) {
            Ok(None) => {}
            Ok(Some(head)) => {
                let answered = Answered {
                    status: head.status,
                    headers: head.headers,
                    body: receive,
                };
                drop(waiting.send(answered));
                if send.send(Ok(head.body)).await.is_ok() {
                    forward(&mut body, &send).await;
                }
                return status(StatusCode::ACCEPTED);
            }
            Err(error) => {
                eprintln!("the function's prelude is not one: {error}");
                return status(StatusCode::BAD_REQUEST);
            }
        }
    }
    if prelude.is_empty() {
        let octets = HeaderValue::from_static("application/octet-stream");
        let answered = Answered {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, octets)]),
            body: receive,
        };
        drop(waiting.send(answered));
        return status(StatusCode::ACCEPTED);
    }
    status(StatusCode::BAD_REQUEST)
}

/// Passes a body on. Where the client has gone away, the rest is read and dropped, as Lambda does.
async fn forward(body: &mut Incoming, to: &mpsc::Sender<io::Result<Bytes>>) {
    let mut taken = true;
    while let Some(frame) = body.frame().await {
        let data = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => Ok(data),
            // The runtime reports in trailers that the function broke off.
            Ok(Err(_)) => Err(io::Error::other("the function's stream failed")),
            Err(error) => Err(io::Error::other(error)),
        };
        let failed = data.is_err();
        if taken {
            taken = to.send(data).await.is_ok();
        }
        if failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the client gets of a function that streams exactly these bytes.
    async fn answered(stream: &'static [u8]) -> Option<(StatusCode, HeaderMap)> {
        let invocations = Arc::new(Invocations::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, invocations.clone()));
        let client = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut function, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client))
            .await
            .unwrap();
        tokio::spawn(connection);
        let invoked = tokio::spawn(async move { invocations.invoke(Bytes::from_static(b"{}")).await });
        let next = Request::get(format!("{ROOT}invocation/next")).body(Full::new(Bytes::new()));
        let event = function.send_request(next.unwrap()).await.unwrap();
        let id = event.headers()["lambda-runtime-aws-request-id"].to_str().unwrap();
        let response = Request::post(format!("{ROOT}invocation/{id}/response"))
            .header("lambda-runtime-function-response-mode", "streaming")
            .body(Full::new(Bytes::from_static(stream)));
        function.send_request(response.unwrap()).await.unwrap();
        let answered = invoked.await.unwrap()?;
        Some((answered.status, answered.headers))
    }

    #[tokio::test]
    async fn a_stream_without_a_head_is_a_bare_200() {
        let (status, headers) = answered(b"").await.unwrap();
        assert_eq!(status, 200);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["content-type"], "application/octet-stream");
    }

    #[tokio::test]
    async fn a_head_without_a_body_is_a_whole_answer() {
        let head = b"{\"statusCode\":204,\"headers\":{\"x-a\":\"1\"}}\0\0\0\0\0\0\0\0";
        let (status, headers) = answered(head).await.unwrap();
        assert_eq!(
            (status.as_u16(), &headers["x-a"]),
            (204, &HeaderValue::from_static("1"))
        );
    }

    #[tokio::test]
    async fn half_a_head_is_none() {
        assert!(answered(b"{\"statusCode\":204").await.is_none());
    }
}
