//! A blob store whose calls are intercepted.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{
    BlobPage, BlobRead, BlobStore, BodyStream, DeleteOutcome, OwnerRecord, StoreResult, WriteError,
};

use super::{Interceptor, injected, intercept, intercept_items};

/// A blob store around another. Methods are named to the interceptor as the port names them.
#[derive(Clone)]
pub struct InterceptedBlobs {
    inner: Arc<dyn BlobStore>,
    interceptor: Arc<dyn Interceptor>,
}

impl InterceptedBlobs {
    /// Asks `interceptor` about every call to `inner`.
    pub fn new(inner: Arc<dyn BlobStore>, interceptor: Arc<dyn Interceptor>) -> Self {
        Self { inner, interceptor }
    }

    fn interceptor(&self) -> &dyn Interceptor {
        self.interceptor.as_ref()
    }
}

#[async_trait]
impl BlobStore for InterceptedBlobs {
    async fn write(
        &self,
        blob: &BlobRef,
        body: BodyStream,
        size_hint: Option<u64>,
    ) -> Result<u64, WriteError> {
        intercept(
            self.interceptor(),
            "write",
            self.inner.write(blob, body, size_hint),
        )
        .await
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        intercept(self.interceptor(), "read", self.inner.read(blob, range)).await
    }

    /// A call that fails fails for each of the blobs.
    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        match intercept_items(self.interceptor(), "delete", self.inner.delete(blobs)).await {
            Ok(outcomes) => outcomes,
            Err(error) => blobs
                .iter()
                .map(|blob| DeleteOutcome {
                    blob: *blob,
                    result: Err(injected(error.kind)),
                })
                .collect(),
        }
    }

    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        intercept(self.interceptor(), "scan", self.inner.scan(after, limit)).await
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        intercept(self.interceptor(), "owner", self.inner.owner()).await
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        intercept(self.interceptor(), "set_owner", self.inner.set_owner(owner)).await
    }
}
