//! The stores of the local server, each in a temporary folder.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::Clock;
use bleepstore_local::fs_blobs::FsBlobs;
use bleepstore_local::jsonl::JsonlMetadata;
use bleepstore_local::sqlite::SqliteMetadata;
use bleepstore_tests::blob_conformance::BlobFixture;
use bleepstore_tests::metadata_conformance::MetadataFixture;

pub(super) async fn sqlite_metadata() -> MetadataFixture {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteMetadata::open(&folder.path().join("metadata.sqlite")).unwrap();
    MetadataFixture::new(Arc::new(store)).holding(folder)
}

pub(super) async fn jsonl_metadata() -> MetadataFixture {
    let folder = tempfile::tempdir().unwrap();
    let store = JsonlMetadata::open(&folder.path().join("metadata.jsonl")).unwrap();
    MetadataFixture::new(Arc::new(store)).holding(folder)
}

/// Files carry the operating system's time, which Linux takes from a clock that ticks every few milliseconds.
pub(super) async fn blobs_in_files() -> BlobFixture {
    let folder = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(folder.path()).unwrap();
    BlobFixture::new(Arc::new(store), Arc::new(SystemClock))
        .with_clock_slack(Duration::from_secs(1))
        .holding(folder)
}

/// The operating system's clock.
pub(super) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_millis(0).plus(elapsed)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
