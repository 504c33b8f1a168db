//! The blob store of a data folder: before the first blob is written, the store's format says that there are checked files.
//!
//! Earlier programs do not see these files, so that they must refuse the store from then on. A store that is only read
//! stays as it is.

use std::ops::Range;

use async_trait::async_trait;
use bleepstore_core::Ports;
use bleepstore_core::model::{BlobRef, Format};
use bleepstore_core::ops::{is_old_copy, raise_format};
use bleepstore_core::ports::{
    BlobPage, BlobRead, BlobStore, BodyStream, DeleteOutcome, OwnerRecord, StoreResult, WriteError,
};
use tokio::sync::OnceCell;

use crate::fs_blobs::FsBlobs;

/// Files in a folder, and the records that say in which format they are.
pub struct CheckedBlobs {
    files: FsBlobs,
    /// The records, over the files as they are: what raises the format writes no blob.
    ports: Ports,
    /// Set once the format is known to have risen, which it does once.
    raised: OnceCell<()>,
}

impl CheckedBlobs {
    /// `ports` has `files` for its blobs.
    pub fn new(ports: Ports, files: FsBlobs) -> Self {
        Self {
            files,
            ports,
            raised: OnceCell::new(),
        }
    }

    /// The files as they are.
    pub fn files(&self) -> &FsBlobs {
        &self.files
    }

    /// Whether the store's format says that there may be checked files.
    pub async fn has_risen(&self) -> StoreResult<bool> {
        if self.raised.initialized() {
            return Ok(true);
        }
        let record = self.ports.metadata.store_record().await?;
        Ok(record.is_some_and(|record| record.format >= Format::CHECKED))
    }

    /// Sees to it that the store's format says so. A store without a record has no format yet, and nobody has served it.
    pub async fn raise(&self) -> StoreResult<()> {
        if self.raised.initialized() || self.ports.metadata.store_record().await?.is_none() {
            return Ok(());
        }
        // Such a one serves, and owns nothing. The bytes' own format has risen already.
        if is_old_copy(&self.ports).await? {
            return Ok(());
        }
        let raise = || raise_format(&self.ports, Format::CHECKED);
        self.raised.get_or_try_init(raise).await.copied()
    }
}

#[async_trait]
impl BlobStore for CheckedBlobs {
    async fn write(
        &self,
        blob: &BlobRef,
        body: BodyStream,
        size_hint: Option<u64>,
    ) -> Result<u64, WriteError> {
        self.raise().await?;
        self.files.write(blob, body, size_hint).await
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        self.files.read(blob, range).await
    }

    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        self.files.delete(blobs).await
    }

    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        self.files.scan(after, limit).await
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        self.files.owner().await
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        self.files.set_owner(owner).await
    }
}
