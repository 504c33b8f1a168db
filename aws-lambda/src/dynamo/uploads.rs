//! Multipart uploads and retired manifests.

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketName, CommitId, ObjectKey, Part, PartNumber, Receipt, RetiredManifest, Timestamp, Token,
    Upload, UploadId,
};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, Page, RecordPartOutcome, StoreError, StoreResult, UploadIndex, UploadLookup,
    UploadRange, UploadStart,
};
use bleepstore_core::rows::{
    abort_in_steps, begin_complete_in_steps, begin_upload_in_steps, lookup_upload_in_steps, receipt_in_steps,
    record_part_in_steps, scan_range, scan_uploads_in_steps,
};

use super::DynamoMetadata;
use super::condition::Condition;
use super::rows::{self, Item};
use super::schema::{self, PARTS, RETIRED_DIGITS, RowKey};
use super::table::Range;

#[async_trait]
impl UploadIndex for DynamoMetadata {
    async fn begin_upload(&self, upload: &Upload) -> StoreResult<bool> {
        begin_upload_in_steps(self, upload).await
    }

    async fn lookup_upload(&self, bucket: &BucketName, upload: UploadId) -> StoreResult<UploadLookup> {
        lookup_upload_in_steps(self, bucket, upload).await
    }

    async fn record_part(&self, upload: &Upload, part: &Part) -> StoreResult<RecordPartOutcome> {
        record_part_in_steps(self, upload, part).await
    }

    async fn begin_complete(
        &self,
        upload: &Upload,
        token: Token,
        now: Timestamp,
    ) -> StoreResult<BeginComplete> {
        begin_complete_in_steps(self, upload, token, now).await
    }

    async fn reopen(&self, upload: &Upload, token: Token) -> StoreResult<()> {
        let values = [(":state", rows::text(rows::OPEN))];
        self.table
            .update(
                &RowKey::upload(upload.id),
                "SET upload_state = :state REMOVE completing_by",
                values,
                &Condition::completing_by(token),
            )
            .await?;
        Ok(())
    }

    async fn abort(&self, upload: &Upload, receipt: &Receipt) -> StoreResult<AbortOutcome> {
        abort_in_steps(self, upload, receipt).await
    }

    async fn receipt(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        upload: UploadId,
        now: Timestamp,
    ) -> StoreResult<Option<Receipt>> {
        receipt_in_steps(self, bucket, key, upload, now).await
    }

    async fn scan_parts(
        &self,
        upload: &Upload,
        after: Option<PartNumber>,
        limit: usize,
    ) -> StoreResult<Page<Part, PartNumber>> {
        let range = Range {
            partition: schema::upload_partition(upload.id),
            prefix: PARTS.to_owned(),
            after: after.map(schema::part_sort_key),
        };
        let read = |item: &Item| rows::detail_of(item).map(Some);
        let (items, last) = scan_range(&self.table, range, limit, read).await?;
        let next = items
            .last()
            .map(|part: &Part| part.number)
            .filter(|_| last.is_some());
        Ok(Page { items, next })
    }

    async fn scan_uploads(
        &self,
        bucket: &Bucket,
        range: &UploadRange,
        limit: usize,
    ) -> StoreResult<Page<Upload, UploadStart>> {
        scan_uploads_in_steps(self, bucket, range, limit).await
    }

    async fn retire(&self, retired: &RetiredManifest) -> StoreResult<()> {
        let later = Condition::absent_or_expires_before(retired.expires.millis());
        self.table.put(rows::retired(retired)?, Some(&later)).await?;
        Ok(())
    }

    async fn scan_retired(
        &self,
        after: Option<CommitId>,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<Page<RetiredManifest, CommitId>> {
        let after = after.map(|commit| commit.to_string());
        let mut items: Vec<RetiredManifest> = Vec::new();
        // How many rows were read, and the last of them.
        let (mut rows_read, mut last_read) = (0, None);
        for digit in RETIRED_DIGITS {
            let passed = after.as_deref().filter(|after| &after[..1] >= digit);
            if passed.is_some_and(|after| &after[..1] > digit) {
                continue;
            }
            if rows_read >= limit {
                return Ok(Page {
                    items,
                    next: last_read,
                });
            }
            let range = Range {
                partition: schema::retired_partition(digit),
                prefix: String::new(),
                after: passed.map(str::to_owned),
            };
            let read = |item: &Item| rows::detail_of(item).map(Some);
            let (found, last) = scan_range(&self.table, range, limit - rows_read, read).await?;
            rows_read += found.len();
            last_read = found
                .last()
                .map(|last: &RetiredManifest| last.commit_id)
                .or(last_read);
            items.extend(found.into_iter().filter(|retired| retired.expires >= now));
            if let Some(last) = last {
                let next = Some(last.parse().map_err(StoreError::corrupt)?);
                return Ok(Page { items, next });
            }
        }
        Ok(Page { items, next: None })
    }
}
