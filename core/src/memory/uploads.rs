//! Multipart uploads, receipts and retired manifests in memory.

use std::ops::Bound;

use async_trait::async_trait;

use super::MemoryMetadata;
use super::metadata::{ReceiptKey, Rows, UploadRow, page};
use crate::model::{
    Bucket, BucketName, CommitId, ObjectKey, ObjectRecord, Part, PartNumber, Receipt, RetiredManifest,
    Timestamp, Token, Upload, UploadId, UploadState, WriteCondition,
};
use crate::ports::{
    AbortOutcome, BeginComplete, CommitOutcome, Page, PublishOutcome, RecordPartOutcome, StoreResult,
    UploadIndex, UploadLookup, UploadRange, UploadStart,
};

#[async_trait]
impl UploadIndex for MemoryMetadata {
    async fn begin_upload(&self, upload: &Upload) -> StoreResult<bool> {
        let mut rows = self.rows();
        if rows.creation(&upload.bucket_name, upload.bucket).is_none() {
            return Ok(false);
        }
        let row = UploadRow {
            upload: upload.clone(),
            parts: Default::default(),
        };
        rows.uploads.insert(upload.id, row);
        Ok(true)
    }

    async fn lookup_upload(&self, bucket: &BucketName, upload: UploadId) -> StoreResult<UploadLookup> {
        let rows = self.rows();
        let bucket = rows.buckets.get(bucket).cloned();
        let row = rows.uploads.get(&upload).filter(|row| {
            bucket
                .as_ref()
                .is_some_and(|bucket| bucket.id == row.upload.bucket)
        });
        Ok(UploadLookup {
            upload: row.map(|row| row.upload.clone()),
            bucket,
        })
    }

    async fn record_part(&self, upload: &Upload, part: &Part) -> StoreResult<RecordPartOutcome> {
        let mut rows = self.rows();
        match rows.uploads.get_mut(&upload.id) {
            Some(row) if row.upload.state == UploadState::Open => {
                row.parts.insert(part.number, part.clone());
                Ok(RecordPartOutcome::Recorded)
            }
            _ => Ok(RecordPartOutcome::NoSuchUpload),
        }
    }

    async fn begin_complete(
        &self,
        upload: &Upload,
        token: Token,
        now: Timestamp,
    ) -> StoreResult<BeginComplete> {
        let mut rows = self.rows();
        if let Some(receipt) = rows.receipt_at(&receipt_key(upload), now) {
            return Ok(BeginComplete::Closed(receipt.clone()));
        }
        Ok(match rows.uploads.get_mut(&upload.id) {
            Some(row) => {
                row.upload.state = UploadState::Completing(token);
                BeginComplete::Began(row.upload.clone())
            }
            None => BeginComplete::NoSuchUpload,
        })
    }

    async fn reopen(&self, upload: &Upload, token: Token) -> StoreResult<()> {
        if let Some(row) = self.rows().uploads.get_mut(&upload.id)
            && row.upload.state == UploadState::Completing(token)
        {
            row.upload.state = UploadState::Open;
        }
        Ok(())
    }

    async fn publish(
        &self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
        receipt: &Receipt,
    ) -> StoreResult<PublishOutcome> {
        self.check_size(&record.manifest)?;
        let mut rows = self.rows();
        let key = (bucket.id, record.key.clone(), receipt.upload);
        if let Some(earlier) = rows.receipts.get(&key) {
            return Ok(PublishOutcome::Closed(earlier.clone()));
        }
        let outcome = rows.commit(bucket, record, condition, retired);
        if matches!(outcome, CommitOutcome::Committed { .. }) {
            rows.close(key, receipt);
        }
        Ok(PublishOutcome::Object(outcome))
    }

    async fn abort(&self, upload: &Upload, receipt: &Receipt) -> StoreResult<AbortOutcome> {
        let mut rows = self.rows();
        let key = receipt_key(upload);
        if let Some(earlier) = rows.receipts.get(&key) {
            return Ok(AbortOutcome::Closed(earlier.clone()));
        }
        if !rows.uploads.contains_key(&upload.id) {
            return Ok(AbortOutcome::NoSuchUpload);
        }
        rows.close(key, receipt);
        Ok(AbortOutcome::Aborted)
    }

    async fn receipt(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        upload: UploadId,
        now: Timestamp,
    ) -> StoreResult<Option<Receipt>> {
        let rows = self.rows();
        Ok(rows.receipt_at(&(bucket.id, key.clone(), upload), now).cloned())
    }

    async fn scan_parts(
        &self,
        upload: &Upload,
        after: Option<PartNumber>,
        limit: usize,
    ) -> StoreResult<Page<Part, PartNumber>> {
        let rows = self.rows();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let parts = rows
            .uploads
            .get(&upload.id)
            .into_iter()
            .flat_map(|row| row.parts.range((start, Bound::Unbounded)))
            .map(|(_, part)| part.clone());
        Ok(page(parts, limit, |last| last.number))
    }

    async fn scan_uploads(
        &self,
        bucket: &Bucket,
        range: &UploadRange,
        limit: usize,
    ) -> StoreResult<Page<Upload, UploadStart>> {
        let rows = self.rows();
        let mut uploads: Vec<&Upload> = rows
            .uploads
            .values()
            .map(|row| &row.upload)
            .filter(|upload| upload.bucket == bucket.id && range.admits(upload.key.as_str(), upload.id))
            .collect();
        uploads.sort_by_key(|upload| (&upload.key, upload.id));
        Ok(page(uploads.into_iter().cloned(), limit, |last| {
            UploadStart::After(last.key.as_str().to_owned(), last.id)
        }))
    }

    async fn retire(&self, retired: &RetiredManifest) -> StoreResult<()> {
        let mut rows = self.rows();
        let row = rows
            .retired
            .entry(retired.commit_id)
            .or_insert_with(|| retired.clone());
        row.expires = row.expires.max(retired.expires);
        Ok(())
    }

    async fn scan_retired(
        &self,
        after: Option<CommitId>,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<Page<RetiredManifest, CommitId>> {
        let rows = self.rows();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let retired = rows
            .retired
            .range((start, Bound::Unbounded))
            .map(|(_, row)| row)
            .filter(|row| row.expires >= now);
        Ok(page(retired.cloned(), limit, |last| last.commit_id))
    }
}

fn receipt_key(upload: &Upload) -> ReceiptKey {
    (upload.bucket, upload.key.clone(), upload.id)
}

impl Rows {
    fn receipt_at(&self, key: &ReceiptKey, now: Timestamp) -> Option<&Receipt> {
        self.receipts.get(key).filter(|receipt| receipt.expires >= now)
    }

    /// Ends an upload: from here on its receipt speaks for it.
    fn close(&mut self, key: ReceiptKey, receipt: &Receipt) {
        self.uploads.remove(&receipt.upload);
        self.receipts.insert(key, receipt.clone());
    }
}
