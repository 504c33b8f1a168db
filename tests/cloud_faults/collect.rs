//! Garbage collection beside the load, and the account of blobs after it.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_aws::s3_blobs::S3Blobs;
use bleepstore_core::model::{BlobRef, Manifest, Timestamp};
use bleepstore_core::ops::{GcError, GcOptions, collect_round};
use bleepstore_core::ports::{
    BlobPage, BlobRead, BlobStore, BodyStream, BucketRange, Clock, DeleteOutcome, KeyRange, OwnerRecord,
    Ports, StoreResult, UploadRange, WriteError,
};
use bleepstore_http::SystemClock;

/// Longer ago than gc's grace, and longer than a retired manifest counts.
const LONG: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// How many rows or blobs are listed at once: more than a test has.
const ALL: usize = 1_000;

/// A blob store in which some blobs look as if they had been written long ago.
pub(crate) struct Aged {
    pub(crate) store: S3Blobs,
    pub(crate) old: HashSet<BlobRef>,
}

#[async_trait]
impl BlobStore for Aged {
    async fn write(&self, blob: &BlobRef, body: BodyStream, size: Option<u64>) -> Result<u64, WriteError> {
        self.store.write(blob, body, size).await
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        self.store.read(blob, range).await
    }

    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        self.store.delete(blobs).await
    }

    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        let mut page = self.store.scan(after, limit).await?;
        for entry in &mut page.blobs {
            if self.old.contains(&entry.blob) {
                entry.created = entry.created.minus(LONG);
            }
        }
        Ok(page)
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        self.store.owner().await
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        self.store.set_owner(owner).await
    }
}

/// The system's clock, ahead of its time.
pub(crate) struct Ahead;

#[async_trait]
impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(LONG)
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

/// All blobs in the store.
pub(crate) async fn stored(blobs: &S3Blobs) -> HashSet<BlobRef> {
    let page = blobs.scan(None, ALL).await.unwrap();
    assert_eq!(page.next, None);
    page.blobs.into_iter().map(|entry| entry.blob).collect()
}

/// The blobs that versions of objects and the parts of open uploads name.
async fn named(ports: &Ports) -> HashSet<BlobRef> {
    let mut named = HashSet::new();
    let buckets = ports
        .metadata
        .scan_buckets(BucketRange::default(), ALL)
        .await
        .unwrap();
    for bucket in buckets.items {
        let objects = ports
            .metadata
            .scan_records(&bucket, &KeyRange::default(), ALL)
            .await
            .unwrap();
        let versions = ports.metadata.scan_versions(&bucket, None, ALL).await.unwrap();
        for record in objects.items.iter().chain(&versions.items) {
            assert!(!matches!(record.manifest, Manifest::Spilled(_)));
            named.extend(record.manifest.blobs());
        }
        let uploads = ports
            .metadata
            .scan_uploads(&bucket, &UploadRange::default(), ALL)
            .await;
        for upload in uploads.unwrap().items {
            let parts = ports.metadata.scan_parts(&upload, None, ALL).await.unwrap();
            let extents = parts.items.iter().flat_map(|part| &part.extents);
            named.extend(extents.map(|extent| extent.blob));
        }
    }
    named
}

/// Collects one whole round while requests go on, through a store that fails. Returns whether it came to its end.
pub(crate) async fn collect_among_requests(ports: &Ports) -> bool {
    let options = GcOptions {
        force: true,
        ..GcOptions::default()
    };
    match collect_round(ports, &options).await {
        Ok(report) => {
            assert_eq!(report.next, None);
            true
        }
        Err(GcError::Store(error)) => {
            eprintln!("a collection gave up: {error}");
            false
        }
        Err(other) => panic!("{other}"),
    }
}

/// Collects when nothing goes on and everything is old: what no record names goes, and nothing else.
pub(crate) async fn collect_the_rest(ports: &Ports, blobs: S3Blobs) {
    let live = named(ports).await;
    let later = Ports {
        clock: Arc::new(Ahead),
        ..ports.clone()
    };
    let options = GcOptions {
        upload_expiry: None,
        exclusive: true,
        force: true,
        ..GcOptions::default()
    };
    collect_round(&later, &options).await.unwrap();
    assert_eq!(named(ports).await, live);
    assert_eq!(
        stored(&blobs).await,
        live,
        "blobs on the left, what records name on the right"
    );
}
