//! Uploads in a store that cannot change all rows of one upload in one step: what such a store does in one
//! step each. [`super::upload_steps`] puts the steps in their order.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::BucketRows;
use crate::model::{
    Bucket, BucketId, BucketName, ObjectKey, ObjectRecord, Receipt, Timestamp, Upload, UploadId, UploadState,
};
use crate::ports::{Clock, Entropy, StoreResult, UploadRange};

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

/// What a publication looks at, and what it will replace.
#[derive(Debug)]
pub struct BeforePublish<Seen> {
    /// The receipt of the upload, expired or not.
    pub receipt: Option<StoredReceipt>,
    /// The bucket of that name.
    pub bucket: Option<Bucket>,
    /// The row under the key, of whatever creation of the bucket.
    pub object: Option<ObjectRecord>,
    /// What the store knows that row by, if it is there.
    pub seen: Seen,
}

/// The rows of uploads. Reads are strongly consistent; each method is one step.
///
/// An upload has a row of its own, a row for each part, and an entry in an index of its bucket. The receipt
/// is a row beside the object or on its own, which is never changed.
#[async_trait]
pub trait UploadRows: BucketRows {
    /// What tells whether a row under a key is still the one that was read.
    type Seen: Send + Sync;

    /// Time and randomness, to back off.
    fn waiting(&self) -> (&dyn Clock, &dyn Entropy);

    /// Up to `limit` entries in the index of this creation of the bucket that `range` admits, in order, and
    /// whether there may be more.
    async fn upload_entries(
        &self,
        bucket: (&BucketName, BucketId),
        range: &UploadRange,
        limit: usize,
    ) -> StoreResult<(Vec<UploadPlace>, bool)>;

    /// Removes the entry of an upload, if it is there.
    async fn remove_upload_entry(&self, place: &UploadPlace) -> StoreResult<()>;

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

    /// Reads what a publication looks at.
    async fn before_publish(&self, place: &UploadPlace) -> StoreResult<BeforePublish<Self::Seen>>;

    /// Writes object and receipt in one step, if there is no receipt and the object's row is as it was seen.
    /// Returns whether it did.
    async fn put_published(
        &self,
        place: &UploadPlace,
        record: &ObjectRecord,
        seen: &Self::Seen,
        stored: &StoredReceipt,
    ) -> StoreResult<bool>;

    /// Removes the row of an object if that commit wrote it.
    async fn remove_written(&self, bucket: &BucketName, record: &ObjectRecord) -> StoreResult<()>;
}
