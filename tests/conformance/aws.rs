//! The blob store of the AWS deployment, on MiniStack or on the S3 that `BLEEPSTORE_TEST_S3` names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_s3::Client;
use bleepstore_aws::s3_blobs::S3Blobs;
use bleepstore_core::model::{BlobRef, ErrorCode, S3Error};
use bleepstore_core::ports::{BlobStore, Clock, WriteError};
use bleepstore_http::SystemClock;
use bleepstore_tests::blob_conformance::{BlobFixture, body};
use bleepstore_tests::emulators::{MiniStack, s3_client};
use bytes::Bytes;

/// The cloud that all tests of this process share.
pub(super) fn ministack() -> &'static MiniStack {
    static MINISTACK: OnceLock<MiniStack> = OnceLock::new();
    MINISTACK.get_or_init(|| MiniStack::start().expect("MiniStack starts"))
}

fn client() -> Client {
    match std::env::var("BLEEPSTORE_TEST_S3") {
        Ok(endpoint) => s3_client(&endpoint),
        Err(_) => ministack().s3(),
    }
}

/// A bucket name that was never used before.
fn unused_bucket() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemClock.now().millis();
    format!("t{now}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Each test has a bucket of its own. S3 dates objects in whole seconds.
pub(super) async fn blobs_in_s3() -> BlobFixture {
    let (_, _, fixture) = store().await;
    fixture.with_clock_slack(Duration::from_secs(2))
}

/// Larger than one part of an upload to S3.
const SEVERAL_PARTS: usize = (20 << 20) + 1;

async fn store() -> (Client, String, BlobFixture) {
    let client = client();
    let bucket = unused_bucket();
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let store = S3Blobs::new(client.clone(), &bucket);
    let fixture = BlobFixture::new(Arc::new(store), Arc::new(SystemClock));
    (client, bucket, fixture)
}

/// How many uploads are open in a bucket.
async fn open_uploads(client: &Client, bucket: &str) -> usize {
    let listed = client.list_multipart_uploads().bucket(bucket).send().await;
    listed.unwrap().uploads().len()
}

#[tokio::test]
async fn a_body_of_several_parts_comes_back_and_leaves_no_upload_open() {
    let (client, bucket, f) = store().await;
    let (blob, bytes) = (f.fresh(), f.bytes(SEVERAL_PARTS));
    f.write(&blob, &bytes).await;
    let found = f.read(&blob, 0..SEVERAL_PARTS as u64).await;
    assert!(found.as_ref() == Some(&bytes), "the bytes come back");
    let across = f.read(&blob, (8 << 20) - 1..(8 << 20) + 1).await;
    assert_eq!(across, Some(bytes.slice((8 << 20) - 1..(8 << 20) + 1)));
    assert_eq!(open_uploads(&client, &bucket).await, 0);
}

#[tokio::test]
async fn a_body_that_fails_behind_its_parts_leaves_neither_blob_nor_upload() {
    let (client, bucket, f) = store().await;
    let blob = f.fresh();
    let failing = body([
        Ok(f.bytes(SEVERAL_PARTS)),
        Err(S3Error::new(ErrorCode::BadDigest)),
    ]);
    match f.store.write(&blob, failing, Some(SEVERAL_PARTS as u64)).await {
        Err(WriteError::Body(error)) => assert_eq!(error.code, ErrorCode::BadDigest),
        other => panic!("{other:?}"),
    }
    f.assert_absent(&blob).await;
    assert_eq!(open_uploads(&client, &bucket).await, 0);
}

#[tokio::test]
async fn more_blobs_than_one_request_names_have_an_outcome_each() {
    let (_, _, f) = store().await;
    let bucket = f.fresh().bucket;
    let blobs: Vec<BlobRef> = (0..1_001).map(|_| f.samples.blob(bucket)).collect();
    f.write(&blobs[1_000], &Bytes::from("x")).await;
    let outcomes = f.store.delete(&blobs).await;
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    assert!(
        outcomes
            .iter()
            .map(|outcome| outcome.blob)
            .eq(blobs.iter().copied())
    );
    assert_eq!(f.scan(bucket, 10).await, []);
}

#[tokio::test]
async fn without_the_bucket_every_call_fails_and_nothing_looks_missing() {
    let (_, _, f) = store().await;
    let store = S3Blobs::new(client(), unused_bucket());
    let (blob, other) = (f.fresh(), f.fresh());
    assert!(store.read(&blob, 0..1).await.is_err());
    assert!(store.owner().await.is_err() && store.scan(None, 1).await.is_err());
    let written = store.write(&blob, body([Ok(Bytes::from("x"))]), Some(1)).await;
    assert!(matches!(written, Err(WriteError::Store(_))), "{written:?}");
    for blobs in [&[blob][..], &[blob, other]] {
        let outcomes = store.delete(blobs).await;
        assert_eq!(outcomes.len(), blobs.len());
        assert!(outcomes.iter().all(|outcome| outcome.result.is_err()));
    }
}
