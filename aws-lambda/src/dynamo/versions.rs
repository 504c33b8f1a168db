//! Versions that are not current.

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, ObjectKey, ObjectRecord, Sequence};
use bleepstore_core::ports::{Page, StoreResult, VersionPage, VersionRange};
use bleepstore_core::rows::{VersionRows, order_of_version, order_of_versions, scan_range};
use bleepstore_core::versions_in_steps;

use super::DynamoMetadata;
use super::rows::{self, Item};
use super::schema::{self, RowKey};
use super::table::Range;

#[async_trait]
impl VersionRows for DynamoMetadata {
    async fn head(&self, bucket: &Bucket, key: &ObjectKey) -> StoreResult<Option<ObjectRecord>> {
        let found = self.table.get(&RowKey::object(&bucket.name, key)).await?;
        found.as_ref().map(rows::read_object).transpose()
    }

    async fn version_at(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        place: Sequence,
    ) -> StoreResult<Option<ObjectRecord>> {
        let found = self.table.get(&RowKey::version(bucket.id, key, place)).await?;
        found.as_ref().map(rows::read_version).transpose()
    }

    async fn rows_below(&self, range: VersionRange<'_>) -> StoreResult<(Vec<ObjectRecord>, bool)> {
        let rows = Range {
            partition: schema::versions(range.bucket.id),
            prefix: order_of_versions(range.key),
            after: range.before.map(|before| order_of_version(range.key, before)),
        };
        let read = |item: &Item| rows::read_version(item).map(Some);
        let (found, last) = scan_range(&self.table, rows, range.limit, read).await?;
        Ok((found, last.is_some()))
    }

    async fn scan_rows(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<VersionPage> {
        let range = Range {
            partition: schema::versions(bucket.id),
            prefix: String::new(),
            after: after.map(str::to_owned),
        };
        let read = |item: &Item| rows::read_version(item).map(Some);
        let (items, next) = scan_range(&self.table, range, limit, read).await?;
        Ok(Page { items, next })
    }
}

versions_in_steps!(DynamoMetadata);
