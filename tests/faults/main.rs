//! What clients see, and what stays in the stores, when stores fail and requests meet.

use std::sync::Arc;

use bleepstore_core::model::{ErrorCode, S3Error};
use bleepstore_tests::decorators::{Faults, Gate, Interceptor, PassThrough, Verdict};
use bleepstore_tests::deployment::Deployment;

mod acls;
mod appends;
mod blob_storage;
mod bucket_deletion;
mod cloud_storage;
mod displacing;
mod firestore;
mod leaving;
mod meetings;
mod renames;
mod scripted;
mod stalling;
mod tags;
mod uploads;
mod versions;
mod writes;

/// Longer than a record takes in itself.
const OLD: &[u8] = b"the old body, longer than 16 bytes";

/// As long, and another.
const NEW: &[u8] = b"the new body, longer than 16 bytes";

/// A bucket in stores in memory, seen by an instance whose calls meet `interceptor`, and by one that nothing disturbs.
struct Two {
    disturbed: Arc<Deployment>,
    other: Deployment,
}

impl Two {
    async fn new(interceptor: Arc<dyn Interceptor>) -> Self {
        let other = Deployment::in_memory(16, 100, Arc::new(PassThrough)).await;
        Self::over(other, interceptor).await
    }

    /// Over other stores, in which there is no bucket yet.
    async fn over(other: Deployment, interceptor: Arc<dyn Interceptor>) -> Self {
        other.create_bucket("bucket").await.unwrap();
        Self {
            disturbed: Arc::new(other.beside(interceptor)),
            other,
        }
    }

    /// The first call of `method` fares as `verdict` says.
    async fn with_fault(method: &'static str, verdict: Verdict) -> Self {
        Self::new(Arc::new(Faults::once(method, 0, verdict))).await
    }

    async fn with_gate() -> (Self, Arc<Gate>) {
        let gate = Gate::new();
        (Self::new(gate.clone()).await, gate)
    }

    /// Starts a request at the instance that can be held.
    fn start<T, F>(&self, request: impl FnOnce(Arc<Deployment>) -> F) -> tokio::task::JoinHandle<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        tokio::spawn(request(self.disturbed.clone()))
    }

    async fn assert_object(&self, bytes: &'static [u8]) {
        assert_eq!(self.other.get("bucket", "a").await.unwrap(), bytes);
    }

    async fn assert_no_object(&self) {
        assert_eq!(code(self.other.get("bucket", "a").await), ErrorCode::NoSuchKey);
    }

    async fn assert_blobs(&self, count: usize) {
        assert_eq!(self.other.stored_blobs().await.len(), count);
    }
}

/// The code of a failure.
#[track_caller]
fn code<T>(result: Result<T, S3Error>) -> ErrorCode {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error.code,
    }
}
