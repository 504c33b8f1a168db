//! Deleting, with an outcome for each blob.

use std::collections::HashMap;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{DeleteOutcome, StoreError, StoreErrorKind, StoreResult};
use bleepstore_core::remote::{blob_object, parse_blob_object};

use super::S3Blobs;
use super::error::{answer_kind, store_error};

/// How many keys one DeleteObjects names at most.
const BATCH: usize = 1_000;

/// Why S3 kept an object.
struct Kept {
    kind: StoreErrorKind,
    message: String,
}

impl Kept {
    fn error(&self) -> StoreError {
        StoreError::new(self.kind, self.message.clone())
    }
}

impl S3Blobs {
    /// One outcome per blob.
    pub(super) async fn delete_all(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        // Requests free the one blob of an overwritten object: S3 charges nothing for deleting a single one.
        if let [blob] = blobs {
            let result = self.delete_one(blob).await;
            return vec![DeleteOutcome { blob: *blob, result }];
        }
        let mut outcomes = Vec::with_capacity(blobs.len());
        for batch in blobs.chunks(BATCH) {
            let kept = self.delete_batch(batch).await;
            outcomes.extend(batch.iter().map(|blob| {
                let result = match &kept {
                    Ok(kept) => kept.get(blob).map_or(Ok(()), |kept| Err(kept.error())),
                    Err(all) => Err(all.error()),
                };
                DeleteOutcome { blob: *blob, result }
            }));
        }
        outcomes
    }

    async fn delete_one(&self, blob: &BlobRef) -> StoreResult<()> {
        let delete = self.client.delete_object().bucket(&self.bucket);
        delete.key(blob_object(blob)).send().await.map_err(store_error)?;
        Ok(())
    }

    /// The blobs that were not deleted; an error where none was.
    async fn delete_batch(&self, batch: &[BlobRef]) -> Result<HashMap<BlobRef, Kept>, Kept> {
        let all = |error: StoreError| Kept {
            kind: error.kind,
            message: error.to_string(),
        };
        let mut delete = Delete::builder().quiet(true);
        for blob in batch {
            let object = ObjectIdentifier::builder().key(blob_object(blob)).build();
            delete = delete.objects(object.map_err(|error| all(StoreError::internal(error)))?);
        }
        let delete = delete.build().map_err(|error| all(StoreError::internal(error)))?;
        let request = self.client.delete_objects().bucket(&self.bucket).delete(delete);
        let answer = request.send().await.map_err(|error| all(store_error(error)))?;
        let mut kept = HashMap::new();
        for error in answer.errors() {
            if error.code() == Some("NoSuchKey") {
                continue;
            }
            let reason = Kept {
                kind: answer_kind(error.code(), None),
                message: format!("S3: {:?}: {:?}", error.code(), error.message()),
            };
            match error.key().and_then(parse_blob_object) {
                Some(blob) => {
                    kept.insert(blob, reason);
                }
                // Without a name it may be any of them.
                None => return Err(reason),
            }
        }
        Ok(kept)
    }
}
