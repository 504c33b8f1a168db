//! The side of the client: requests in, answers out.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::forward::{self, Answer, Failure, OutBody, Upload};
use super::passage::{Arrival, hand_over, handed_back};

/// How long a body that is too large is read on, so that the client can read the answer: Kestrel's time to drain.
const DRAIN: Duration = Duration::from_secs(5);

/// The host as its requests know it.
pub(super) struct Host {
    pub handler: SocketAddr,
    /// The prefix of all routes, without slashes.
    pub prefix: String,
    /// The largest body of a request, in bytes.
    pub body_limit: u64,
    pub count: AtomicU64,
}

impl Host {
    /// The number of the next invocation.
    pub(super) fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<OutBody> {
        let (head, body) = request.into_parts();
        let arrival = Arrival {
            peer,
            handler: self.handler,
            prefix: &self.prefix,
            number: self.next(),
            has_body: !body.is_end_stream(),
        };
        match hand_over(&head, arrival) {
            Err(status) => bare(status),
            Ok(handed) => match self.forward(handed, body).await {
                Ok(answer) => respond(answer),
                Err(failure) => give_up(failure).await,
            },
        }
    }

    async fn forward(&self, head: Parts, body: Incoming) -> Result<Answer, Failure> {
        if body.is_end_stream() {
            return forward::send(self.handler, head).await;
        }
        let length = head.headers.get(CONTENT_LENGTH);
        let expect = head.headers.get(EXPECT);
        let upload = Upload {
            body,
            length: length.and_then(|length| length.to_str().ok()?.parse().ok()),
            limit: self.body_limit,
            waits: expect.is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue")),
        };
        forward::send_with_body(self.handler, head, upload).await
    }
}

pub(super) async fn serve(listener: TcpListener, host: Arc<Host>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let host = host.clone();
        let service = service_fn(move |request| {
            let host = host.clone();
            async move { Ok::<_, Infallible>(host.answer(request, peer).await) }
        });
        tokio::spawn(async move {
            // A client that goes away, and a response that is cut off, end here: both are part of tests.
            drop(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

/// A failed invocation is a bare 500, whatever failed and whichever status YARP had chosen (Azure/azure-functions-host
/// `ExceptionMiddleware.cs`; seen for bodies that are too large in <https://github.com/Azure/azure-functions-host/issues/10519>, and for a
/// handler that hangs up in <https://github.com/Azure/azure-functions-host/issues/10623>).
async fn give_up(failure: Failure) -> Response<OutBody> {
    match failure {
        Failure::Handler(error) => eprintln!("the handler did not answer: {error}"),
        Failure::Client(error) => eprintln!("the client's body ended early: {error}"),
        Failure::TooLarge(mut rest) => {
            let drained = timeout(DRAIN, async { while let Some(Ok(_)) = rest.frame().await {} });
            if drained.await.is_err() {
                eprintln!("a body is far too large");
            }
        }
    }
    closing(bare(StatusCode::INTERNAL_SERVER_ERROR))
}

/// What the host answers by itself: a status and nothing else.
fn bare(status: StatusCode) -> Response<OutBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn closing(mut response: Response<OutBody>) -> Response<OutBody> {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn respond(answer: Answer) -> Response<OutBody> {
    let (mut head, body) = answer.response.into_parts();
    let Some(headers) = handed_back(&head.headers) else {
        return bare(StatusCode::INTERNAL_SERVER_ERROR);
    };
    head.headers = headers;
    head.version = http::Version::HTTP_11;
    let passing = answer.passing;
    let body = body.map_err(move |error| {
        // Held as long as the body is.
        let _passing = &passing;
        io::Error::other(error)
    });
    let response = Response::from_parts(head, body.boxed_unsync());
    if answer.cut_short {
        closing(response)
    } else {
        response
    }
}
