//! Clients that stand still in the middle of a document, over real sockets.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bleepstore_core::body::BodyError;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::ports::Ports;
use bleepstore_core::{Body, Service};
use bleepstore_http::{Options, OsEntropy, Responder, SystemClock, serve};
use bleepstore_tests::http::encoding::content_md5;
use bleepstore_tests::http::{Connection, Front, S3, SignedRequest, endpoint, settings};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use http::{Request, Response};
use http_body::Body as _;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::spawn_blocking;

const KIB: usize = 1 << 10;

/// What the documents may take together.
const MOST: usize = 4096 * KIB;

/// A service that tells when a client stands still.
struct Watched {
    service: Service,
    /// A permit for each body that waits for more after this many bytes of it came.
    stalled: Arc<Semaphore>,
    alone: Notify,
}

/// Where the clients of this test stand still.
const STALLS_AT: usize = 100 * KIB;

impl Responder for Watched {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        let watched = request.map(|body| {
            let length = body.size_hint().exact();
            let pieces = Watching {
                pieces: body.into_stream(),
                came: 0,
                stalled: self.stalled.clone(),
            };
            Body::stream(pieces, length)
        });
        self.service.call(watched).await
    }

    fn connections(&self, open: usize) {
        if open == 0 {
            self.alone.notify_one();
        }
    }
}

struct Watching {
    pieces: BoxStream<'static, Result<Bytes, BodyError>>,
    came: usize,
    stalled: Arc<Semaphore>,
}

impl Stream for Watching {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.pieces.as_mut().poll_next(cx);
        match &next {
            Poll::Ready(Some(Ok(piece))) => self.came += piece.len(),
            Poll::Pending if self.came == STALLS_AT => {
                self.came = 0;
                self.stalled.add_permits(1);
            }
            _ => {}
        }
        next
    }
}

struct Stalling {
    watched: Arc<Watched>,
    s3: S3,
}

impl Stalling {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = endpoint(listener.local_addr().unwrap(), Front::Nothing);
        let clock = Arc::new(SystemClock);
        let ports = Ports {
            metadata: Arc::new(MemoryMetadata::default()),
            blobs: Arc::new(MemoryBlobs::new(clock.clone())),
            clock,
            entropy: Arc::new(OsEntropy),
        };
        let service = Service::start(settings(), ports).await.unwrap();
        let watched = Arc::new(Watched {
            service: service.holding_at_most(MOST),
            stalled: Arc::new(Semaphore::new(0)),
            alone: Notify::new(),
        });
        tokio::spawn(serve(
            listener,
            watched.clone(),
            Options::default(),
            std::future::pending(),
        ));
        let f = Self {
            watched,
            s3: S3 { endpoint },
        };
        let create = f.bucket().request("PUT");
        spawn_blocking(move || create.expect(200)).await.unwrap();
        f.watched.alone.notified().await;
        f
    }

    fn bucket(&self) -> bleepstore_tests::http::Bucket {
        self.s3.bucket_named("bucket".to_owned())
    }

    fn held(&self) -> usize {
        self.watched.service.held_bodies().held()
    }

    /// The head of a DeleteObjects whose document is said to be so long.
    fn head(&self, length: usize) -> SignedRequest {
        let request = self.bucket().request("POST").flag("delete");
        let mut request = request
            .header("content-md5", content_md5(b""))
            .payload_hash("UNSIGNED-PAYLOAD")
            .sign();
        request.add_header("content-length", &length.to_string());
        request
    }

    /// Sends the beginning of a document of so many bytes, and returns once the server waits for the rest.
    async fn stall(&self, length: usize) -> Connection {
        let (request, endpoint) = (self.head(length), self.s3.endpoint.clone());
        let sent = spawn_blocking(move || {
            let mut connection = S3 { endpoint }.connect();
            connection.write_head(&request);
            connection.write(&[b' '; STALLS_AT]);
            connection
        });
        let connection = sent.await.unwrap();
        self.watched.stalled.acquire().await.unwrap().forget();
        connection
    }

    /// The status and the body of the answer to a document of so many bytes that the client only sends when it is asked
    /// to.
    async fn offer(&self, length: usize) -> Response<Vec<u8>> {
        let (mut request, endpoint) = (self.head(length), self.s3.endpoint.clone());
        request.add_header("expect", "100-continue");
        let answer = spawn_blocking(move || {
            let mut connection = S3 { endpoint }.connect();
            connection.write_head(&request);
            connection.read_response("POST")
        });
        let answer = answer.await.unwrap();
        Response::builder()
            .status(answer.status)
            .body(answer.body)
            .unwrap()
    }

    /// Deletes a key by a document of so many bytes.
    async fn delete(&self, length: usize) {
        let document = "<Delete><Quiet>true</Quiet><Object><Key>k</Key></Object>";
        let document = format!("{document}{}</Delete>", " ".repeat(length - document.len() - 9));
        let request = self.bucket().request("POST").flag("delete");
        let request = request
            .header("content-md5", content_md5(document.as_bytes()))
            .body(document);
        spawn_blocking(move || request.expect(200)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_stands_still_holds_what_came_of_it_until_its_client_leaves() {
    let f = Stalling::new().await;
    let stalled = f.stall(200 * KIB).await;
    let held = f.held();
    assert!(
        (2 * STALLS_AT..=4 * STALLS_AT).contains(&held),
        "{held} bytes are held"
    );
    drop(stalled);
    f.watched.alone.notified().await;
    assert_eq!(f.held(), 0);
    f.delete(200 * KIB).await;
    assert_eq!(f.held(), 0, "what was answered holds nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_many_stand_still_a_large_document_is_refused_unread_and_small_ones_go_on() {
    let f = Stalling::new().await;
    let mut stalled = Vec::new();
    for _ in 0..2 {
        stalled.push(f.stall(101 * KIB).await);
    }
    // Of the half that one account may hold, less than twice this is left.
    let refused = f.offer(900 * KIB).await;
    assert_eq!(refused.status(), 503);
    let text = String::from_utf8_lossy(refused.body());
    assert!(text.contains("<Code>SlowDown</Code>"), "{text}");
    f.delete(10 * KIB).await;
    f.delete(64 * KIB).await;
    drop(stalled);
    f.watched.alone.notified().await;
    assert_eq!(f.held(), 0);
}
