//! Versions that are not current.

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, ObjectKey, ObjectRecord, Sequence};
use bleepstore_core::ports::StoreResult;
use bleepstore_core::rows::{VersionRows, order_of_version, order_of_versions, scan_range};

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

    async fn versions_below(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        before: Option<Sequence>,
        limit: usize,
    ) -> StoreResult<(Vec<ObjectRecord>, bool)> {
        let range = Range {
            partition: schema::versions(bucket.id),
            prefix: order_of_versions(key),
            after: before.map(|before| order_of_version(key, before)),
        };
        let read = |item: &Item| rows::read_version(item).map(Some);
        let (found, last) = scan_range(&self.table, range, limit, read).await?;
        Ok((found, last.is_some()))
    }
}
