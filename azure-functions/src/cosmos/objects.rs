//! Objects.

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, BucketId, BucketName, ObjectKey, ObjectRecord, hex};
use bleepstore_core::ports::{
    Edit, EditOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, StoreError, StoreResult,
    check_edit,
};
use bleepstore_core::rows::{edit_in_steps, scan_range};
use futures_util::future::try_join;

use super::CosmosMetadata;
use super::container::Range;
use super::rows::Item;
use super::schema::{self, RowKey, unhex};

#[async_trait]
impl ObjectIndex for CosmosMetadata {
    async fn lookup(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<ObjectLookup> {
        let row = RowKey::object(bucket, key);
        let (bucket, object) = try_join(
            self.container.get(&RowKey::bucket(bucket)),
            self.container.get(&row),
        )
        .await?;
        let bucket: Option<Bucket> = bucket.map(|item| item.detail()).transpose()?;
        let object: Option<ObjectRecord> = object.map(|item| item.detail()).transpose()?;
        let object = object.filter(|object| bucket.as_ref().is_some_and(|bucket| bucket.id == object.bucket));
        Ok(ObjectLookup { bucket, object })
    }

    async fn edit(&self, edit: &Edit<'_>) -> StoreResult<EditOutcome> {
        check_edit(self, edit)?;
        edit_in_steps(self, edit).await
    }

    async fn scan_records(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, KeyStart>> {
        let rows = Range::of_prefix(schema::objects(&bucket.name), &range.prefix);
        let rows = match &range.start {
            KeyStart::Beginning => rows,
            KeyStart::After(last) => rows.after(&hex(last)),
            KeyStart::AfterPrefix(prefix) => rows.after_prefix(prefix),
        };
        let read = |item: &Item| read_own(item, bucket.id);
        let (items, last) = scan_range(&self.container, rows, limit, read).await?;
        let next = last.map(|last| key_of(&last)).transpose()?.map(KeyStart::After);
        Ok(Page { items, next })
    }
}

/// The record in a row, unless it is of another creation of the bucket.
pub(super) fn read_own(item: &Item, bucket: BucketId) -> StoreResult<Option<ObjectRecord>> {
    let record: ObjectRecord = item.detail()?;
    Ok(Some(record).filter(|record| record.bucket == bucket))
}

fn key_of(order: &str) -> StoreResult<String> {
    unhex(order).ok_or_else(|| StoreError::corrupt("a row is not ordered by a key"))
}
