//! A stand-in for the core, behind the real server.
// Each test binary uses its own part of this.
#![allow(dead_code)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::Body;
use bleepstore_core::served::Client;
use bleepstore_http::{Options, Responder, serve};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// How long the body of `/large` is: more than all windows and buffers of a connection together.
pub(crate) const LARGE: usize = 16 * 1024 * 1024;

/// Answers by the path.
#[derive(Default)]
pub(crate) struct Probe {
    /// `/wait` was asked for.
    pub entered: Notify,
    /// Lets `/wait` answer.
    pub go_on: Notify,
    /// `/finish` has read its body and was let go on.
    pub finished: Notify,
    /// No connection is open any more.
    pub alone: Notify,
    /// The answer to `/large`, `/wait` or `/finish` was given up or has ended.
    pub ended: Arc<Notify>,
}

impl Responder for Probe {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/count" => count(request.into_body()).await,
            "/refuse" => status(StatusCode::FORBIDDEN, "refused"),
            "/panic" => panic!("asked for"),
            "/finish" => {
                let _ending = Ending(self.ended.clone());
                let answer = count(request.into_body()).await;
                if answer.status() != StatusCode::OK {
                    return answer;
                }
                self.entered.notify_one();
                self.go_on.notified().await;
                self.finished.notify_one();
                answer
            }
            "/client" => {
                let client = request.extensions().get::<Client>().unwrap();
                let proxy = client.proxy.map_or("-".to_owned(), |proxy| proxy.to_string());
                status(StatusCode::OK, &format!("{} {proxy}", client.address))
            }
            "/large" => large(Ending(self.ended.clone())),
            "/wait" => {
                let _ending = Ending(self.ended.clone());
                self.entered.notify_one();
                self.go_on.notified().await;
                status(StatusCode::OK, "waited")
            }
            _ => {
                let host = request
                    .headers()
                    .get("host")
                    .map_or("-", |host| host.to_str().unwrap());
                status(StatusCode::OK, &format!("{} {host}", request.uri()))
            }
        }
    }

    fn connections(&self, open: usize) {
        if open == 0 {
            self.alone.notify_one();
        }
    }
}

/// Tells when it goes.
struct Ending(Arc<Notify>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

fn large(ending: Ending) -> Response<Body> {
    let pieces = stream::iter(0..LARGE / 1024 / 1024).map(move |_| {
        let _ending = &ending;
        Ok(Bytes::from(vec![b'x'; 1024 * 1024]))
    });
    Response::new(Body::stream(pieces, Some(LARGE as u64)))
}

fn status(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::full(text.to_owned()));
    *response.status_mut() = status;
    response
}

async fn count(body: Body) -> Response<Body> {
    let mut stream = body.into_stream();
    let mut length = 0;
    while let Some(item) = stream.next().await {
        match item {
            Ok(bytes) => length += bytes.len(),
            Err(error) => return status(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }
    status(StatusCode::OK, &length.to_string())
}

/// A server that runs until it is told to stop.
pub(crate) struct Server {
    pub address: SocketAddr,
    pub probe: Arc<Probe>,
    pub stop: oneshot::Sender<()>,
    pub ended: JoinHandle<usize>,
}

/// Starts a server on a free port.
pub(crate) async fn start(options: Options) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let probe = Arc::new(Probe::default());
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(serve(listener, probe.clone(), options, async {
        stopped.await.unwrap();
    }));
    Server {
        address,
        probe,
        stop,
        ended,
    }
}

impl Server {
    /// A connection on which nothing was said yet.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Options whose waits on a client end soon, for the tests that wait for them to end.
pub(crate) fn impatient() -> Options {
    Options {
        header_read: Duration::from_millis(50),
        idle: Duration::from_millis(50),
        drain: Duration::from_millis(50),
        ..Options::default()
    }
}
