//! The documents of buckets: in the row where they are short, else in blobs that live as long as the row names them.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::{
    BlobRef, Bucket, BucketLayout, DocumentKind, ErrorCode, Operation, RequestedAcl, S3Error,
};
use bleepstore_core::ops::{
    Finding, FsckOptions, GcOptions, Progress, bucket_document, check_slice, collect_round, open_bucket,
    set_bucket_document,
};
use bleepstore_tests::decorators::{CallCounter, Gate, Interceptor, PassThrough};
use bleepstore_tests::deployment::{Deployment, name};
use bytes::Bytes;
use serde_json::Value;

const KIND: DocumentKind = DocumentKind::Tagging;
const OPERATION: Operation = Operation::PutBucketTagging;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn store(interceptor: Arc<dyn Interceptor>) -> Deployment {
    let store = Deployment::in_memory(1_000, 1_000, interceptor).await;
    store.create_bucket("bucket").await.unwrap();
    store
}

async fn row(store: &Deployment) -> Bucket {
    store.bucket_row("bucket").await.unwrap()
}

async fn put(store: &Deployment, document: impl Into<Value>) -> Result<(), S3Error> {
    let (context, caller) = (&store.context, &store.caller);
    let bucket = open_bucket(context, caller, OPERATION, &name("bucket")).await?;
    set_bucket_document(
        context,
        caller,
        OPERATION,
        bucket,
        (KIND, Some(document.into())),
        |_, _| Ok(()),
    )
    .await
}

async fn delete(store: &Deployment) -> Result<(), S3Error> {
    let (context, caller) = (&store.context, &store.caller);
    let bucket = open_bucket(context, caller, OPERATION, &name("bucket")).await?;
    set_bucket_document(context, caller, OPERATION, bucket, (KIND, None), |_, _| Ok(())).await
}

/// What a request reads that found this row.
async fn read(store: &Deployment, bucket: &Bucket) -> Option<Value> {
    let found = bucket_document(&store.context, bucket, KIND).await.unwrap();
    found.map(|json| serde_json::from_slice(&json).unwrap())
}

/// A document of that many bytes.
fn long(letter: char, length: usize) -> Value {
    // Two bytes are the quotes.
    Value::String(letter.to_string().repeat(length - 2))
}

async fn blobs(store: &Deployment) -> Vec<BlobRef> {
    store.stored_blobs().await
}

#[tokio::test]
async fn up_to_2_kib_lie_in_the_row_and_more_in_a_blob() {
    let store = store(Arc::new(PassThrough)).await;
    assert_eq!(row(&store).await.layout, BucketLayout::FIRST);
    assert_eq!(read(&store, &row(&store).await).await, None);
    for (length, in_blobs) in [(10, 0), (2_048, 0), (2_049, 1), (100_000, 1), (2_048, 0)] {
        put(&store, long('a', length)).await.unwrap();
        assert_eq!(blobs(&store).await.len(), in_blobs, "{length}");
        assert_eq!(read(&store, &row(&store).await).await, Some(long('a', length)));
        assert_eq!(row(&store).await.layout, BucketLayout::DOCUMENTS);
    }
    put(&store, long('a', 5_000)).await.unwrap();
    delete(&store).await.unwrap();
    assert_eq!(read(&store, &row(&store).await).await, None);
    assert_eq!(blobs(&store).await, []);
    // What is not there is deleted.
    let revision = row(&store).await.revision;
    delete(&store).await.unwrap();
    assert_eq!(row(&store).await.revision, revision);
}

#[tokio::test]
async fn a_blob_is_read_once_by_a_process_and_never_by_a_request_that_needs_no_document() {
    let counter = Arc::new(CallCounter::default());
    let store = store(counter.clone()).await;
    put(&store, long('a', 5_000)).await.unwrap();
    let bucket = row(&store).await;
    counter.take();
    for _ in 0..3 {
        assert_eq!(read(&store, &bucket).await, Some(long('a', 5_000)));
    }
    assert_eq!((counter.count("read"), counter.total()), (1, 1));
    store.put("bucket", "key", "x").await.unwrap();
    store.get("bucket", "key").await.unwrap();
    assert_eq!(counter.count("read"), 1);
    // What another process puts in its place is seen with the row.
    put(&store.beside(Arc::new(PassThrough)), long('b', 5_000))
        .await
        .unwrap();
    assert_eq!(read(&store, &row(&store).await).await, Some(long('b', 5_000)));
}

#[tokio::test]
async fn a_reader_whose_row_was_replaced_reads_what_is_there_now() {
    let store = store(Arc::new(PassThrough)).await;
    put(&store, long('a', 5_000)).await.unwrap();
    let before = row(&store).await;
    put(&store, long('b', 5_000)).await.unwrap();
    assert_eq!(read(&store, &before).await, Some(long('b', 5_000)));
    delete(&store).await.unwrap();
    assert_eq!(read(&store.beside(Arc::new(PassThrough)), &before).await, None);
    store.delete_bucket("bucket").await.unwrap();
    store.create_bucket("bucket").await.unwrap();
    let reader = store.beside(Arc::new(PassThrough));
    let gone = bucket_document(&reader.context, &before, KIND).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NoSuchBucket);
}

/// A change of the list meets a change of the document: both stand.
#[tokio::test]
async fn racing_changes_of_a_row_lose_nothing_and_leave_one_blob() {
    let gate = Gate::new();
    let store = store(gate.clone()).await;
    put(&store, long('a', 5_000)).await.unwrap();
    let mut held = gate.hold("update_bucket");
    let other = store.beside(Arc::new(PassThrough));
    let (first, ()) = tokio::join!(put(&store, long('b', 5_000)), async {
        held.arrived().await;
        put(&other, long('c', 6_000)).await.unwrap();
        let private = RequestedAcl::default();
        other.put_bucket_acl("bucket", private).await.unwrap();
        held.release();
    });
    first.unwrap();
    assert_eq!(read(&store, &row(&store).await).await, Some(long('b', 5_000)));
    assert_eq!(blobs(&store).await.len(), 1);
}

#[tokio::test]
async fn a_collection_keeps_a_documents_blob_and_takes_what_a_failed_put_left() {
    let store = store(Arc::new(PassThrough)).await;
    put(&store, long('a', 5_000)).await.unwrap();
    let kept = blobs(&store).await;
    let left = {
        let elsewhere = Deployment::in_memory(1_000, 1_000, Arc::new(PassThrough)).await;
        elsewhere.create_bucket("bucket").await.unwrap();
        // The last blob of a store that makes up names in the same order.
        put(&elsewhere, long('b', 5_000)).await.unwrap();
        let first = blobs(&elsewhere).await;
        elsewhere.blobs.delete(&first).await;
        put(&elsewhere, long('c', 5_000)).await.unwrap();
        blobs(&elsewhere).await[0]
    };
    let body = futures_util::stream::iter([Ok(Bytes::from_static(b"left"))]);
    assert!(store.blobs.write(&left, Box::pin(body), Some(4)).await.is_ok());
    store.clock.advance(2 * DAY);
    let options = GcOptions {
        force: true,
        ..GcOptions::default()
    };
    let report = collect_round(&store.context.ports, &options).await.unwrap();
    assert_eq!((report.seen.blobs, report.deleted.blobs), (2, 1));
    assert_eq!(blobs(&store).await, kept);
    assert_eq!(read(&store, &row(&store).await).await, Some(long('a', 5_000)));
}

#[tokio::test]
async fn a_deleted_bucket_takes_its_documents_with_it() {
    let store = store(Arc::new(PassThrough)).await;
    put(&store, long('a', 5_000)).await.unwrap();
    store.delete_bucket("bucket").await.unwrap();
    assert_eq!(blobs(&store).await, []);
}

#[tokio::test]
async fn a_damaged_or_lost_document_is_an_error_and_a_finding() {
    let store = store(Arc::new(PassThrough)).await;
    put(&store, long('a', 5_000)).await.unwrap();
    let blob = blobs(&store).await[0];
    let check = async || {
        let options = FsckOptions {
            verify_checksums: true,
            ..FsckOptions::default()
        };
        let progress = Progress::default();
        check_slice(&store.context.ports, &options, None, &progress)
            .await
            .unwrap()
            .findings
    };
    assert_eq!(check().await, []);
    store.blobs.delete(&[blob]).await;
    let reader = store.beside(Arc::new(PassThrough));
    let lost = bucket_document(&reader.context, &row(&store).await, KIND)
        .await
        .unwrap_err();
    assert_eq!(lost.code, ErrorCode::InternalError);
    let [Finding::Missing { named_by, .. }] = &check().await[..] else {
        panic!("the lost document is no finding");
    };
    assert_eq!(named_by.to_string(), "the tagging of bucket bucket");
    let damage = futures_util::stream::iter([Ok(Bytes::from(vec![b'x'; 5_000]))]);
    assert!(
        store
            .blobs
            .write(&blob, Box::pin(damage), Some(5_000))
            .await
            .is_ok()
    );
    let damaged = bucket_document(&reader.context, &row(&store).await, KIND)
        .await
        .unwrap_err();
    assert_eq!(damaged.code, ErrorCode::InternalError);
    assert!(matches!(check().await[..], [Finding::WrongChecksum { .. }]));
    // It can be put anew.
    put(&store, long('b', 5_000)).await.unwrap();
    assert_eq!(read(&store, &row(&store).await).await, Some(long('b', 5_000)));
    assert_eq!(check().await, []);
}
