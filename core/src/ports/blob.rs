//! The store of bytes.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use super::{StoreError, StoreErrorKind, StoreResult};
use crate::model::{BlobRef, Format, Release, S3Error, StoreId, Timestamp};
use crate::ports::StoreRecord;

/// A body on its way in. An error item says what is wrong with the body (too short, a checksum that
/// does not match, …); nothing follows it. Pieces are of any size, also empty.
pub type BodyStream = BoxStream<'static, Result<Bytes, S3Error>>;

/// Bytes on their way out. An error item ends the stream.
pub type BlobStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// Why a blob was not written. Nothing of it can be read.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The body failed; the store is well.
    #[error("the body failed: {0}")]
    Body(#[source] S3Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The answer to a read.
pub enum BlobRead {
    /// The bytes follow.
    Found(BlobStream),
    /// There is no such blob.
    Missing,
}

/// What became of one blob of a delete.
#[derive(Debug)]
pub struct DeleteOutcome {
    /// The blob.
    pub blob: BlobRef,
    /// `Ok` when the blob is gone, also when it was not there.
    pub result: StoreResult<()>,
}

/// A blob as a scan shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobEntry {
    /// Its name.
    pub blob: BlobRef,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written, by the store's clock.
    pub created: Timestamp,
}

/// A page of a scan of blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobPage {
    /// Blobs in ascending order.
    pub blobs: Vec<BlobEntry>,
    /// Where the next page starts (after this blob); `None` at the end. A page may be empty and have a next one.
    pub next: Option<BlobRef>,
}

/// Kept in the blob store to say which metadata store it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerRecord {
    /// The store.
    pub store: StoreId,
    /// Counts the imports: a restored metadata store has a later epoch than the one it replaces.
    pub epoch: u64,
    /// The format of what the store holds, bytes and records: a metadata store of an earlier format, such as an old backup,
    /// does not know of all of these bytes.
    #[serde(default, skip_serializing_if = "Format::is_first")]
    pub format: Format,
    /// The program that raised the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_by: Option<Release>,
}

impl OwnerRecord {
    /// That the blobs belong to that store, whose format is the first.
    pub const fn new(store: StoreId, epoch: u64) -> Self {
        Self {
            store,
            epoch,
            format: Format::FIRST,
            written_by: None,
        }
    }

    /// That the blobs belong to the store that `record` is of.
    pub const fn of(record: &StoreRecord) -> Self {
        Self {
            store: record.store,
            epoch: record.epoch,
            format: record.format,
            written_by: record.written_by,
        }
    }

    /// Whether the blobs belong to the store that `record` is of. A record of an earlier format is an older copy of it.
    pub fn names(&self, record: &StoreRecord) -> bool {
        self.store == record.store && self.epoch == record.epoch && self.format <= record.format
    }
}

/// A store of immutable blobs. Every write is under a name that was never used before.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Writes the whole body, all or nothing: when this returns `Ok` the blob is durable and readable,
    /// and before that no reader or scan sees any of it. Returns the number of bytes written.
    ///
    /// `size_hint` is the length that the client declared; the body decides. Dropping the future, a
    /// failing body and a failing store leave at most bytes that no scan shows or that gc sweeps.
    async fn write(
        &self,
        blob: &BlobRef,
        body: BodyStream,
        size_hint: Option<u64>,
    ) -> Result<u64, WriteError>;

    /// The bytes in `range`, which lies within the blob and is not empty. Once `Found`, all the bytes
    /// arrive or the stream ends in an error: a blob that is deleted meanwhile never reads short.
    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead>;

    /// Deletes blobs, idempotently. One outcome per blob, in any order.
    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome>;

    /// Blobs greater than `after` in ascending order of [`BlobRef`], at most `limit` (1 or more). A blob
    /// that exists throughout the scan is in exactly one page. Owner records are not blobs.
    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage>;

    /// The owner record, `None` when none was ever written.
    async fn owner(&self) -> StoreResult<Option<OwnerRecord>>;

    /// Writes the owner record, durably, over any earlier one.
    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()>;
}

/// A download of `length` bytes, which ends in an error (`Unavailable`) where it has another length.
pub fn exactly(length: u64, download: BlobStream) -> BlobStream {
    let bytes = stream::try_unfold((download, length), |(mut download, left)| async move {
        match download.next().await {
            Some(bytes) => {
                let bytes = bytes?;
                let left = left.checked_sub(bytes.len() as u64).ok_or_else(cut)?;
                Ok(Some((bytes, (download, left))))
            }
            None if left > 0 => Err(cut()),
            None => Ok(None),
        }
    });
    bytes.boxed()
}

fn cut() -> StoreError {
    StoreError::new(
        StoreErrorKind::Unavailable,
        "a download had another length than announced",
    )
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn a_download_of_another_length_is_an_error() {
        let of = |length| {
            let pieces = [Ok(Bytes::from_static(b"123")), Ok(Bytes::from_static(b"45"))];
            exactly(length, stream::iter(pieces).boxed()).try_collect::<Vec<_>>()
        };
        assert_eq!(of(5).await.unwrap().concat(), b"12345");
        assert!(of(4).await.is_err());
        assert!(of(6).await.is_err());
    }
}
