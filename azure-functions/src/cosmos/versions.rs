//! Versions that are not current. They lie in the partition of their bucket's objects, so that one batch changes them
//! with those.

use async_trait::async_trait;
use azure_core::http::Etag;
use bleepstore_core::model::{Bucket, ObjectKey, ObjectRecord, Sequence};
use bleepstore_core::ports::{Page, StoreResult, VersionPage, VersionRange};
use bleepstore_core::rows::{VersionRows, order_of_version, order_of_versions, scan_range};
use bleepstore_core::versions_in_steps;

use super::CosmosMetadata;
use super::container::Range;
use super::rows::Item;
use super::schema::{self, RowKey, order_of_bucket_versions};

/// A version, and what its row is known by.
type Known = (ObjectRecord, Etag);

fn known(item: &Item) -> StoreResult<Known> {
    Ok((item.detail()?, item.seen()?))
}

#[async_trait]
impl VersionRows for CosmosMetadata {
    async fn head(&self, bucket: &Bucket, key: &ObjectKey) -> StoreResult<Option<ObjectRecord>> {
        let found = self.container.get(&RowKey::object(&bucket.name, key)).await?;
        found.map(|item| item.detail()).transpose()
    }

    async fn version_at(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        place: Sequence,
    ) -> StoreResult<Option<ObjectRecord>> {
        let found = self.see_version(bucket, key, place).await?;
        Ok(found.map(|(record, _)| record))
    }

    async fn rows_below(&self, range: VersionRange<'_>) -> StoreResult<(Vec<ObjectRecord>, bool)> {
        let (found, more) = self.see_below(range).await?;
        Ok((found.into_iter().map(|(record, _)| record).collect(), more))
    }

    async fn scan_rows(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<VersionPage> {
        let range = Range::of_order(schema::objects(&bucket.name), order_of_bucket_versions(bucket.id));
        let range = match after {
            Some(after) => range.after(after),
            None => range,
        };
        let read = |item: &Item| item.detail().map(Some);
        let (items, next) = scan_range(&self.container, range, limit, read).await?;
        Ok(Page { items, next })
    }
}

versions_in_steps!(CosmosMetadata);

impl CosmosMetadata {
    pub(super) async fn see_version(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        place: Sequence,
    ) -> StoreResult<Option<Known>> {
        let found = self.container.get(&RowKey::version(bucket, key, place)).await?;
        found.as_ref().map(known).transpose()
    }

    pub(super) async fn see_below(&self, range: VersionRange<'_>) -> StoreResult<(Vec<Known>, bool)> {
        let (bucket, key) = (range.bucket, range.key);
        let of_bucket = order_of_bucket_versions(bucket.id);
        let rows = Range::of_order(
            schema::objects(&bucket.name),
            of_bucket.clone() + &order_of_versions(key),
        );
        let rows = match range.before {
            Some(before) => rows.after(&(of_bucket + &order_of_version(key, before))),
            None => rows,
        };
        let read = |item: &Item| known(item).map(Some);
        let (found, last) = scan_range(&self.container, rows, range.limit, read).await?;
        Ok((found, last.is_some()))
    }
}
