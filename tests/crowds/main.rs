//! What gc holds of a crowd: a page at a time, of uploads as of buckets. Memory is counted for the whole process, so
//! these are one test.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::memory::MemoryBlobs;
use bleepstore_core::model::{Bucket, Grant, Grantee, Permission};
use bleepstore_core::ops::{GcOptions, collect_round, pair_stores};
use bleepstore_core::ports::{CreateBucketOutcome, Ports};
use bleepstore_local::sqlite::SqliteMetadata;
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::{NOW, Samples};
use futures_util::{StreamExt, TryStreamExt, stream};
use peak_alloc::PeakAlloc;
use tempfile::TempDir;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How many of each there are: several pages of 1,000.
const CROWD: usize = 4_000;

/// The most that gc may take: more than two pages of them, of some 3 KiB each, and little more than half of all.
const MOST: usize = 7 << 20;

/// How many are stored at a time.
const AT_ONCE: usize = 256;

struct Store {
    ports: Ports,
    clock: Arc<ManualClock>,
    samples: Samples,
    _folder: TempDir,
}

impl Store {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let ports = Ports {
            metadata: Arc::new(SqliteMetadata::open(&folder.path().join("metadata.sqlite")).unwrap()),
            blobs: Arc::new(MemoryBlobs::new(clock.clone())),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        pair_stores(&ports).await.unwrap();
        Self {
            ports,
            clock,
            samples: Samples::new(SeededEntropy::new(2)),
            _folder: folder,
        }
    }

    async fn create(&self, bucket: &Bucket) {
        let created = self.ports.metadata.create_bucket(bucket).await.unwrap();
        assert_eq!(created, CreateBucketOutcome::Created);
    }

    /// Collects garbage a fortnight later. Returns how many uploads expired, and the most memory that it took.
    async fn collect(&self) -> (usize, usize) {
        self.clock.advance(Duration::from_secs(14 * 24 * 60 * 60));
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let report = collect_round(&self.ports, &GcOptions::default()).await.unwrap();
        let taken = MEMORY.peak_usage().saturating_sub(before);
        (report.expired_uploads, taken)
    }
}

/// Uploads under few keys, so that a page ends between two of the same key, each with 2 KB of user metadata.
async fn begin_uploads(store: &Store) -> Bucket {
    let bucket = store.samples.bucket();
    store.create(&bucket).await;
    let uploads = (0..CROWD).map(|number| {
        let mut upload = store.samples.upload(&bucket, &format!("key {}", number % 7));
        upload.description.headers.user_metadata = vec![("notes".to_owned(), "n".repeat(2_000))];
        upload
    });
    let begun = stream::iter(uploads)
        .map(|upload| async move { store.ports.metadata.begin_upload(&upload).await })
        .buffer_unordered(AT_ONCE);
    let begun: Vec<bool> = begun.try_collect().await.unwrap();
    assert!(begun.iter().all(|begun| *begun));
    bucket
}

/// Buckets with lists of 20 grants.
async fn create_buckets(store: &Store) {
    let buckets = (0..CROWD).map(|_| {
        let mut bucket = store.samples.bucket();
        let grants = (0..20).map(|_| Grant {
            grantee: Grantee::User(store.samples.owner().id),
            permission: Permission::Read,
        });
        bucket.acl = bleepstore_core::model::Acl::new(grants.collect(), &bucket.owner);
        bucket
    });
    stream::iter(buckets)
        .for_each_concurrent(AT_ONCE, |bucket| async move { store.create(&bucket).await })
        .await;
}

#[tokio::test]
async fn gc_holds_a_page_of_uploads_and_of_buckets_however_many_there_are() {
    let store = Store::new().await;
    let bucket = begin_uploads(&store).await;
    let (expired, taken) = store.collect().await;
    assert_eq!(
        expired, CROWD,
        "each upload is aborted, though those before it went meanwhile"
    );
    assert!(taken <= MOST, "{taken} bytes for {CROWD} uploads");
    let left = store
        .ports
        .metadata
        .scan_uploads(&bucket, &Default::default(), 1)
        .await
        .unwrap();
    assert_eq!(left.items, []);

    create_buckets(&store).await;
    let (_, taken) = store.collect().await;
    assert!(taken <= MOST, "{taken} bytes for {CROWD} buckets");
}
