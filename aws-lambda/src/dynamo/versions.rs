//! Versions that are not current.

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, ObjectKey, ObjectRecord, Sequence};
use bleepstore_core::ports::{Page, StoreResult};
use bleepstore_core::rows::{VersionRows, Wanted, order_of_version, order_of_versions, scan_range};
use futures_util::future::try_join_all;

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

impl DynamoMetadata {
    /// The versions of a key that an edit has to know, newest first.
    pub(super) async fn wanted_versions(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        wanted: &Wanted,
    ) -> StoreResult<Vec<ObjectRecord>> {
        let mut found = match wanted.newest {
            0 => Vec::new(),
            newest => self.versions_below(bucket, key, None, newest).await?.0,
        };
        let missing = wanted.missing_of(&found);
        let rest = missing.iter().map(|place| self.version_at(bucket, key, *place));
        found.extend(try_join_all(rest).await?.into_iter().flatten());
        found.sort_by_key(|row| row.sequence().inverted());
        Ok(found)
    }

    pub(super) async fn scan_version_rows(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, String>> {
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
