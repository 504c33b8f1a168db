//! The rows of uploads and receipts, one step each.

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, Part, Timestamp, Token, Upload, UploadId, UploadState,
};
use bleepstore_core::ports::{Clock, Entropy, StoreError, StoreResult};
use bleepstore_core::rows::{StoredReceipt, UploadEnd, UploadPlace, UploadRows, scan_range};

use super::DynamoMetadata;
use super::condition::Condition;
use super::objects::find;
use super::rows::{self, Item};
use super::schema::{self, EXPIRES_AT, PARTS, RowKey, SORT_KEY, attribute};
use super::table::{Range, Written};

#[async_trait]
impl UploadRows for DynamoMetadata {
    type Replaced = Option<Item>;

    fn waiting(&self) -> (&dyn Clock, &dyn Entropy) {
        (self.clock.as_ref(), self.entropy.as_ref())
    }

    fn uploads_index(&self, bucket: BucketId) -> String {
        schema::uploads(bucket)
    }

    async fn put_upload(&self, upload: &Upload) -> StoreResult<()> {
        self.table.put(rows::upload(upload)?, None).await?;
        Ok(())
    }

    async fn read_upload(&self, upload: UploadId) -> StoreResult<Option<Upload>> {
        let found = self.table.get(&RowKey::upload(upload)).await?;
        found.as_ref().map(rows::read_upload).transpose()
    }

    async fn read_with_bucket(
        &self,
        bucket: &BucketName,
        upload: UploadId,
    ) -> StoreResult<(Option<Bucket>, Option<Upload>)> {
        let keys = [RowKey::bucket(bucket), RowKey::upload(upload)];
        let found = self.table.get_many(&keys).await?;
        let bucket = find(&found, &keys[0]).map(rows::read_bucket).transpose()?;
        let upload = find(&found, &keys[1]).map(rows::read_upload).transpose()?;
        Ok((bucket, upload))
    }

    async fn take_upload(&self, upload: UploadId, token: Token) -> StoreResult<Option<Upload>> {
        let values = [
            (":state", rows::text(rows::COMPLETING)),
            (":by", rows::text(token)),
        ];
        let moved = self
            .table
            .update(
                &RowKey::upload(upload),
                "SET upload_state = :state, completing_by = :by",
                values,
                &Condition::not_ended(),
            )
            .await?;
        match moved {
            Written::Applied(Some(row)) => rows::read_upload(&row).map(Some).map_err(StoreError::after_write),
            Written::Applied(None) | Written::Refused(_) => Ok(None),
        }
    }

    async fn write_part(&self, upload: UploadId, part: &Part) -> StoreResult<Option<Item>> {
        let key = RowKey::part(upload, part.number);
        match self.table.put(rows::part(&key, part)?, None).await? {
            Written::Applied(replaced) => Ok(replaced),
            Written::Refused(_) => Err(StoreError::internal("a write without a condition was refused")),
        }
    }

    async fn undo_part(&self, upload: UploadId, part: &Part, replaced: Option<Item>) -> StoreResult<()> {
        let mine = Condition::written_by(part.commit_id);
        match replaced {
            Some(replaced) => self.table.put(replaced, Some(&mine)).await?,
            None => {
                let key = RowKey::part(upload, part.number);
                self.table.delete(&key, Some(&mine)).await?
            }
        };
        Ok(())
    }

    async fn read_receipt(&self, place: &UploadPlace) -> StoreResult<Option<StoredReceipt>> {
        let found = self.table.get(&RowKey::receipt(place.id)).await?;
        found.as_ref().map(rows::detail_of).transpose()
    }

    async fn read_ends(&self, places: &[UploadPlace]) -> StoreResult<Vec<UploadEnd>> {
        let keys: Vec<RowKey> = places
            .iter()
            .flat_map(|place| [RowKey::upload(place.id), RowKey::receipt(place.id)])
            .collect();
        let found = self.table.get_many(&keys).await?;
        let read = |keys: &[RowKey]| {
            Ok(UploadEnd {
                upload: find(&found, &keys[0]).map(rows::read_upload).transpose()?,
                receipt: find(&found, &keys[1]).map(rows::detail_of).transpose()?,
            })
        };
        keys.chunks_exact(2).map(read).collect()
    }

    async fn create_receipt(
        &self,
        _place: &UploadPlace,
        stored: &StoredReceipt,
    ) -> StoreResult<Option<StoredReceipt>> {
        let written = self
            .table
            .put(rows::receipt(stored)?, Some(&Condition::absent()))
            .await?;
        match written {
            Written::Applied(_) => Ok(None),
            Written::Refused(Some(earlier)) => rows::detail_of(&earlier).map(Some),
            Written::Refused(None) => Err(StoreError::internal("a receipt was refused for no receipt")),
        }
    }

    async fn remove_receipt(&self, place: &UploadPlace, stored: &StoredReceipt) -> StoreResult<()> {
        let item = rows::receipt(stored)?;
        let mine = Condition::detail_is(rows::text_of(&item, attribute::DETAIL)?);
        self.table.delete(&RowKey::receipt(place.id), Some(&mine)).await?;
        Ok(())
    }

    async fn end_upload(&self, upload: UploadId, state: UploadState, expires: Timestamp) -> StoreResult<()> {
        let values = [
            (":state", rows::text(rows::state_name(state))),
            (":expires", rows::time_to_live(expires)),
        ];
        let update = format!("SET upload_state = :state, {EXPIRES_AT} = :expires REMOVE completing_by");
        self.table
            .update(&RowKey::upload(upload), &update, values, &Condition::present())
            .await?;
        Ok(())
    }

    async fn remove_upload(&self, upload: UploadId) -> StoreResult<()> {
        self.table.delete(&RowKey::upload(upload), None).await?;
        Ok(())
    }

    async fn remove_parts(&self, upload: UploadId, limit: usize) -> StoreResult<bool> {
        let partition = schema::upload_partition(upload);
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
        let (parts, more) = scan_range(&self.table, range, limit, read).await?;
        self.table.delete_all(&parts).await?;
        Ok(more.is_none())
    }
}
