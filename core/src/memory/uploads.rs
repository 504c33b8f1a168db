//! Multipart uploads, receipts and retired manifests in memory.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use super::metadata::page;
use super::rows::ReceiptKey;
use super::{Change, Journal, Rows, Transaction};
use crate::model::{
    Bucket, BucketName, CommitId, ObjectKey, Part, PartNumber, Receipt, RetiredManifest, Timestamp, Token,
    Upload, UploadId, UploadState,
};
use crate::ports::{
    AbortOutcome, BeginComplete, Page, RecordPartOutcome, StoreResult, UploadIndex, UploadLookup,
    UploadRange, UploadStart,
};
use crate::rows::StoredReceipt;

#[async_trait]
impl<J: Journal> UploadIndex for J {
    async fn begin_upload(&self, upload: &Upload) -> StoreResult<bool> {
        let upload = upload.clone();
        self.change(move |rows| {
            let found = rows.creation(&upload.bucket_name, upload.bucket).is_some();
            if found {
                rows.set(Change::Upload(upload));
            }
            found
        })
        .await
    }

    async fn lookup_upload(&self, bucket: &BucketName, upload: UploadId) -> StoreResult<UploadLookup> {
        let rows = self.rows();
        let bucket = rows.bucket(bucket)?;
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
        let (id, part) = (upload.id, Arc::new(part.clone()));
        self.change(move |rows| match rows.uploads.get(&id) {
            Some(row) if row.upload.state == UploadState::Open => {
                rows.set(Change::Part(id, part));
                RecordPartOutcome::Recorded
            }
            _ => RecordPartOutcome::NoSuchUpload,
        })
        .await
    }

    async fn begin_complete(
        &self,
        upload: &Upload,
        token: Token,
        now: Timestamp,
    ) -> StoreResult<BeginComplete> {
        let (id, key) = (upload.id, receipt_key(upload));
        self.change(move |rows| {
            if let Some(receipt) = rows.receipt_at(&key, now) {
                return BeginComplete::Closed(receipt.clone());
            }
            match rows.with_state(id, UploadState::Completing(token)) {
                Some(upload) => {
                    rows.set(Change::Upload(upload.clone()));
                    BeginComplete::Began(Box::new(upload))
                }
                None => BeginComplete::NoSuchUpload,
            }
        })
        .await
    }

    async fn reopen(&self, upload: &Upload, token: Token) -> StoreResult<()> {
        let id = upload.id;
        self.change(move |rows| {
            let completing = rows
                .uploads
                .get(&id)
                .is_some_and(|row| row.upload.state == UploadState::Completing(token));
            if completing && let Some(upload) = rows.with_state(id, UploadState::Open) {
                rows.set(Change::Upload(upload));
            }
        })
        .await
    }

    async fn abort(&self, upload: &Upload, receipt: &Receipt) -> StoreResult<AbortOutcome> {
        let (id, key, receipt) = (upload.id, receipt_key(upload), receipt.clone());
        self.change(move |rows| {
            if let Some(earlier) = rows.receipts.get(&key) {
                return AbortOutcome::Closed(earlier.clone());
            }
            if !rows.uploads.contains_key(&id) {
                return AbortOutcome::NoSuchUpload;
            }
            rows.close(key, receipt);
            AbortOutcome::Aborted
        })
        .await
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
            .map(|(_, part)| Part::clone(part));
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
        let mut row = retired.clone();
        self.change(move |rows| {
            if let Some(earlier) = rows.retired.get(&row.commit_id) {
                row = RetiredManifest {
                    expires: row.expires.max(earlier.expires),
                    ..earlier.clone()
                };
            }
            rows.set(Change::Retired(row));
        })
        .await
    }

    async fn scan_retired(
        &self,
        after: Option<CommitId>,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<Page<RetiredManifest, CommitId>> {
        let rows = self.rows();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let retired = rows.retired.range((start, Bound::Unbounded)).map(|(_, row)| row);
        let read = page(retired, limit, |last| last.commit_id);
        Ok(read.showing(|row| (row.expires >= now).then(|| row.clone())))
    }
}

fn receipt_key(upload: &Upload) -> ReceiptKey {
    (upload.bucket, upload.key.clone(), upload.id)
}

impl Rows {
    fn receipt_at(&self, key: &ReceiptKey, now: Timestamp) -> Option<&Receipt> {
        self.receipts.get(key).filter(|receipt| receipt.expires >= now)
    }

    /// An upload that has not ended, as it would be in that state.
    fn with_state(&self, id: UploadId, state: UploadState) -> Option<Upload> {
        let mut upload = self.uploads.get(&id)?.upload.clone();
        upload.state = state;
        Some(upload)
    }
}

impl Transaction<'_> {
    /// Ends an upload: from here on its receipt speaks for it.
    pub(super) fn close(&mut self, (bucket, key, upload): ReceiptKey, receipt: Receipt) {
        if self.uploads.contains_key(&upload) {
            self.set(Change::UploadGone(upload));
        }
        self.set(Change::Receipt(StoredReceipt { bucket, key, receipt }));
    }
}
