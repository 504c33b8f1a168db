//! What the decorators promise to the tests that use them.

use std::sync::Arc;

use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{ErrorCode, S3Error};
use bleepstore_core::ports::{BlobRead, Edit, MetadataStore, StoreErrorKind, WriteError};
use bleepstore_tests::blob_conformance::{BlobFixture, body};
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::decorators::{
    CallCounter, Faults, Gate, Interceptor, Verdict, intercepted_blobs, intercepted_metadata,
};
use bleepstore_tests::metadata_conformance::MetadataFixture;
use bleepstore_tests::metadata_conformance::edits::{ANY, NO_ROW, applied};
use bleepstore_tests::samples::{NOW, key};
use bytes::Bytes;

fn around(f: &MetadataFixture, interceptor: Arc<dyn Interceptor>) -> Arc<dyn MetadataStore> {
    Arc::new(intercepted_metadata(Arc::clone(&f.store), interceptor))
}

fn metadata() -> MetadataFixture {
    MetadataFixture::new(Arc::new(MemoryMetadata::default()))
}

fn blobs(interceptor: Arc<dyn Interceptor>) -> BlobFixture {
    let clock = Arc::new(ManualClock::at(NOW));
    let inner = Arc::new(MemoryBlobs::new(clock.clone()));
    BlobFixture::new(Arc::new(intercepted_blobs(inner, interceptor)), clock)
}

#[tokio::test]
async fn throttling_surfaces_as_throttled_and_nothing_is_applied() {
    let f = metadata();
    let bucket = f.bucket().await;
    let throttled = around(
        &f,
        Arc::new(Faults::everywhere(Verdict::Fail(StoreErrorKind::Throttled))),
    );
    let record = f.samples.record(&bucket, "a");
    let error = throttled
        .edit(&Edit::put(&bucket, &record, ANY))
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Throttled);
    let error = throttled.lookup(&bucket.name, &key("a")).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Throttled);
    assert_eq!(f.object(&bucket, "a").await, None);
}

#[tokio::test]
async fn a_throttled_blob_store_says_so_in_every_form_of_answer() {
    let f = blobs(Arc::new(Faults::everywhere(Verdict::Fail(
        StoreErrorKind::Throttled,
    ))));
    let blob = f.fresh();
    match f.store.write(&blob, body([Ok(Bytes::from("x"))]), None).await {
        Err(WriteError::Store(error)) => assert_eq!(error.kind, StoreErrorKind::Throttled),
        other => panic!("{other:?}"),
    }
    let Err(error) = f.store.read(&blob, 0..1).await else {
        panic!("the read passed");
    };
    assert_eq!(error.kind, StoreErrorKind::Throttled);
    let outcomes = f.store.delete(&[blob, f.fresh()]).await;
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        assert_eq!(outcome.result.unwrap_err().kind, StoreErrorKind::Throttled);
    }
}

#[tokio::test]
async fn after_a_lost_answer_the_commit_id_tells_whose_the_record_is() {
    let f = metadata();
    let bucket = f.bucket().await;
    let lossy = around(&f, Arc::new(Faults::once("edit", 0, Verdict::LoseAnswer)));
    let mine = f.samples.record(&bucket, "a");
    let error = lossy.edit(&Edit::put(&bucket, &mine, NO_ROW)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Timeout);
    assert_eq!(
        f.object(&bucket, "a").await.map(|found| found.commit_id),
        Some(mine.commit_id)
    );
    let theirs = f.samples.record(&bucket, "a");
    let outcome = lossy.edit(&Edit::put(&bucket, &theirs, ANY)).await.unwrap();
    assert_eq!(outcome, applied(Some(&mine)));
    assert_eq!(
        f.object(&bucket, "a").await.map(|found| found.commit_id),
        Some(theirs.commit_id)
    );
}

#[tokio::test]
async fn a_fault_hits_the_call_that_it_was_set_for_only() {
    let f = metadata();
    let bucket = f.bucket().await;
    let second = Faults::once("lookup", 1, Verdict::Fail(StoreErrorKind::Unavailable));
    let store = around(&f, Arc::new(second));
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        store.bucket(&bucket.name).await.unwrap();
        outcomes.push(
            store
                .lookup(&bucket.name, &key("a"))
                .await
                .map_err(|error| error.kind)
                .err(),
        );
    }
    assert_eq!(outcomes, [None, Some(StoreErrorKind::Unavailable), None]);
    let always = around(
        &f,
        Arc::new(Faults::always("lookup", Verdict::Fail(StoreErrorKind::Corrupt))),
    );
    for _ in 0..2 {
        assert!(always.lookup(&bucket.name, &key("a")).await.is_err());
        assert!(always.bucket(&bucket.name).await.is_ok());
    }
}

#[tokio::test]
async fn calls_are_counted_by_method() {
    let f = metadata();
    let bucket = f.bucket().await;
    let counter = Arc::new(CallCounter::default());
    let store = around(&f, counter.clone());
    for name in ["a", "b"] {
        let record = f.samples.record(&bucket, name);
        store.edit(&Edit::put(&bucket, &record, ANY)).await.unwrap();
    }
    store.lookup(&bucket.name, &key("a")).await.unwrap();
    assert_eq!(
        (
            counter.count("edit"),
            counter.count("lookup"),
            counter.count("retire")
        ),
        (2, 1, 0)
    );
    assert_eq!(counter.total(), 3);
    assert_eq!(
        counter.take().into_iter().collect::<Vec<_>>(),
        [("edit", 2), ("lookup", 1)]
    );
    assert_eq!(counter.total(), 0);
}

#[tokio::test]
async fn a_held_call_has_not_reached_the_store_and_a_held_answer_has() {
    let f = metadata();
    let bucket = f.bucket().await;
    let gate = Gate::new();
    let store = around(&f, gate.clone());
    let record = f.samples.record(&bucket, "a");
    let (mut call, mut answer) = (gate.hold("edit"), gate.hold_answer("edit"));
    let committing = tokio::spawn({
        let (bucket, record) = (bucket.clone(), record.clone());
        async move { store.edit(&Edit::put(&bucket, &record, ANY)).await.unwrap() }
    });
    call.arrived().await;
    assert_eq!(f.object(&bucket, "a").await, None);
    call.release();
    answer.arrived().await;
    assert_eq!(f.object(&bucket, "a").await, Some(record));
    assert!(!committing.is_finished());
    answer.release();
    assert_eq!(committing.await.unwrap(), applied(None));
}

#[tokio::test]
async fn a_gate_lets_calls_pass_before_the_one_that_it_holds() {
    let f = metadata();
    let bucket = f.bucket().await;
    let gate = Gate::new();
    let store = around(&f, gate.clone());
    let mut third = gate.hold_nth("bucket", 2);
    let asking = tokio::spawn({
        let name = bucket.name.clone();
        async move {
            for _ in 0..4 {
                store.bucket(&name).await.unwrap();
            }
        }
    });
    third.arrived().await;
    let counter = Arc::new(CallCounter::default());
    let counted = around(&f, counter.clone());
    counted.bucket(&bucket.name).await.unwrap();
    assert!(!asking.is_finished());
    third.release();
    asking.await.unwrap();
}

#[tokio::test]
async fn an_intercepted_write_keeps_the_bodys_error_apart_from_the_stores() {
    let counter = Arc::new(CallCounter::default());
    let f = blobs(counter.clone());
    let failing = body([Err(S3Error::new(ErrorCode::BadDigest))]);
    match f.store.write(&f.fresh(), failing, None).await {
        Err(WriteError::Body(error)) => assert_eq!(error.code, ErrorCode::BadDigest),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        f.store.read(&f.fresh(), 0..1).await.unwrap(),
        BlobRead::Missing
    ));
    assert_eq!(
        (counter.count("write"), counter.count("read"), counter.total()),
        (1, 1, 2)
    );
}
