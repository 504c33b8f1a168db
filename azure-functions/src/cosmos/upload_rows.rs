//! The rows of uploads and receipts, one step each.
//!
//! A receipt is in the partition of its bucket's objects, so that one batch writes it with its object.

use async_trait::async_trait;
use azure_core::http::Etag;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, Part, Timestamp, Token, Upload, UploadId, UploadState,
};
use bleepstore_core::ports::{Clock, Entropy, StoreResult};
use bleepstore_core::rows::{BucketRows, StoredReceipt, UploadEnd, UploadPlace, UploadRows, scan_range};
use futures_util::future::try_join;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::CosmosMetadata;
use super::batch::{BATCH, Change};
use super::container::Range;
use super::rows::{self, Item, time_to_live};
use super::schema::{self, RowKey};
use super::swap::{ATTEMPTS, Decision, contended};

/// Uploads whose rows are read at the same time.
const READS_AT_ONCE: usize = 8;
/// Parts that are removed at the same time where a batch cannot do it.
const DELETES_AT_ONCE: usize = 8;

/// What a part was written over.
#[derive(Debug)]
pub struct Replaced {
    /// What the part's row is known by.
    written: Etag,
    earlier: Option<Item>,
}

#[async_trait]
impl UploadRows for CosmosMetadata {
    type Replaced = Replaced;

    fn waiting(&self) -> (&dyn Clock, &dyn Entropy) {
        (self.clock.as_ref(), self.entropy.as_ref())
    }

    fn uploads_index(&self, bucket: BucketId) -> String {
        schema::uploads(bucket)
    }

    async fn put_upload(&self, upload: &Upload) -> StoreResult<()> {
        self.container.put(&rows::upload(upload)?).await
    }

    async fn read_upload(&self, upload: UploadId) -> StoreResult<Option<Upload>> {
        let found = self.container.get(&RowKey::upload(upload)).await?;
        found.map(|item| item.detail()).transpose()
    }

    async fn read_with_bucket(
        &self,
        bucket: &BucketName,
        upload: UploadId,
    ) -> StoreResult<(Option<Bucket>, Option<Upload>)> {
        try_join(self.read_bucket(bucket), self.read_upload(upload)).await
    }

    async fn take_upload(&self, upload: UploadId, token: Token) -> StoreResult<Option<Upload>> {
        self.container
            .swap(&RowKey::upload(upload), None, |row: &mut Upload| {
                let going_on = !row.state.has_ended();
                row.state = UploadState::Completing(token);
                Decision::write_if(going_on)
            })
            .await
    }

    async fn write_part(&self, upload: UploadId, part: &Part) -> StoreResult<Replaced> {
        let item = rows::part(upload, part)?;
        let key = RowKey::part(upload, part.number);
        for attempt in 0..ATTEMPTS {
            self.container.back_off(attempt).await;
            if let Some(written) = self.container.create(&item).await? {
                let earlier = None;
                return Ok(Replaced { written, earlier });
            }
            let Some(earlier) = self.container.get(&key).await? else {
                continue;
            };
            if let Some(written) = self.container.replace(&item, &earlier.seen()?).await? {
                let earlier = Some(earlier);
                return Ok(Replaced { written, earlier });
            }
        }
        Err(contended())
    }

    async fn undo_part(&self, upload: UploadId, part: &Part, replaced: Replaced) -> StoreResult<()> {
        let Replaced { written, earlier } = replaced;
        match earlier {
            Some(earlier) => self.container.replace(&earlier, &written).await.map(drop),
            None => {
                let key = RowKey::part(upload, part.number);
                self.container.delete(&key, Some(&written)).await.map(drop)
            }
        }
    }

    async fn read_receipt(&self, place: &UploadPlace) -> StoreResult<Option<StoredReceipt>> {
        let key = RowKey::receipt(&place.bucket_name, place.id);
        let found = self.container.get(&key).await?;
        found.map(|item| item.detail()).transpose()
    }

    async fn read_ends(&self, places: &[UploadPlace]) -> StoreResult<Vec<UploadEnd>> {
        stream::iter(places.to_vec())
            .map(|place| async move {
                let (upload, receipt) =
                    try_join(self.read_upload(place.id), self.read_receipt(&place)).await?;
                Ok(UploadEnd { upload, receipt })
            })
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn create_receipt(
        &self,
        place: &UploadPlace,
        stored: &StoredReceipt,
    ) -> StoreResult<Option<StoredReceipt>> {
        let item = rows::receipt(&place.bucket_name, stored, self.clock.now())?;
        for attempt in 0..ATTEMPTS {
            self.container.back_off(attempt).await;
            if self.container.create(&item).await?.is_some() {
                return Ok(None);
            }
            if let Some(earlier) = self.read_receipt(place).await? {
                return Ok(Some(earlier));
            }
        }
        Err(contended())
    }

    async fn remove_receipt(&self, place: &UploadPlace, stored: &StoredReceipt) -> StoreResult<()> {
        let key = RowKey::receipt(&place.bucket_name, place.id);
        self.container
            .remove_if(&key, |row: &StoredReceipt| row == stored)
            .await?;
        Ok(())
    }

    async fn end_upload(&self, upload: UploadId, state: UploadState, expires: Timestamp) -> StoreResult<()> {
        let ttl = time_to_live(expires, self.clock.now());
        let end = |row: &mut Upload| {
            if row.state == state {
                return Decision::Keep;
            }
            row.state = state;
            Decision::Write
        };
        self.container
            .swap(&RowKey::upload(upload), Some(ttl), end)
            .await?;
        Ok(())
    }

    async fn remove_upload(&self, upload: UploadId) -> StoreResult<()> {
        self.container.delete(&RowKey::upload(upload), None).await?;
        Ok(())
    }

    async fn remove_parts(&self, upload: UploadId, limit: usize) -> StoreResult<bool> {
        let partition = schema::upload_partition(upload);
        let read = |item: &Item| Ok(Some(RowKey::new(&item.pk, &item.id)));
        let (parts, more) = scan_range(&self.container, Range::all(&partition), limit, read).await?;
        for parts in parts.chunks(BATCH) {
            self.remove_rows(&partition, parts).await?;
        }
        Ok(more.is_none())
    }
}

impl CosmosMetadata {
    /// Removes rows, at most [`BATCH`], of one partition, whatever they hold.
    pub(super) async fn remove_rows(&self, partition: &str, keys: &[RowKey]) -> StoreResult<()> {
        let deletes: Vec<Change> = keys.iter().cloned().map(Change::Delete).collect();
        if deletes.is_empty() || self.container.change_together(partition, &deletes).await? {
            return Ok(());
        }
        // Somebody else removes them too.
        stream::iter(keys.to_vec())
            .map(|key| async move { self.container.delete(&key, None).await })
            .buffer_unordered(DELETES_AT_ONCE)
            .try_for_each(|_| async { Ok(()) })
            .await
    }
}
