//! Blobs that are older than they are.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bleepstore_core::model::{BlobRef, Timestamp};
use bleepstore_core::ports::{
    BlobPage, BlobRead, BlobStore, BodyStream, DeleteOutcome, OwnerRecord, StoreResult, WriteError,
};

/// A blob store in which every blob was written at one time: emulators and file systems date a fixture's by when it was
/// put there.
pub(crate) struct Aged {
    pub(crate) inner: Arc<dyn BlobStore>,
    pub(crate) created: Timestamp,
}

#[async_trait]
impl BlobStore for Aged {
    async fn write(
        &self,
        blob: &BlobRef,
        body: BodyStream,
        size_hint: Option<u64>,
    ) -> Result<u64, WriteError> {
        self.inner.write(blob, body, size_hint).await
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        self.inner.read(blob, range).await
    }

    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        self.inner.delete(blobs).await
    }

    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        let mut page = self.inner.scan(after, limit).await?;
        for entry in &mut page.blobs {
            entry.created = self.created;
        }
        Ok(page)
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        self.inner.owner().await
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        self.inner.set_owner(owner).await
    }
}
