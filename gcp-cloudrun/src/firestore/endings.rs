//! How an upload ends: its receipt, and then what is left of it.
//!
//! The receipt and the end of the upload's document are one transaction, with the object where there is one.
//! The parts are deleted after it, in the same request, and then the upload's document: a scan of uploads that
//! meets one which has ended goes on with that. Should nobody scan for a week, Firestore deletes the document by
//! its time to live, and parts that are left are documents that nothing reads.

use bleepstore_core::model::{BucketId, Receipt, Upload};
use bleepstore_core::ports::{AbortOutcome, KeyRange, StoreResult};
use bleepstore_core::rows::{StoredReceipt, UploadPlace, scan_range};
use firestore::gcloud_sdk::google::firestore::v1::{Document, Write};

use super::calls::WRITES;
use super::query::{Query, within};
use super::schema::{self, PART_IDS, UPLOADS, uploads_of};
use super::transaction::Decision;
use super::{FirestoreMetadata, rows};

/// Uploads of a deleted bucket that are removed with it. More of them stay as documents that nothing reads.
const UPLOADS_WITH_BUCKET: usize = 100;
/// Batches of parts that one request deletes at most: all that an upload can have.
const BATCHES_OF_PARTS: usize = 10_000 / WRITES + 1;

impl FirestoreMetadata {
    pub(super) async fn abort_upload(&self, upload: &Upload, receipt: &Receipt) -> StoreResult<AbortOutcome> {
        let stored = UploadPlace::of(upload).stored(receipt);
        let abort = |[earlier, row]: [Option<Document>; 2]| {
            if let Some(earlier) = read_receipt(earlier.as_ref())? {
                return Ok(Decision::Keep(AbortOutcome::Closed(earlier.receipt)));
            }
            let row = read_upload(row.as_ref())?.filter(|row| !row.state.has_ended());
            Ok(match row {
                Some(row) => Decision::Write(self.ending(&stored, Some(&row))?, AbortOutcome::Aborted),
                None => Decision::Keep(AbortOutcome::NoSuchUpload),
            })
        };
        let path = schema::upload(upload.id);
        let paths = [&schema::receipt(upload.id), &path];
        let outcome = self.documents.transact(&[&path], paths, abort).await?;
        if outcome == AbortOutcome::Aborted {
            self.clear(upload).await;
        }
        Ok(outcome)
    }

    /// The writes that end an upload, whose document may be gone.
    pub(super) fn ending(&self, stored: &StoredReceipt, row: Option<&Upload>) -> StoreResult<Vec<Write>> {
        let receipt = &stored.receipt;
        let path = schema::receipt(receipt.upload);
        let mut writes = vec![self.documents.put(&path, rows::receipt(stored)?)];
        if let Some(row) = row {
            let state = receipt.outcome.state();
            let ended = Upload { state, ..row.clone() };
            let row = rows::upload(&ended, Some(receipt.expires))?;
            writes.push(self.documents.put(&schema::upload(ended.id), row));
        }
        Ok(writes)
    }

    /// Deletes the parts of an upload that has ended or that nobody will ask for, and then its document. What
    /// fails is left to the next scan.
    pub(super) async fn clear(&self, upload: &Upload) {
        if let Err(error) = self.try_clear(upload).await {
            tracing::warn!(upload = %upload.id, %error, "documents of an upload that has ended stay until uploads are scanned");
        }
    }

    async fn try_clear(&self, upload: &Upload) -> StoreResult<()> {
        let path = schema::upload(upload.id);
        let parts = Query::of(PART_IDS, Some(path.clone()));
        for _ in 0..BATCHES_OF_PARTS {
            // The upload's own document goes with the last of its parts.
            let found = self.documents.run(parts.clone(), WRITES - 1).await?;
            let last = found.len() < WRITES - 1;
            let names = found.into_iter().map(|document| document.name);
            let own = last.then(|| self.documents.name(&path));
            self.documents.delete_all(names.chain(own).collect()).await?;
            if last {
                break;
            }
        }
        Ok(())
    }

    /// Removes the uploads of a bucket that is gone.
    pub(super) async fn clear_uploads(&self, bucket: BucketId) {
        let Some(query) = within(
            Query::of(UPLOADS, None),
            &KeyRange::default(),
            &uploads_of(bucket),
        ) else {
            return;
        };
        let read = |document: &_| rows::detail_of(document).map(Some);
        match scan_range(&self.documents, query, UPLOADS_WITH_BUCKET, read).await {
            Ok((uploads, more)) => {
                for upload in &uploads {
                    self.clear(upload).await;
                }
                if more.is_some() {
                    tracing::warn!(%bucket, "documents of uploads of a deleted bucket stay");
                }
            }
            Err(error) => tracing::warn!(%bucket, %error, "documents of uploads of a deleted bucket stay"),
        }
    }
}

/// The upload in a document.
pub(super) fn read_upload(document: Option<&Document>) -> StoreResult<Option<Upload>> {
    document.map(rows::detail_of).transpose()
}

/// The receipt in a document.
pub(super) fn read_receipt(document: Option<&Document>) -> StoreResult<Option<StoredReceipt>> {
    document.map(rows::detail_of).transpose()
}
