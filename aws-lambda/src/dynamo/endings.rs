//! How an upload ends: its receipt, and then what is left of it.
//!
//! The receipt decides. What follows it (the upload's row, its parts, its entry in the index) is done in
//! the same request, up to a bound; the entry goes last, so that a scan of uploads meets what is left and goes on.

use std::time::Duration;

use bleepstore_core::model::{BucketId, Receipt, ReceiptOutcome, Upload, UploadId, UploadState};
use bleepstore_core::ports::{AbortOutcome, StoreError, StoreResult};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::DynamoMetadata;
use super::condition::Condition;
use super::index::{Entry, Start};
use super::objects::find;
use super::rows::{self, Item, StoredReceipt};
use super::schema::{self, EXPIRES_AT, PARTS, RowKey, SORT_KEY};
use super::table::{BATCH_WRITE, Range, Written};

/// Parts that one request removes at most. The next scan of the bucket's uploads goes on.
const PARTS_AT_ONCE: usize = 1_000;
/// Batches of parts that are removed at the same time.
const BATCHES_AT_ONCE: usize = 8;
/// Uploads of a deleted bucket that are removed with it. More of them stay as rows that nothing reads.
const UPLOADS_WITH_BUCKET: usize = 100;
/// An entry whose upload has no row is of one that is just being begun, until it is this old.
const BEGINNING: Duration = Duration::from_secs(24 * 60 * 60);

impl DynamoMetadata {
    pub(super) async fn abort_upload(&self, upload: &Upload, receipt: &Receipt) -> StoreResult<AbortOutcome> {
        let keys = [RowKey::receipt(upload.id), RowKey::upload(upload.id)];
        let found = self.table.get_many(&keys).await?;
        if let Some(earlier) = find(&found, &keys[0]) {
            return self.aborted_late(&rows::detail_of(earlier)?).await;
        }
        let row = find(&found, &keys[1]).map(rows::read_upload).transpose()?;
        if !row.is_some_and(|row| has_not_ended(&row)) {
            // The two rows are not read at one moment: a receipt may have come before the row ended.
            return match self.stored_receipt(upload.id).await? {
                Some(earlier) => self.aborted_late(&earlier).await,
                None => Ok(AbortOutcome::NoSuchUpload),
            };
        }
        let stored = StoredReceipt {
            bucket: upload.bucket,
            key: upload.key.clone(),
            receipt: receipt.clone(),
        };
        let written = self
            .table
            .put(rows::receipt(&stored)?, Some(&Condition::absent()))
            .await?;
        match written {
            Written::Applied(_) => {
                self.finish(&stored).await;
                Ok(AbortOutcome::Aborted)
            }
            Written::Refused(Some(earlier)) => self.aborted_late(&rows::detail_of(&earlier)?).await,
            Written::Refused(None) => Err(StoreError::internal("a receipt was refused for no receipt")),
        }
    }

    async fn aborted_late(&self, earlier: &StoredReceipt) -> StoreResult<AbortOutcome> {
        self.finish(earlier).await;
        Ok(AbortOutcome::Closed(earlier.receipt.clone()))
    }

    /// Does what follows a receipt, as far as it goes: the receipt already decides.
    pub(super) async fn finish(&self, stored: &StoredReceipt) {
        let entry = Entry::new(stored.key.as_str(), stored.receipt.upload);
        let finished = async {
            self.end_row(&stored.receipt).await?;
            self.sweep(stored.bucket, &entry).await
        };
        if let Err(error) = finished.await {
            tracing::warn!(upload = entry.id, %error, "rows of an upload that has ended stay until uploads are scanned");
        }
    }

    /// Marks the upload's row, which lasts as long as the receipt.
    async fn end_row(&self, receipt: &Receipt) -> StoreResult<()> {
        let state = match receipt.outcome {
            ReceiptOutcome::Completed { .. } => rows::COMPLETED,
            ReceiptOutcome::Aborted => rows::ABORTED,
        };
        let values = [
            (":state", rows::text(state)),
            (":expires", rows::time_to_live(receipt.expires)),
        ];
        let update = format!("SET upload_state = :state, {EXPIRES_AT} = :expires REMOVE completing_by");
        let key = RowKey::upload(receipt.upload);
        self.table
            .update(&key, &update, values, &Condition::present())
            .await?;
        Ok(())
    }

    /// Removes the parts of an upload that has ended, and then its entry.
    async fn sweep(&self, bucket: BucketId, entry: &Entry) -> StoreResult<()> {
        let id: UploadId = entry.id.parse().map_err(StoreError::corrupt)?;
        let partition = schema::upload_partition(id);
        let range = Range {
            partition: partition.clone(),
            prefix: PARTS.to_owned(),
            after: None,
        };
        let read = |item: &Item| {
            Ok(Some(RowKey::new(
                partition.as_str(),
                rows::text_of(item, SORT_KEY)?,
            )))
        };
        let (parts, more) = self.table.scan(range, PARTS_AT_ONCE, read).await?;
        let batches: Vec<Vec<RowKey>> = parts.chunks(BATCH_WRITE).map(<[RowKey]>::to_vec).collect();
        stream::iter(batches)
            .map(|batch| async move { self.table.delete_batch(&batch).await })
            .buffer_unordered(BATCHES_AT_ONCE)
            .try_collect::<()>()
            .await?;
        if more.is_none() {
            self.table
                .delete(&entry.key(&schema::uploads(bucket)), None)
                .await?;
        }
        Ok(())
    }

    /// The uploads of these entries that have not ended, in their order. What is left of those that have is
    /// removed.
    pub(super) async fn open_uploads(&self, bucket: BucketId, entries: &[Entry]) -> StoreResult<Vec<Upload>> {
        let mut keys = Vec::with_capacity(entries.len() * 2);
        for entry in entries {
            let id = entry.id.parse().map_err(StoreError::corrupt)?;
            keys.extend([RowKey::upload(id), RowKey::receipt(id)]);
        }
        let found = self.table.get_many(&keys).await?;
        let mut open = Vec::new();
        for (entry, keys) in entries.iter().zip(keys.chunks(2)) {
            let row = find(&found, &keys[0]).map(rows::read_upload).transpose()?;
            let receipt = find(&found, &keys[1]);
            match (row, receipt) {
                (_, Some(receipt)) => self.finish(&rows::detail_of(receipt)?).await,
                (Some(row), None) if has_not_ended(&row) => open.push(row),
                (None, None) if self.is_beginning(entry) => {}
                (_, None) => self.forget(bucket, entry).await,
            }
        }
        Ok(open)
    }

    fn is_beginning(&self, entry: &Entry) -> bool {
        let started = u64::from_str_radix(entry.id.get(..12).unwrap_or_default(), 16).unwrap_or(0);
        let now = u64::try_from(self.clock.now().millis()).unwrap_or(0);
        u128::from(now.saturating_sub(started)) < BEGINNING.as_millis()
    }

    /// Removes all rows of an upload that nobody will ask for.
    pub(super) async fn forget(&self, bucket: BucketId, entry: &Entry) {
        let forgotten = async {
            let id = entry.id.parse().map_err(StoreError::corrupt)?;
            self.table.delete(&RowKey::upload(id), None).await?;
            self.sweep(bucket, entry).await
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(upload = entry.id, %error, "rows of an upload that is gone stay");
        }
    }

    /// Removes the uploads of a bucket that is gone.
    pub(super) async fn clear_uploads(&self, bucket: BucketId) {
        let partition = schema::uploads(bucket);
        let found = self
            .table
            .entries(&partition, "", Start::Beginning, UPLOADS_WITH_BUCKET, |_| true);
        match found.await {
            Ok((entries, more)) => {
                for entry in &entries {
                    self.forget(bucket, entry).await;
                }
                if more {
                    tracing::warn!(%bucket, "rows of uploads of a deleted bucket stay");
                }
            }
            Err(error) => tracing::warn!(%bucket, %error, "rows of uploads of a deleted bucket stay"),
        }
    }
}

fn has_not_ended(upload: &Upload) -> bool {
    matches!(upload.state, UploadState::Open | UploadState::Completing(_))
}
