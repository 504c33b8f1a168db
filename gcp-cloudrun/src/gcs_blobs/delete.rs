//! Deleting, with an outcome for each blob.

use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{DeleteOutcome, StoreError, StoreResult};
use bleepstore_core::remote::blob_object;
use futures_util::{StreamExt, stream};
use http::Method;

use super::GcsBlobs;
use super::calls::Request;

/// How many objects are deleted at a time, each over a connection of its own.
const AT_A_TIME: usize = 16;

impl GcsBlobs {
    /// One outcome per blob.
    pub(super) async fn delete_all(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        let deletions = blobs.iter().copied().map(|blob| async move {
            let deleted = self.delete_object(&blob_object(&blob)).await;
            (blob, deleted)
        });
        let deleted: Vec<(BlobRef, StoreResult<bool>)> = stream::iter(deletions)
            .buffer_unordered(AT_A_TIME)
            .collect()
            .await;
        let missing = deleted.iter().any(|(_, deleted)| matches!(deleted, Ok(false)));
        let bucket_is_gone = if missing {
            self.bucket_exists().await.err()
        } else {
            None
        };
        let outcomes = deleted.into_iter().map(|(blob, deleted)| {
            let result = match (deleted, &bucket_is_gone) {
                (Ok(false), Some(error)) => Err(StoreError::new(error.kind, error.to_string())),
                (deleted, _) => deleted.map(drop),
            };
            DeleteOutcome { blob, result }
        });
        outcomes.collect()
    }

    /// Whether there was such an object. `false` may also mean that there is no bucket.
    pub(super) async fn delete_object(&self, name: &str) -> StoreResult<bool> {
        let request = Request::new(Method::DELETE, self.calls.objects(Some(name))?);
        match self.calls.answer(&request).await {
            Ok(_) => Ok(true),
            Err(failed) if failed.is_not_found() => Ok(false),
            Err(failed) => Err(failed.into()),
        }
    }
}
