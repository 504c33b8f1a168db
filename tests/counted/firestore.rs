//! What each operation asks of Firestore: calls, and documents that are billed. `docs/cost-gcp.md` shows the same
//! figures.

use std::sync::{Arc, Mutex};

use bleepstore_core::memory::MemoryBlobs;
use bleepstore_core::ops::{self, ListObjects};
use bleepstore_gcp::firestore::{FirestoreMetadata, Work};
use bleepstore_http::SystemClock;
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::{Deployment, incoming, name};
use bleepstore_tests::emulators::{FirestoreEmulator, firestore_store, unused_project};
use bleepstore_tests::samples::NOW;
use bytes::Bytes;

/// Operations over a store that counts.
struct Counted {
    deployment: Deployment,
    store: Arc<FirestoreMetadata>,
    before: Mutex<Work>,
}

impl Counted {
    async fn new() -> Self {
        let endpoint = FirestoreEmulator::shared().endpoint();
        let store = firestore_store(&endpoint, &unused_project(), Arc::new(SystemClock)).await;
        let store = Arc::new(store);
        let clock = Arc::new(ManualClock::at(NOW));
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        let deployment = Deployment::over(store.clone(), blobs, clock, Arc::new(PassThrough)).await;
        deployment.create_bucket("bucket").await.unwrap();
        let before = Mutex::new(store.work());
        Self {
            deployment,
            store,
            before,
        }
    }

    async fn put(&self, key: &str) {
        self.deployment
            .put("bucket", key, Bytes::from("body"))
            .await
            .unwrap();
    }

    /// Looks, and asserts nothing.
    fn forget(&self) {
        *self.before.lock().unwrap() = self.store.work();
    }

    /// The calls since the last look, and the documents that they read, wrote and deleted.
    #[track_caller]
    fn assert(&self, round_trips: u64, [reads, writes, deletes]: [u64; 3]) {
        let now = self.store.work();
        let before = std::mem::replace(&mut *self.before.lock().unwrap(), now);
        let since = Work {
            round_trips: now.round_trips - before.round_trips,
            reads: now.reads - before.reads,
            writes: now.writes - before.writes,
            deletes: now.deletes - before.deletes,
        };
        let expected = Work {
            round_trips,
            reads,
            writes,
            deletes,
        };
        assert_eq!(since, expected);
    }
}

#[tokio::test]
async fn buckets_are_created_in_one_write_and_deleted_in_one_transaction() {
    let f = Counted::new().await;
    f.deployment.create_bucket("another").await.unwrap();
    f.assert(1, [0, 1, 0]);
    f.deployment.delete_bucket("another").await.unwrap();
    // The lookup; the bucket and its first object in a transaction; its uploads.
    f.assert(5, [4, 0, 1]);
}

#[tokio::test]
async fn objects_are_looked_up_in_one_call_and_changed_in_one_transaction() {
    let f = Counted::new().await;
    f.put("a").await;
    f.assert(3, [4, 1, 0]);
    f.put("a").await;
    f.assert(3, [4, 1, 0]);
    f.deployment.head("bucket", "a").await.unwrap();
    f.assert(1, [2, 0, 0]);
    f.deployment.get("bucket", "a").await.unwrap();
    f.assert(1, [2, 0, 0]);
    f.deployment.copy(("bucket", "a"), ("bucket", "b")).await.unwrap();
    // Two lookups; the mark of the source; the commit of the copy.
    f.assert(6, [7, 2, 0]);
    f.deployment.delete("bucket", "a").await.unwrap();
    f.deployment.delete("bucket", "b").await.unwrap();
    f.deployment
        .put("bucket", "c", Bytes::from("body"))
        .await
        .unwrap();
    f.forget();
    f.deployment.delete("bucket", "c").await.unwrap();
    f.assert(3, [3, 0, 1]);
    f.deployment.delete("bucket", "c").await.unwrap();
    f.assert(1, [2, 0, 0]);
}

#[tokio::test]
async fn a_listing_reads_its_bucket_and_what_it_shows() {
    let f = Counted::new().await;
    for index in 0..5 {
        f.put(&format!("a/{index}")).await;
    }
    f.put("b").await;
    f.forget();
    let input = ListObjects {
        bucket: name("bucket"),
        prefix: String::new(),
        delimiter: String::new(),
        after: None,
        limit: 1_000,
    };
    let page = ops::list_objects(&f.deployment.context, &f.deployment.caller, input).await;
    assert_eq!(page.unwrap().objects.len(), 6);
    // The bucket, and the objects.
    f.assert(2, [7, 0, 0]);
}

#[tokio::test]
async fn uploads_begin_take_parts_and_end_in_one_transaction_each() {
    let f = Counted::new().await;
    let place = ("bucket", "a");
    let upload = f.deployment.begin("bucket", "a").await.unwrap();
    // The bucket; the bucket again and the upload in a transaction.
    f.assert(3, [2, 1, 0]);
    let part = f
        .deployment
        .part(place, upload, 1, incoming(Bytes::from("body")))
        .await
        .unwrap();
    // Bucket and upload; the upload again and the part in a transaction.
    f.assert(3, [3, 1, 0]);
    let parts = [(1, part.etag)];
    f.deployment.complete(place, upload, &parts).await.unwrap();
    // Bucket and upload; receipt and upload; the parts; receipt, bucket, object and upload, of which three are
    // written; the parts again, which are deleted with the upload.
    f.assert(8, [10, 4, 2]);
    let upload = f.deployment.begin("bucket", "a").await.unwrap();
    f.assert(3, [2, 1, 0]);
    f.deployment.abort(place, upload).await.unwrap();
    // Bucket and upload; receipt and upload, which are written; no parts, and the upload is deleted.
    f.assert(5, [5, 2, 1]);
}
