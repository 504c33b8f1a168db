//! Multipart uploads and retired manifests.

use async_trait::async_trait;
use azure_core::http::Etag;
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

use super::CosmosMetadata;
use super::container::Range;
use super::index::Entry;
use super::rows::{self, Item};
use super::schema::{self, RETIRED, RowKey, part_order};
use super::swap::{ATTEMPTS, Decision, contended};

#[async_trait]
impl UploadIndex for CosmosMetadata {
    async fn begin_upload(&self, upload: &Upload) -> StoreResult<bool> {
        let entry = Entry::new(upload.key.as_str(), upload.id);
        let entry = entry.item(&schema::uploads(upload.bucket));
        let row = rows::upload(upload)?;
        // Either may be left alone behind a failure: nobody learns of the upload then.
        try_join(self.container.put(&entry), self.container.put(&row)).await?;
        let stands = self.is_current(&upload.bucket_name, upload.bucket).await;
        if stands.map_err(behind_write)? {
            return Ok(true);
        }
        forget_upload(self, &UploadPlace::of(upload)).await;
        Ok(false)
    }

    async fn lookup_upload(&self, bucket: &BucketName, upload: UploadId) -> StoreResult<UploadLookup> {
        let (bucket, upload) = self.read_in_bucket(bucket, upload).await?;
        let upload = upload.filter(|upload| bucket.as_ref().is_some_and(|bucket| bucket.id == upload.bucket));
        Ok(UploadLookup { bucket, upload })
    }

    async fn record_part(&self, upload: &Upload, part: &Part) -> StoreResult<RecordPartOutcome> {
        let (written, replaced) = self.write_part(upload.id, part).await?;
        let row = self.read_upload(upload.id).await.map_err(behind_write)?;
        if row.is_some_and(|row| row.state == UploadState::Open) {
            return Ok(RecordPartOutcome::Recorded);
        }
        // What a refused part replaced is put back, unless another part has replaced that.
        match replaced {
            Some(replaced) => self.container.replace(&replaced, &written).await.map(drop),
            None => {
                let key = RowKey::part(upload.id, part.number);
                self.container.delete(&key, Some(&written)).await.map(drop)
            }
        }
        .map_err(behind_write)?;
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
        let moved = self
            .container
            .swap(&RowKey::upload(upload.id), None, |row: &mut Upload| {
                let going_on = matches!(row.state, UploadState::Open | UploadState::Completing(_));
                row.state = UploadState::Completing(token);
                Decision::write_if(going_on)
            })
            .await?;
        match moved {
            Some(began) => Ok(BeginComplete::Began(began)),
            // It may have ended since its receipt was looked for.
            None => {
                let ended = closed(self, upload, now).await?;
                Ok(ended.unwrap_or(BeginComplete::NoSuchUpload))
            }
        }
    }

    async fn reopen(&self, upload: &Upload, token: Token) -> StoreResult<()> {
        self.container
            .swap(&RowKey::upload(upload.id), None, |row: &mut Upload| {
                let holds = row.state == UploadState::Completing(token);
                row.state = UploadState::Open;
                Decision::write_if(holds)
            })
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
        let rows = Range::all(schema::upload_partition(upload.id));
        let rows = match after {
            Some(after) => rows.after(&part_order(after)),
            None => rows,
        };
        let read = |item: &Item| item.detail::<Part>().map(Some);
        let (items, last) = self.container.scan(rows, limit, read).await?;
        let next = items.last().map(|part| part.number).filter(|_| last.is_some());
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
        let item = rows::retired(retired, self.clock.now())?;
        for attempt in 0..ATTEMPTS {
            self.container.back_off(attempt).await;
            if self.container.create(&item).await?.is_some() {
                return Ok(());
            }
            let Some(found) = self.container.get(&RowKey::retired(retired.commit_id)).await? else {
                continue;
            };
            let earlier: RetiredManifest = found.detail()?;
            if earlier.expires >= retired.expires
                || self.container.replace(&item, &found.seen()?).await?.is_some()
            {
                return Ok(());
            }
        }
        Err(contended())
    }

    async fn scan_retired(
        &self,
        after: Option<CommitId>,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<Page<RetiredManifest, CommitId>> {
        let rows = Range::all(RETIRED);
        let rows = match after {
            Some(after) => rows.after(&after.to_string()),
            None => rows,
        };
        let read = |item: &Item| {
            let retired: RetiredManifest = item.detail()?;
            Ok(Some(retired).filter(|retired| retired.expires >= now))
        };
        let (items, last) = self.container.scan(rows, limit, read).await?;
        let next = last.map(|last| last.parse()).transpose();
        Ok(Page {
            items,
            next: next.map_err(StoreError::corrupt)?,
        })
    }
}

impl CosmosMetadata {
    /// Writes a part over any earlier one. Returns what its row is known by, and the earlier one.
    async fn write_part(&self, upload: UploadId, part: &Part) -> StoreResult<(Etag, Option<Item>)> {
        let item = rows::part(upload, part)?;
        let key = RowKey::part(upload, part.number);
        for attempt in 0..ATTEMPTS {
            self.container.back_off(attempt).await;
            if let Some(written) = self.container.create(&item).await? {
                return Ok((written, None));
            }
            let Some(earlier) = self.container.get(&key).await? else {
                continue;
            };
            if let Some(written) = self.container.replace(&item, &earlier.seen()?).await? {
                return Ok((written, Some(earlier)));
            }
        }
        Err(contended())
    }
}
