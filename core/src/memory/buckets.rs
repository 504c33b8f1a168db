//! Buckets in memory.

use std::collections::btree_map::Entry;

use async_trait::async_trait;

use super::MemoryMetadata;
use super::metadata::page;
use crate::model::{Bucket, BucketId, BucketName, Revision, Token};
use crate::ports::{BucketIndex, CreateBucketOutcome, DeleteBucketOutcome, Page, StoreResult};

#[async_trait]
impl BucketIndex for MemoryMetadata {
    async fn create_bucket(&self, bucket: &Bucket) -> StoreResult<CreateBucketOutcome> {
        Ok(match self.rows().buckets.entry(bucket.name.clone()) {
            Entry::Occupied(taken) => CreateBucketOutcome::Exists(taken.get().clone()),
            Entry::Vacant(free) => {
                free.insert(bucket.clone());
                CreateBucketOutcome::Created
            }
        })
    }

    async fn bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>> {
        Ok(self.rows().buckets.get(name).cloned())
    }

    async fn scan_buckets(
        &self,
        owner: Option<&str>,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<Bucket, String>> {
        let rows = self.rows();
        let matching = rows.buckets.values().filter(|bucket| {
            let name = bucket.name.as_str();
            name.starts_with(prefix)
                && after.is_none_or(|after| name > after)
                && owner.is_none_or(|owner| bucket.owner.id == owner)
        });
        Ok(page(matching.cloned(), limit, |last| {
            last.name.as_str().to_owned()
        }))
    }

    async fn update_bucket(&self, bucket: &Bucket, expected: Revision) -> StoreResult<bool> {
        let mut rows = self.rows();
        match rows.buckets.get_mut(&bucket.name) {
            Some(row) if row.id == bucket.id && row.revision == expected => {
                *row = bucket.clone();
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn delete_bucket(
        &self,
        name: &BucketName,
        id: BucketId,
        _token: Token,
    ) -> StoreResult<DeleteBucketOutcome> {
        let mut rows = self.rows();
        if rows.creation(name, id).is_none() {
            return Ok(DeleteBucketOutcome::NoSuchBucket);
        }
        if rows.objects.get(&id).is_some_and(|objects| !objects.is_empty()) {
            return Ok(DeleteBucketOutcome::NotEmpty);
        }
        rows.buckets.remove(name);
        rows.objects.remove(&id);
        rows.uploads.retain(|_, row| row.upload.bucket != id);
        Ok(DeleteBucketOutcome::Deleted)
    }
}
