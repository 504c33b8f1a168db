//! Buckets.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, BucketId, BucketName, BucketState, CommitId, Revision, Token};
use bleepstore_core::ports::{
    BucketIndex, BucketRange, CreateBucketOutcome, DeleteBucketOutcome, Page, StoreError, StoreResult,
};
use bleepstore_core::rows::{
    BucketRows, IndexEntry, NameIndex, NamedRows, being_changed, delete_with_uploads, drop_entry, scan_named,
    scan_range,
};

use super::CosmosMetadata;
use super::container::Range;
use super::objects::read_own;
use super::rows::{self, Item};
use super::schema::{self, BUCKETS, RowKey};
use super::swap::Decision;

/// Rows that one look for objects reads. Nearly always the first one ends it.
const LOOK: usize = 10;

#[async_trait]
impl BucketIndex for CosmosMetadata {
    async fn create_bucket(&self, bucket: &Bucket) -> StoreResult<CreateBucketOutcome> {
        let entry = IndexEntry::new(bucket.name.as_str(), bucket.id);
        self.put_entry(BUCKETS, &entry).await?;
        if self.container.create(&rows::bucket(bucket)?).await?.is_some() {
            return Ok(CreateBucketOutcome::Created);
        }
        let found = self.read_bucket(&bucket.name).await?;
        if found.as_ref().is_none_or(|found| found.id != bucket.id) {
            drop_entry(self, BUCKETS, &entry).await;
        }
        match found {
            Some(found) => Ok(CreateBucketOutcome::Exists(found)),
            None => Err(being_changed()),
        }
    }

    async fn bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>> {
        self.read_bucket(name).await
    }

    async fn scan_buckets(&self, range: BucketRange<'_>, limit: usize) -> StoreResult<Page<Bucket, String>> {
        let admits = |bucket: &Bucket| range.owner.is_none_or(|owner| bucket.owner.id == owner);
        scan_named(self, range.prefix, range.after, limit, admits).await
    }

    async fn update_bucket(&self, bucket: &Bucket, expected: Revision) -> StoreResult<bool> {
        let updated = self
            .container
            .swap(&RowKey::bucket(&bucket.name), None, |row: &mut Bucket| {
                let holds = row.id == bucket.id && row.revision == expected;
                // The state is not the caller's to change.
                *row = Bucket {
                    state: row.state,
                    ..bucket.clone()
                };
                Decision::write_if(holds)
            })
            .await?;
        Ok(updated.is_some())
    }

    async fn delete_bucket(
        &self,
        name: &BucketName,
        id: BucketId,
        token: Token,
    ) -> StoreResult<DeleteBucketOutcome> {
        delete_with_uploads(self, name, id, token).await
    }
}

#[async_trait]
impl NamedRows<Bucket> for CosmosMetadata {
    const INDEX: &str = BUCKETS;

    async fn read_named(&self, names: &[String]) -> StoreResult<Vec<Bucket>> {
        let keys = names
            .iter()
            .map(|name| BucketName::new(name).map(|name| RowKey::bucket(&name)))
            .collect::<Result<Vec<RowKey>, _>>()
            .map_err(StoreError::corrupt)?;
        self.container.get_many(keys).await
    }
}

#[async_trait]
impl BucketRows for CosmosMetadata {
    async fn read_bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>> {
        let found = self.container.get(&RowKey::bucket(name)).await?;
        found.map(|item| item.detail()).transpose()
    }

    async fn swap_state(
        &self,
        name: &BucketName,
        id: BucketId,
        from: BucketState,
        to: BucketState,
    ) -> StoreResult<bool> {
        let swapped = self
            .container
            .swap(&RowKey::bucket(name), None, |row: &mut Bucket| {
                let holds = row.id == id && row.state == from;
                row.state = to;
                Decision::write_if(holds)
            })
            .await?;
        Ok(swapped.is_some())
    }

    async fn remove_marked(&self, name: &BucketName, id: BucketId, token: Token) -> StoreResult<bool> {
        let mark = BucketState::Deleting(token);
        let removed = self
            .container
            .remove_if(&RowKey::bucket(name), |row: &Bucket| {
                row.id == id && row.state == mark
            })
            .await?;
        Ok(removed.is_some())
    }

    async fn holds_objects(&self, name: &BucketName, id: BucketId) -> StoreResult<bool> {
        let mut range = Range::all(schema::objects(name));
        loop {
            let rows = self.container.query(&range, LOOK).await?;
            for item in &rows.items {
                if read_own(item, id)?.is_some() {
                    return Ok(true);
                }
            }
            match rows.items.last() {
                Some(last) if rows.more => range = range.after(last.order()?),
                _ => return Ok(false),
            }
        }
    }

    async fn noted_renames(&self, name: &BucketName, id: BucketId) -> StoreResult<BTreeSet<CommitId>> {
        let notes = Range::of_notes(schema::objects(name), id);
        let read = |item: &Item| schema::noted_commit(item.order()?).map(Some);
        let (noted, _) = scan_range(&self.container, notes, usize::MAX, read).await?;
        Ok(noted.into_iter().collect())
    }
}
