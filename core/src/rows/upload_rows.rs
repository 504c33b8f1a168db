//! Uploads in a store that cannot change all rows of one upload in one step: what such a store does in one
//! step each. [`super::upload_steps`] puts the steps in their order.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{BucketRows, EntryStart, IndexEntry, NameIndex};
use crate::model::{
    Bucket, BucketId, BucketName, CommitId, ObjectKey, Part, PartNumber, Receipt, RetiredManifest, Timestamp,
    Token, Upload, UploadId, UploadState,
};
use crate::ports::{Clock, Edit, Entropy, Page, StoreError, StoreResult, UploadRange};

/// A receipt with the object that it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredReceipt {
    /// The creation of the object's bucket.
    pub bucket: BucketId,
    /// The object's key.
    pub key: ObjectKey,
    /// How the upload ended.
    pub receipt: Receipt,
}

/// What the rows of an upload are found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPlace {
    /// The name of the bucket.
    pub bucket_name: BucketName,
    /// The creation of the bucket.
    pub bucket: BucketId,
    /// The key that the upload will be published under.
    pub key: ObjectKey,
    /// The upload.
    pub id: UploadId,
}

impl UploadPlace {
    /// The place of the upload that an edit closes.
    pub fn of_receipt(edit: &Edit<'_>, receipt: &Receipt) -> Self {
        Self {
            bucket_name: edit.bucket.name.clone(),
            bucket: edit.bucket.id,
            key: edit.key().clone(),
            id: receipt.upload,
        }
    }

    /// The place of the upload whose entry in the bucket's index has this key and id.
    fn of_entry((bucket_name, bucket): (&BucketName, BucketId), entry: &IndexEntry) -> StoreResult<Self> {
        Ok(Self {
            bucket_name: bucket_name.clone(),
            bucket,
            key: ObjectKey::new(&entry.text).map_err(StoreError::corrupt)?,
            id: entry.id.parse().map_err(StoreError::corrupt)?,
        })
    }

    /// The upload's entry in the index of its bucket.
    pub(super) fn entry(&self) -> IndexEntry {
        IndexEntry::new(self.key.as_str(), self.id)
    }

    /// The receipt of the upload here.
    pub fn stored(&self, receipt: &Receipt) -> StoredReceipt {
        StoredReceipt {
            bucket: self.bucket,
            key: self.key.clone(),
            receipt: receipt.clone(),
        }
    }

    /// The place of an upload.
    pub fn of(upload: &Upload) -> Self {
        Self {
            bucket_name: upload.bucket_name.clone(),
            bucket: upload.bucket,
            key: upload.key.clone(),
            id: upload.id,
        }
    }
}

/// The two rows that say whether an upload has ended.
#[derive(Clone, Debug)]
pub struct UploadEnd {
    /// The upload's own row.
    pub upload: Option<Upload>,
    /// Its receipt, expired or not.
    pub receipt: Option<StoredReceipt>,
}

/// The rows of uploads. Reads are strongly consistent; each method is one step.
///
/// An upload has a row of its own, a row for each part, and an entry in an index of its bucket. The receipt
/// is a row beside the object or on its own, which is never changed.
#[async_trait]
pub trait UploadRows: BucketRows + NameIndex {
    /// What a part was written over, to undo that.
    type Replaced: Send;

    /// Time and randomness, to back off.
    fn waiting(&self) -> (&dyn Clock, &dyn Entropy);

    /// The name of the index of the uploads of this creation of a bucket.
    fn uploads_index(&self, bucket: BucketId) -> String;

    /// Writes the upload's row.
    async fn put_upload(&self, upload: &Upload) -> StoreResult<()>;

    /// The upload's row.
    async fn read_upload(&self, upload: UploadId) -> StoreResult<Option<Upload>>;

    /// The bucket of that name and the upload's row. They are not read at one moment.
    async fn read_with_bucket(
        &self,
        bucket: &BucketName,
        upload: UploadId,
    ) -> StoreResult<(Option<Bucket>, Option<Upload>)>;

    /// Moves the upload's row, if it has not ended, to `Completing` with this token. Returns the row as it then
    /// is; `None` when it has ended or there is none.
    async fn take_upload(&self, upload: UploadId, token: Token) -> StoreResult<Option<Upload>>;

    /// Writes a part over any earlier one of its number.
    async fn write_part(&self, upload: UploadId, part: &Part) -> StoreResult<Self::Replaced>;

    /// Puts back what a part replaced, or removes the part that replaced nothing, unless another has replaced it.
    async fn undo_part(&self, upload: UploadId, part: &Part, replaced: Self::Replaced) -> StoreResult<()>;

    /// The receipt of an upload, expired or not.
    async fn read_receipt(&self, place: &UploadPlace) -> StoreResult<Option<StoredReceipt>>;

    /// The rows and receipts of uploads, in their order. They are not read at one moment.
    async fn read_ends(&self, places: &[UploadPlace]) -> StoreResult<Vec<UploadEnd>>;

    /// Writes a receipt unless there is one; returns the one that was there.
    async fn create_receipt(
        &self,
        place: &UploadPlace,
        stored: &StoredReceipt,
    ) -> StoreResult<Option<StoredReceipt>>;

    /// Removes a receipt if it is exactly this one.
    async fn remove_receipt(&self, place: &UploadPlace, stored: &StoredReceipt) -> StoreResult<()>;

    /// Puts the upload's row, if it is there, into a state that is an end, to last until `expires`.
    async fn end_upload(&self, upload: UploadId, state: UploadState, expires: Timestamp) -> StoreResult<()>;

    /// Removes the upload's row, if it is there.
    async fn remove_upload(&self, upload: UploadId) -> StoreResult<()>;

    /// Removes up to `limit` parts of an upload. Returns whether none is left.
    async fn remove_parts(&self, upload: UploadId, limit: usize) -> StoreResult<bool>;
}

/// What an [`UploadIndex`](crate::ports::UploadIndex) does of which each is one step as well.
/// [`uploads_in_steps`](crate::uploads_in_steps) makes one of this and of [`UploadRows`].
#[async_trait]
pub trait UploadStore: UploadRows {
    /// [`UploadIndex::reopen`](crate::ports::UploadIndex::reopen).
    async fn open_again(&self, upload: UploadId, token: Token) -> StoreResult<()>;

    /// [`UploadIndex::scan_parts`](crate::ports::UploadIndex::scan_parts).
    async fn parts_after(
        &self,
        upload: UploadId,
        after: Option<PartNumber>,
        limit: usize,
    ) -> StoreResult<Page<Part, PartNumber>>;

    /// [`UploadIndex::retire`](crate::ports::UploadIndex::retire).
    async fn keep_retired(&self, retired: &RetiredManifest) -> StoreResult<()>;

    /// [`UploadIndex::scan_retired`](crate::ports::UploadIndex::scan_retired).
    async fn retired_after(
        &self,
        after: Option<CommitId>,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<Page<RetiredManifest, CommitId>>;
}

/// Up to `limit` uploads in the index of this creation of the bucket that `range` admits, in order, and whether there
/// may be more.
pub(super) async fn upload_places<R: UploadRows>(
    rows: &R,
    bucket: (&BucketName, BucketId),
    range: &UploadRange,
    limit: usize,
) -> StoreResult<(Vec<UploadPlace>, bool)> {
    let index = rows.uploads_index(bucket.1);
    let start = EntryStart::from(&range.start);
    let (entries, more) = rows.entries(&index, &range.prefix, &start, limit).await?;
    let place = |entry: &IndexEntry| UploadPlace::of_entry(bucket, entry);
    let places: StoreResult<Vec<UploadPlace>> = entries.iter().map(place).collect();
    Ok((places?, more))
}
