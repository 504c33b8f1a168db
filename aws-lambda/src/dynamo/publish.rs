//! The publication of an upload: object and receipt in one transaction.
//!
//! A transaction does not return the row that it replaces. So the row is read first, judged as every other
//! store judges it, and the transaction takes place only if it is still the one that was read.

use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, ObjectRecord, Receipt, ReceiptOutcome, WriteCondition,
};
use bleepstore_core::ports::{
    CommitOutcome, PublishOutcome, StoreError, StoreErrorKind, StoreResult, check_replacement,
};

use super::condition::Condition;
use super::error::behind_write;
use super::objects::{ATTEMPTS, find};
use super::rows::{self, StoredReceipt};
use super::schema::{RowKey, attribute};
use super::{DynamoMetadata, check_size};

/// What one attempt saw and did.
enum Attempt {
    Ended(PublishOutcome),
    Contended,
}

impl DynamoMetadata {
    pub(super) async fn publish_upload(
        &self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
        receipt: &Receipt,
    ) -> StoreResult<PublishOutcome> {
        check_size(&record.manifest)?;
        let stored = StoredReceipt {
            bucket: bucket.id,
            key: record.key.clone(),
            receipt: receipt.clone(),
        };
        for attempt in 0..ATTEMPTS {
            self.table.back_off(attempt).await;
            let tried = self.try_publish(bucket, record, condition, retired, &stored);
            if let Attempt::Ended(outcome) = tried.await? {
                return Ok(outcome);
            }
        }
        Err(StoreError::new(
            StoreErrorKind::Throttled,
            "the object keeps changing",
        ))
    }

    async fn try_publish(
        &self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
        stored: &StoredReceipt,
    ) -> StoreResult<Attempt> {
        let keys = [
            RowKey::receipt(stored.receipt.upload),
            RowKey::bucket(&bucket.name),
            RowKey::object(&bucket.name, &record.key),
        ];
        let found = self.table.get_many(&keys).await?;
        if let Some(earlier) = find(&found, &keys[0]) {
            return self.closed_before(bucket, &rows::detail_of(earlier)?).await;
        }
        let current = find(&found, &keys[1]).map(rows::read_bucket).transpose()?;
        if current.is_none_or(|current| current.id != bucket.id) {
            return Ok(Attempt::Ended(PublishOutcome::Object(
                CommitOutcome::NoSuchBucket,
            )));
        }
        let row = find(&found, &keys[2]).map(rows::read_object).transpose()?;
        let object = Condition::unchanged(row.as_ref());
        let superseded = row.filter(|row| row.bucket == bucket.id);
        if let Err(refusal) = check_replacement(superseded.as_ref(), condition, retired) {
            return Ok(Attempt::Ended(PublishOutcome::Object(refusal.into())));
        }
        let puts = vec![
            (rows::receipt(stored)?, Condition::absent()),
            (rows::object(&keys[2], record)?, object),
        ];
        if !self.table.put_together(puts).await? {
            return Ok(Attempt::Contended);
        }
        let stands = self.confirm(&bucket.name, bucket.id).await;
        let outcome = if stands.map_err(behind_write)? {
            self.finish(stored).await;
            CommitOutcome::Committed { superseded }
        } else {
            self.take_back(bucket, record).await;
            self.take_back_receipt(stored).await;
            CommitOutcome::NoSuchBucket
        };
        Ok(Attempt::Ended(PublishOutcome::Object(outcome)))
    }

    async fn closed_before(&self, bucket: &Bucket, earlier: &StoredReceipt) -> StoreResult<Attempt> {
        let outcome = if self.vouches(&bucket.name, bucket.id, &earlier.receipt).await? {
            PublishOutcome::Closed(earlier.receipt.clone())
        } else {
            PublishOutcome::Object(CommitOutcome::NoSuchBucket)
        };
        Ok(Attempt::Ended(outcome))
    }

    /// Whether a receipt may be shown. That of an object may have been written by a process that died before it
    /// confirmed that the bucket keeps the object.
    pub(super) async fn vouches(
        &self,
        bucket: &BucketName,
        id: BucketId,
        receipt: &Receipt,
    ) -> StoreResult<bool> {
        match receipt.outcome {
            ReceiptOutcome::Aborted => Ok(true),
            ReceiptOutcome::Completed { .. } => self.confirm(bucket, id).await,
        }
    }

    /// Removes the receipt of an object in a bucket that is gone. One that stays expires.
    async fn take_back_receipt(&self, stored: &StoredReceipt) {
        let removed = async {
            let item = rows::receipt(stored)?;
            let mine = Condition::detail_is(rows::text_of(&item, attribute::DETAIL)?);
            let key = RowKey::receipt(stored.receipt.upload);
            self.table.delete(&key, Some(&mine)).await
        };
        if let Err(error) = removed.await {
            tracing::warn!(upload = %stored.receipt.upload, %error, "the receipt of an object in a deleted bucket stays");
        }
    }
}
