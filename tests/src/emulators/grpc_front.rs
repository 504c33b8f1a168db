//! What stands between a gRPC client and its server, and fails calls: HTTP/2 on both sides, bytes untouched.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is forwarded.
    Pass,
    /// The server never sees it: the answer is this status.
    Refuse(GrpcStatus),
    /// The server does it, and the answer is this status all the same.
    LoseAnswer(GrpcStatus),
}

/// A status of gRPC by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcStatus(pub u16);

impl GrpcStatus {
    /// `DEADLINE_EXCEEDED`.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    /// `RESOURCE_EXHAUSTED`.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    /// `ABORTED`.
    pub const ABORTED: Self = Self(10);
    /// `UNAVAILABLE`.
    pub const UNAVAILABLE: Self = Self(14);
}

type Body = UnsyncBoxBody<Bytes, hyper::Error>;
type Decide = Box<dyn FnMut(&str) -> Fate + Send>;

/// A front on loopback. It ends when this is dropped.
pub struct GrpcFront {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    serving: JoinHandle<()>,
}

struct Seen {
    calls: Vec<String>,
    decide: Decide,
}

impl GrpcFront {
    /// Stands before the server at `upstream` and lets every call pass.
    pub async fn before(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Seen {
            calls: Vec::new(),
            decide: Box::new(|_| Fate::Pass),
        }));
        let serving = tokio::spawn(serve(listener, upstream, seen.clone()));
        Ok(Self {
            address,
            seen,
            serving,
        })
    }

    /// Where it listens, as an endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on `decide` is asked about every call, by the name of its method, such as `Commit`.
    pub fn decide_by(&self, decide: impl FnMut(&str) -> Fate + Send + 'static) {
        self.seen().decide = Box::new(decide);
    }

    /// The methods that were called since the last look, in their order.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.seen().calls)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for GrpcFront {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, upstream: SocketAddr, seen: Arc<Mutex<Seen>>) {
    while let Ok((client, _)) = listener.accept().await {
        let seen = seen.clone();
        tokio::spawn(async move {
            // A client whose connection cannot be made or ends sees that itself.
            drop(carry(client, upstream, seen).await);
        });
    }
}

/// Carries the calls of one connection over one to the server.
async fn carry(client: TcpStream, upstream: SocketAddr, seen: Arc<Mutex<Seen>>) -> Result<(), hyper::Error> {
    let Ok(server) = TcpStream::connect(upstream).await else {
        return Ok(());
    };
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(server));
    let (sender, connection) = handshake.await?;
    tokio::spawn(connection);
    let service = service_fn(move |call| {
        let (sender, seen) = (sender.clone(), seen.clone());
        async move { Ok::<_, Infallible>(answer(sender, call, &seen).await) }
    });
    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(client), service)
        .await
}

async fn answer(
    mut server: SendRequest<Incoming>,
    call: Request<Incoming>,
    seen: &Mutex<Seen>,
) -> Response<Body> {
    let method = call
        .uri()
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let fate = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.calls.push(method.clone());
        (seen.decide)(&method)
    };
    if let Fate::Refuse(status) = fate {
        return status_only(status);
    }
    match (server.send_request(call).await, fate) {
        (Ok(answer), Fate::LoseAnswer(status)) => {
            // Only the end of the answer says that the server has done it.
            drop(answer.into_body().collect().await);
            status_only(status)
        }
        (Ok(answer), _) => answer.map(BodyExt::boxed_unsync),
        (Err(_), _) => status_only(GrpcStatus::UNAVAILABLE),
    }
}

/// A gRPC answer without a message.
fn status_only(status: GrpcStatus) -> Response<Body> {
    let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(empty);
    let headers = answer.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(status.0));
    answer
}
