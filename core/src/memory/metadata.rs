//! What the metadata store keeps, and the lock around it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{
    Bucket, BucketId, BucketName, CommitId, Credential, Manifest, ObjectKey, ObjectRecord, Part, PartNumber,
    Receipt, RetiredManifest, Upload, UploadId,
};
use crate::ports::{MetadataStore, Page, StoreError, StoreRecord, StoreResult};

/// A metadata store in memory.
#[derive(Debug)]
pub struct MemoryMetadata {
    rows: Mutex<Rows>,
    inline_limit: u64,
    layout_limit: usize,
}

/// All rows. Methods that several traits need are here; each trait's file has its own.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) buckets: BTreeMap<BucketName, Bucket>,
    /// The keys are those of the records, as text so that ranges can start anywhere.
    pub(super) objects: BTreeMap<BucketId, BTreeMap<String, ObjectRecord>>,
    /// Uploads that have not ended: closing one removes its row, and the receipt remains.
    pub(super) uploads: BTreeMap<UploadId, UploadRow>,
    pub(super) receipts: BTreeMap<ReceiptKey, Receipt>,
    pub(super) retired: BTreeMap<CommitId, RetiredManifest>,
    pub(super) credentials: BTreeMap<String, Credential>,
    pub(super) store: Option<StoreRecord>,
}

/// An upload and its parts.
#[derive(Debug)]
pub(super) struct UploadRow {
    pub(super) upload: Upload,
    pub(super) parts: BTreeMap<PartNumber, Part>,
}

/// Where a receipt is found: the creation of the bucket, the key, the upload.
pub(super) type ReceiptKey = (BucketId, ObjectKey, UploadId);

impl MemoryMetadata {
    /// An empty store that takes bodies of up to `inline_limit` bytes inside records, and layouts of up to
    /// `layout_limit` extents and parts.
    pub fn new(inline_limit: u64, layout_limit: usize) -> Self {
        Self {
            rows: Mutex::default(),
            inline_limit,
            layout_limit,
        }
    }

    /// The rows. A panic elsewhere cannot leave them half changed, since no method panics between two
    /// changes.
    pub(super) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses what the limits of this store tell callers to keep out of records.
    pub(super) fn check_size(&self, manifest: &Manifest) -> StoreResult<()> {
        let fits = match manifest {
            Manifest::Inline(body) => body.is_empty() || body.len() as u64 <= self.inline_limit,
            Manifest::Extents(layout) => layout.extents.len() + layout.parts.len() <= self.layout_limit,
            Manifest::Spilled(_) => true,
        };
        if fits {
            Ok(())
        } else {
            Err(StoreError::internal(
                "the manifest is larger than this store takes",
            ))
        }
    }
}

/// Bodies of up to 16 KiB inside records, and layouts of up to 1,000 extents and parts.
impl Default for MemoryMetadata {
    fn default() -> Self {
        Self::new(16 * 1024, 1_000)
    }
}

impl MetadataStore for MemoryMetadata {
    fn inline_limit(&self) -> u64 {
        self.inline_limit
    }

    fn layout_limit(&self) -> usize {
        self.layout_limit
    }
}

impl Rows {
    /// The bucket of that name, if it still is that creation.
    pub(super) fn creation(&self, name: &BucketName, id: BucketId) -> Option<&Bucket> {
        self.buckets.get(name).filter(|bucket| bucket.id == id)
    }
}

/// The first `limit` of `items`, and where to go on if there are more.
pub(super) fn page<T, S>(
    mut items: impl Iterator<Item = T>,
    limit: usize,
    next: impl FnOnce(&T) -> S,
) -> Page<T, S> {
    let found: Vec<T> = items.by_ref().take(limit).collect();
    let more = items.next().is_some();
    let next = found.last().filter(|_| more).map(next);
    Page { items: found, next }
}

/// Rows behind `after`, as the bounds of a range of a map with text keys.
pub(super) fn behind(after: Option<&str>) -> (Bound<&str>, Bound<&str>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}
