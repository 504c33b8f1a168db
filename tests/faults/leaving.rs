//! Clients that leave in the middle of a write, over real sockets.

use std::sync::Arc;

use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::ports::{BlobStore, ObjectIndex, Ports};
use bleepstore_core::{Body, Service};
use bleepstore_http::{Options, OsEntropy, Responder, SystemClock, serve};
use bleepstore_tests::decorators::{Gate, intercepted_blobs, intercepted_metadata};
use bleepstore_tests::deployment::name;
use bleepstore_tests::http::{Front, S3, endpoint, settings};
use bleepstore_tests::samples::key;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Longer than the server's first read, and than a record takes in.
const LENGTH: usize = 300_000;

/// The service, and who is told when its last connection has ended.
struct Watched {
    service: Service,
    alone: Arc<Notify>,
}

impl Responder for Watched {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        self.service.call(request).await
    }

    fn connections(&self, open: usize) {
        if open == 0 {
            self.alone.notify_one();
        }
    }
}

struct Left {
    gate: Arc<Gate>,
    metadata: Arc<MemoryMetadata>,
    blobs: Arc<MemoryBlobs>,
    s3: S3,
    alone: Arc<Notify>,
}

impl Left {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = endpoint(listener.local_addr().unwrap(), Front::Nothing);
        let (gate, clock) = (Gate::new(), Arc::new(SystemClock));
        let metadata = Arc::new(MemoryMetadata::new(16, 100));
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        let ports = Ports {
            metadata: Arc::new(intercepted_metadata(metadata.clone(), gate.clone())),
            blobs: Arc::new(intercepted_blobs(blobs.clone(), gate.clone())),
            clock,
            entropy: Arc::new(OsEntropy),
        };
        let service = Service::start(settings(), ports).await.unwrap();
        let alone = Arc::new(Notify::new());
        let watched = Arc::new(Watched {
            service,
            alone: alone.clone(),
        });
        tokio::spawn(serve(
            listener,
            watched,
            Options::default(),
            std::future::pending(),
        ));
        let s3 = S3 { endpoint };
        let create = s3.bucket_named("bucket".to_owned()).request("PUT");
        tokio::task::spawn_blocking(move || create.expect(200))
            .await
            .unwrap();
        alone.notified().await;
        Self {
            gate,
            metadata,
            blobs,
            s3,
            alone,
        }
    }

    /// Sends so many bytes of an object on a connection of its own, which is closed once `meanwhile` is over.
    async fn send_and_leave(&self, bytes: usize, meanwhile: impl Future<Output = ()>) {
        let endpoint = self.s3.endpoint.clone();
        let sent = tokio::task::spawn_blocking(move || {
            let s3 = S3 { endpoint };
            let bucket = s3.bucket_named("bucket".to_owned());
            let request = bucket.put("key", vec![b'x'; LENGTH]).sign();
            let mut connection = s3.connect();
            connection.write_head(&request);
            connection.write(&request.body[..bytes]);
            connection
        });
        let connection = sent.await.unwrap();
        meanwhile.await;
        drop(connection);
        self.alone.notified().await;
    }

    async fn stored_blobs(&self) -> usize {
        self.blobs.scan(None, 10).await.unwrap().blobs.len()
    }

    async fn has_object(&self) -> bool {
        let found = self.metadata.lookup(&name("bucket"), &key("key")).await.unwrap();
        found.object.is_some()
    }
}

/// Where its blob is written, and where its record is about to be.
#[tokio::test]
async fn a_put_whose_client_leaves_after_the_body_is_committed() {
    for after_blob in [true, false] {
        let f = Left::new().await;
        let mut held = match after_blob {
            true => f.gate.hold_answer("write"),
            false => f.gate.hold("edit"),
        };
        let mut committed = f.gate.hold_answer("edit");
        f.send_and_leave(LENGTH, held.arrived()).await;
        assert_eq!(f.stored_blobs().await, 1);
        assert!(!f.has_object().await);
        held.release();
        committed.arrived().await;
        assert!(f.has_object().await);
        assert_eq!(f.stored_blobs().await, 1);
    }
}

#[tokio::test]
async fn a_put_whose_client_leaves_within_the_body_leaves_nothing() {
    let f = Left::new().await;
    f.send_and_leave(LENGTH / 2, async {}).await;
    assert_eq!(f.stored_blobs().await, 0);
    assert!(!f.has_object().await);
}
