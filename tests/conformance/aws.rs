//! The blob store of the AWS deployment, on MiniStack or on the S3 that `BLEEPSTORE_TEST_S3` names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_s3::Client;
use bleepstore_aws::s3_blobs::S3Blobs;
use bleepstore_core::model::{ErrorCode, S3Error};
use bleepstore_core::ports::{Clock, WriteError};
use bleepstore_http::SystemClock;
use bleepstore_tests::blob_conformance::{BlobFixture, body};
use bleepstore_tests::emulators::{MiniStack, s3_client};

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
async fn no_upload_is_left_open_whether_the_body_ends_well_or_not() {
    let (client, bucket, f) = store().await;
    f.write(&f.fresh(), &f.bytes(SEVERAL_PARTS)).await;
    assert_eq!(open_uploads(&client, &bucket).await, 0);
    let failing = body([
        Ok(f.bytes(SEVERAL_PARTS)),
        Err(S3Error::new(ErrorCode::BadDigest)),
    ]);
    let written = f.store.write(&f.fresh(), failing, None).await;
    assert!(matches!(written, Err(WriteError::Body(_))), "{written:?}");
    assert_eq!(open_uploads(&client, &bucket).await, 0);
}

#[tokio::test]
async fn more_blobs_than_one_request_names_have_an_outcome_each() {
    let (_, _, f) = store().await;
    f.assert_outcome_of_each_deletion(1_001).await;
}

#[tokio::test]
async fn without_the_bucket_every_call_fails_and_nothing_looks_missing() {
    let (_, _, f) = store().await;
    f.assert_unusable(&S3Blobs::new(client(), unused_bucket())).await;
}
