//! Deleting, with an outcome for each blob.

use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{DeleteOutcome, StoreResult};
use bleepstore_core::remote::blob_object;
use futures_util::{StreamExt, stream};

use super::AzureBlobs;
use super::error::is_no_such_blob;

/// How many blobs are deleted at a time, each over a connection of its own.
const AT_A_TIME: usize = 16;

impl AzureBlobs {
    /// One outcome per blob. The SDK knows no batches.
    pub(super) async fn delete_all(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        let deletions = blobs.iter().copied().map(|blob| async move {
            let result = self.delete_blob(&blob_object(&blob)).await;
            DeleteOutcome { blob, result }
        });
        stream::iter(deletions)
            .buffer_unordered(AT_A_TIME)
            .collect()
            .await
    }

    async fn delete_blob(&self, name: &str) -> StoreResult<()> {
        let client = self.container.blob(name);
        let delete = || async {
            match client.delete(None).await {
                Err(error) if !is_no_such_blob(&error) => Err(error),
                _ => Ok(()),
            }
        };
        self.container.answer(delete).await
    }
}
