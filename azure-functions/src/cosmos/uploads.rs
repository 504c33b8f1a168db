//! Multipart uploads and retired manifests.

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketName, CommitId, ObjectKey, Part, PartNumber, Receipt, RetiredManifest, Timestamp, Token,
    Upload, UploadId, UploadState,
};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, Page, RecordPartOutcome, StoreError, StoreResult, UploadIndex, UploadLookup,
    UploadRange, UploadStart,
};
use bleepstore_core::rows::{
    abort_in_steps, begin_complete_in_steps, begin_upload_in_steps, lookup_upload_in_steps, receipt_in_steps,
    record_part_in_steps, scan_range, scan_uploads_in_steps,
};

use super::CosmosMetadata;
use super::container::Range;
use super::rows::{self, Item};
use super::schema::{self, RETIRED, RowKey, part_order};
use super::swap::{ATTEMPTS, Decision, contended};

#[async_trait]
impl UploadIndex for CosmosMetadata {
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
        self.container
            .swap(&RowKey::upload(upload.id), None, |row: &mut Upload| {
                let holds = row.state == UploadState::Completing(token);
                row.state = UploadState::Open;
                Decision::write_if(holds)
            })
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
        let rows = Range::all(schema::upload_partition(upload.id));
        let rows = match after {
            Some(after) => rows.after(&part_order(after)),
            None => rows,
        };
        let read = |item: &Item| item.detail::<Part>().map(Some);
        let (items, last) = scan_range(&self.container, rows, limit, read).await?;
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
        let (items, last) = scan_range(&self.container, rows, limit, read).await?;
        let next = last.map(|last| last.parse()).transpose();
        Ok(Page {
            items,
            next: next.map_err(StoreError::corrupt)?,
        })
    }
}
