//! Buckets in memory.

use async_trait::async_trait;

use super::metadata::page;
use super::rows::known;
use super::{Change, Journal};
use crate::model::{Bucket, BucketId, BucketName, Revision, Token};
use crate::ports::{BucketIndex, BucketRange, CreateBucketOutcome, DeleteBucketOutcome, Page, StoreResult};

#[async_trait]
impl<J: Journal> BucketIndex for J {
    async fn create_bucket(&self, bucket: &Bucket) -> StoreResult<CreateBucketOutcome> {
        let bucket = bucket.clone();
        self.change(move |rows| match rows.buckets.get(&bucket.name) {
            Some(taken) => CreateBucketOutcome::Exists(taken.clone()),
            None => {
                rows.set(Change::Bucket(bucket));
                CreateBucketOutcome::Created
            }
        })
        .await
    }

    async fn bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>> {
        self.rows().bucket(name)
    }

    async fn scan_buckets(&self, range: BucketRange<'_>, limit: usize) -> StoreResult<Page<Bucket, String>> {
        let BucketRange { owner, prefix, after } = range;
        let rows = self.rows();
        let matching = rows.buckets.values().filter(|bucket| {
            let name = bucket.name.as_str();
            name.starts_with(prefix) && after.is_none_or(|after| name > after)
        });
        let found = page(matching, limit, |last| last.name.as_str().to_owned());
        let found = found.showing(|bucket| {
            owner
                .is_none_or(|owner| bucket.owner.id == owner)
                .then_some(bucket)
        });
        Ok(Page {
            items: found.items.into_iter().map(known).collect::<StoreResult<_>>()?,
            next: found.next,
        })
    }

    async fn update_bucket(&self, bucket: &Bucket, expected: Revision) -> StoreResult<bool> {
        let bucket = bucket.clone();
        self.change(move |rows| {
            let current = rows.creation(&bucket.name, bucket.id);
            let expected = current.is_some_and(|row| row.revision == expected);
            if expected {
                rows.set(Change::Bucket(bucket));
            }
            expected
        })
        .await
    }

    async fn delete_bucket(
        &self,
        name: &BucketName,
        id: BucketId,
        _token: Token,
    ) -> StoreResult<DeleteBucketOutcome> {
        let name = name.clone();
        self.change(move |rows| {
            if rows.creation(&name, id).is_none() {
                return DeleteBucketOutcome::NoSuchBucket;
            }
            if rows.objects.contains_key(&id) {
                return DeleteBucketOutcome::NotEmpty;
            }
            let uploads = rows.uploads.values().filter(|row| row.upload.bucket == id);
            let gone: Vec<Change> = uploads.map(|row| Change::UploadGone(row.upload.id)).collect();
            for upload in gone {
                rows.set(upload);
            }
            rows.set(Change::BucketGone(name));
            DeleteBucketOutcome::Deleted
        })
        .await
    }
}
