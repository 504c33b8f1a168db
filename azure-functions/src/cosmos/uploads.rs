//! Multipart uploads and retired manifests.

use async_trait::async_trait;
use bleepstore_core::model::{
    CommitId, Part, PartNumber, RetiredManifest, Timestamp, Token, Upload, UploadId, UploadState,
};
use bleepstore_core::ports::{Page, StoreError, StoreResult};
use bleepstore_core::rows::{UploadStore, scan_range};
use bleepstore_core::uploads_in_steps;

use super::CosmosMetadata;
use super::container::Range;
use super::rows::{self, Item};
use super::schema::{self, RETIRED, RowKey, part_order};
use super::swap::{ATTEMPTS, Decision, contended};

uploads_in_steps!(CosmosMetadata);

#[async_trait]
impl UploadStore for CosmosMetadata {
    async fn open_again(&self, upload: UploadId, token: Token) -> StoreResult<()> {
        self.container
            .swap(&RowKey::upload(upload), None, |row: &mut Upload| {
                let holds = row.state == UploadState::Completing(token);
                row.state = UploadState::Open;
                Decision::write_if(holds)
            })
            .await?;
        Ok(())
    }

    async fn parts_after(
        &self,
        upload: UploadId,
        after: Option<PartNumber>,
        limit: usize,
    ) -> StoreResult<Page<Part, PartNumber>> {
        let rows = Range::all(schema::upload_partition(upload));
        let rows = match after {
            Some(after) => rows.after(&part_order(after)),
            None => rows,
        };
        let read = |item: &Item| item.detail::<Part>().map(Some);
        let (items, last) = scan_range(&self.container, rows, limit, read).await?;
        let next = items.last().map(|part| part.number).filter(|_| last.is_some());
        Ok(Page { items, next })
    }

    async fn keep_retired(&self, retired: &RetiredManifest) -> StoreResult<()> {
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

    async fn retired_after(
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
