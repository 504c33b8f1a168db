//! Multipart uploads and retired manifests.

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketName, CommitId, ObjectKey, ObjectRecord, Part, PartNumber, Receipt, RetiredManifest,
    Timestamp, Token, Upload, UploadId, UploadState, WriteCondition,
};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, Page, PublishOutcome, RecordPartOutcome, StoreError, StoreResult,
    UploadIndex, UploadLookup, UploadRange, UploadStart, check_limits,
};
use bleepstore_core::rows::{
    BucketRows, Publication, UploadPlace, abort_in_steps, behind_write, closed, forget_upload,
    publish_in_steps, receipt_in_steps, scan_uploads_in_steps,
};
use futures_util::future::try_join;

use super::DynamoMetadata;
use super::condition::Condition;
use super::index::Entry;
use super::objects::find;
use super::rows::{self, Item};
use super::schema::{self, PARTS, RETIRED_DIGITS, RowKey};
use super::table::{Range, Written};

#[async_trait]
impl UploadIndex for DynamoMetadata {
    async fn begin_upload(&self, upload: &Upload) -> StoreResult<bool> {
        let partition = schema::uploads(upload.bucket);
        let entry = Entry::new(upload.key.as_str(), upload.id);
        // Either may be left alone behind a failure: nobody learns of the upload then.
        try_join(
            self.table.put(entry.item(&partition), None),
            self.table.put(rows::upload(upload)?, None),
        )
        .await?;
        let stands = self.is_current(&upload.bucket_name, upload.bucket).await;
        if stands.map_err(behind_write)? {
            return Ok(true);
        }
        forget_upload(self, &UploadPlace::of(upload)).await;
        Ok(false)
    }

    async fn lookup_upload(&self, bucket: &BucketName, upload: UploadId) -> StoreResult<UploadLookup> {
        let keys = [RowKey::bucket(bucket), RowKey::upload(upload)];
        let found = self.table.get_many(&keys).await?;
        let bucket = find(&found, &keys[0]).map(rows::read_bucket).transpose()?;
        let upload = find(&found, &keys[1]).map(rows::read_upload).transpose()?;
        let upload = upload.filter(|upload| bucket.as_ref().is_some_and(|bucket| bucket.id == upload.bucket));
        Ok(UploadLookup { bucket, upload })
    }

    async fn record_part(&self, upload: &Upload, part: &Part) -> StoreResult<RecordPartOutcome> {
        let key = RowKey::part(upload.id, part.number);
        let Written::Applied(replaced) = self.table.put(rows::part(&key, part)?, None).await? else {
            return Err(StoreError::internal("a write without a condition was refused"));
        };
        let row = self
            .table
            .get(&RowKey::upload(upload.id))
            .await
            .map_err(behind_write)?;
        let row = row
            .as_ref()
            .map(rows::read_upload)
            .transpose()
            .map_err(behind_write)?;
        if row.is_some_and(|row| row.state == UploadState::Open) {
            return Ok(RecordPartOutcome::Recorded);
        }
        self.undo_part(&key, part, replaced).await.map_err(behind_write)?;
        Ok(RecordPartOutcome::NoSuchUpload)
    }

    async fn begin_complete(
        &self,
        upload: &Upload,
        token: Token,
        now: Timestamp,
    ) -> StoreResult<BeginComplete> {
        if let Some(ended) = closed(self, upload, now).await? {
            return Ok(ended);
        }
        let values = [
            (":state", rows::text(rows::COMPLETING)),
            (":by", rows::text(token)),
        ];
        let moved = self
            .table
            .update(
                &RowKey::upload(upload.id),
                "SET upload_state = :state, completing_by = :by",
                values,
                &Condition::not_ended(),
            )
            .await?;
        match moved {
            Written::Applied(Some(row)) => {
                let began = rows::read_upload(&row).map_err(behind_write)?;
                Ok(BeginComplete::Began(began))
            }
            // It may have ended since its receipt was looked for.
            Written::Applied(None) | Written::Refused(_) => {
                let ended = closed(self, upload, now).await?;
                Ok(ended.unwrap_or(BeginComplete::NoSuchUpload))
            }
        }
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

    async fn publish(
        &self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
        receipt: &Receipt,
    ) -> StoreResult<PublishOutcome> {
        check_limits(self, &record.manifest)?;
        let what = Publication {
            bucket,
            record,
            condition,
            retired,
            receipt,
        };
        publish_in_steps(self, &what).await
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
        let (items, last) = self.table.scan(range, limit, read).await?;
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
        for digit in RETIRED_DIGITS {
            let passed = after.as_deref().filter(|after| &after[..1] >= digit);
            if passed.is_some_and(|after| &after[..1] > digit) {
                continue;
            }
            if items.len() >= limit {
                let next = items.last().map(|last| last.commit_id);
                return Ok(Page { items, next });
            }
            let range = Range {
                partition: schema::retired_partition(digit),
                prefix: String::new(),
                after: passed.map(str::to_owned),
            };
            let read = |item: &Item| {
                let retired: RetiredManifest = rows::detail_of(item)?;
                Ok((retired.expires >= now).then_some(retired))
            };
            let (found, last) = self.table.scan(range, limit - items.len(), read).await?;
            items.extend(found);
            if let Some(last) = last {
                let next = Some(last.parse().map_err(StoreError::corrupt)?);
                return Ok(Page { items, next });
            }
        }
        Ok(Page { items, next: None })
    }
}

impl DynamoMetadata {
    /// Puts back what a refused part replaced, unless another part has replaced that.
    async fn undo_part(&self, key: &RowKey, part: &Part, replaced: Option<Item>) -> StoreResult<()> {
        let mine = Condition::written_by(part.commit_id);
        match replaced {
            Some(replaced) => self.table.put(replaced, Some(&mine)).await?,
            None => self.table.delete(key, Some(&mine)).await?,
        };
        Ok(())
    }
}
