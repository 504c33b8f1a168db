//! The stores of the AWS deployment, on MiniStack or on the S3 that `BLEEPSTORE_TEST_S3` names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bleepstore_aws::s3_blobs::S3Blobs;
use bleepstore_core::ports::Clock;
use bleepstore_http::SystemClock;
use bleepstore_tests::blob_conformance::BlobFixture;
use bleepstore_tests::emulators::{MiniStack, s3_client};

/// The endpoint that all tests of this process share.
fn endpoint() -> &'static str {
    static MINISTACK: OnceLock<MiniStack> = OnceLock::new();
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(|| match std::env::var("BLEEPSTORE_TEST_S3") {
        Ok(endpoint) => endpoint,
        Err(_) => MINISTACK
            .get_or_init(|| MiniStack::start().expect("MiniStack starts"))
            .endpoint(),
    })
}

/// Each test has a bucket of its own. S3 dates objects in whole seconds.
pub(super) async fn blobs_in_s3() -> BlobFixture {
    let client = s3_client(endpoint());
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let started = SystemClock.now().millis();
    let bucket = format!("t{started}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    BlobFixture::new(Arc::new(S3Blobs::new(client, bucket)), Arc::new(SystemClock))
        .with_clock_slack(Duration::from_secs(2))
}
