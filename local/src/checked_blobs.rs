//! The blob store of a data folder: before the first blob is written, the store's format says that there are checked
//! files.
//!
//! Earlier programs do not see these files, so that they must refuse the store from then on. A store that is only read
//! stays as it is.

use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::model::Format;
use bleepstore_core::ops::{is_old_copy, raise_format};
use bleepstore_core::ports::{Around, AroundBlobs, BlobStore, StoreError, StoreResult};
use tokio::sync::OnceCell;

use crate::fs_blobs::FsBlobs;

/// Files in a folder, and the records that say in which format they are.
pub struct CheckedBlobs {
    files: FsBlobs,
    /// The records, over the files as they are: what raises the format writes no blob.
    ports: Ports,
    /// Whether the format has risen. It has not where the records are an old copy, which serves and owns nothing.
    raised: OnceCell<bool>,
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

    /// The blob store of whoever writes blobs.
    pub fn store(self: &Arc<Self>) -> Arc<dyn BlobStore> {
        let raising = Raising(Arc::clone(self));
        Arc::new(AroundBlobs::new(Arc::new(self.files.clone()), raising))
    }

    /// Whether the store's format says that there may be checked files.
    pub async fn has_risen(&self) -> StoreResult<bool> {
        if let Some(raised) = self.raised.get() {
            return Ok(*raised);
        }
        let record = self.ports.metadata.store_record().await?;
        Ok(record.is_some_and(|record| record.format >= Format::CHECKED))
    }

    /// Sees to it that the store's format says so. A store without a record has no format yet, and nobody has served
    /// it.
    pub async fn raise(&self) -> StoreResult<()> {
        if self.raised.initialized() || self.ports.metadata.store_record().await?.is_none() {
            return Ok(());
        }
        let raise = async || {
            // The format of an old copy's bytes has risen already.
            if is_old_copy(&self.ports).await? {
                return Ok(false);
            }
            raise_format(&self.ports, Format::CHECKED).await?;
            Ok(true)
        };
        self.raised.get_or_try_init(raise).await.map(drop)
    }
}

/// Raises the format before each blob that is written, which it does once.
struct Raising(Arc<CheckedBlobs>);

impl Around for Raising {
    async fn around<T, E>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        if method == "write" {
            self.0.raise().await?;
        }
        call.await
    }
}
