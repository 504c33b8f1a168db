//! Versions that are not current. They lie in the partition of their bucket's objects, so that one batch changes them
//! with those.

use async_trait::async_trait;
use azure_core::http::Etag;
use bleepstore_core::model::{Bucket, ObjectKey, ObjectRecord, Sequence};
use bleepstore_core::ports::{Page, StoreResult};
use bleepstore_core::rows::{VersionRows, Wanted, order_of_version, order_of_versions, scan_range};
use futures_util::future::try_join_all;

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

    async fn versions_below(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        before: Option<Sequence>,
        limit: usize,
    ) -> StoreResult<(Vec<ObjectRecord>, bool)> {
        let (found, more) = self.see_below(bucket, key, before, limit).await?;
        Ok((found.into_iter().map(|(record, _)| record).collect(), more))
    }
}

impl CosmosMetadata {
    async fn see_version(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        place: Sequence,
    ) -> StoreResult<Option<Known>> {
        let found = self.container.get(&RowKey::version(bucket, key, place)).await?;
        found.as_ref().map(known).transpose()
    }

    async fn see_below(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        before: Option<Sequence>,
        limit: usize,
    ) -> StoreResult<(Vec<Known>, bool)> {
        let of_bucket = order_of_bucket_versions(bucket.id);
        let range = Range::of_order(
            schema::objects(&bucket.name),
            of_bucket.clone() + &order_of_versions(key),
        );
        let range = match before {
            Some(before) => range.after(&(of_bucket + &order_of_version(key, before))),
            None => range,
        };
        let (found, last) = scan_range(&self.container, range, limit, |item| known(item).map(Some)).await?;
        Ok((found, last.is_some()))
    }

    /// The versions of a key that an edit has to know, newest first.
    pub(super) async fn wanted_versions(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        wanted: &Wanted,
    ) -> StoreResult<Vec<Known>> {
        let mut found = match wanted.newest {
            0 => Vec::new(),
            newest => self.see_below(bucket, key, None, newest).await?.0,
        };
        let records: Vec<ObjectRecord> = found.iter().map(|(record, _)| record.clone()).collect();
        let missing = wanted.missing_of(&records);
        let rest = missing.iter().map(|place| self.see_version(bucket, key, *place));
        found.extend(try_join_all(rest).await?.into_iter().flatten());
        found.sort_by_key(|(row, _)| row.sequence().inverted());
        Ok(found)
    }

    pub(super) async fn scan_version_rows(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, String>> {
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
