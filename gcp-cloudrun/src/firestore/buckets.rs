//! Buckets.

use std::ops::Bound;

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, BucketId, BucketName, Revision, Token};
use bleepstore_core::ports::{
    BucketIndex, BucketRange, CreateBucketOutcome, DeleteBucketOutcome, Page, StoreError, StoreErrorKind,
    StoreResult, successor,
};
use bleepstore_core::rows::scan_range;
use firestore::gcloud_sdk::google::firestore::v1::Document;

use super::query::{Query, cut};
use super::schema::{self, ANY_OBJECT, BUCKET, BY_ID};
use super::transaction::Decision;
use super::{FirestoreMetadata, rows};

#[async_trait]
impl BucketIndex for FirestoreMetadata {
    async fn create_bucket(&self, bucket: &Bucket) -> StoreResult<CreateBucketOutcome> {
        let path = schema::bucket(&bucket.name);
        if self.documents.create(&path, rows::bucket(bucket)?).await? {
            return Ok(CreateBucketOutcome::Created);
        }
        match self.bucket(&bucket.name).await? {
            Some(found) => Ok(CreateBucketOutcome::Exists(found)),
            None => Err(StoreError::new(
                StoreErrorKind::Throttled,
                "the bucket was being deleted",
            )),
        }
    }

    async fn bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>> {
        let [found] = self.documents.get([&schema::bucket(name)]).await?;
        read_bucket(found.as_ref())
    }

    async fn scan_buckets(&self, range: BucketRange<'_>, limit: usize) -> StoreResult<Page<Bucket, String>> {
        let BucketRange { owner, prefix, after } = range;
        let query = self.by_id(BUCKET, prefix, after);
        let read = |document: &_| {
            let bucket: Bucket = rows::detail_of(document)?;
            let name = bucket.name.as_str();
            let listed = name.starts_with(prefix)
                && after.is_none_or(|after| name > after)
                && owner.is_none_or(|owner| bucket.owner.id == owner);
            Ok(listed.then_some(bucket))
        };
        let (items, last) = scan_range(&self.documents, query, limit, read).await?;
        let last = read_bucket(last.as_ref())?;
        Ok(Page {
            items,
            next: last.map(|last| last.name.as_str().to_owned()),
        })
    }

    async fn update_bucket(&self, bucket: &Bucket, expected: Revision) -> StoreResult<bool> {
        let path = schema::bucket(&bucket.name);
        let update = |[found]: [_; 1]| {
            let current = read_bucket(Option::as_ref(&found))?;
            Ok(match current {
                Some(current) if current.id == bucket.id && current.revision == expected => {
                    Decision::Write(vec![self.documents.put(&path, rows::bucket(bucket)?)], true)
                }
                _ => Decision::Keep(false),
            })
        };
        self.documents.transact(&[&path], [&path], update).await
    }

    /// Looks for objects and deletes the bucket in one transaction: it needs no token.
    async fn delete_bucket(
        &self,
        name: &BucketName,
        id: BucketId,
        _token: Token,
    ) -> StoreResult<DeleteBucketOutcome> {
        let path = schema::bucket(name);
        let objects = Query::of(ANY_OBJECT, Some(path.clone()));
        let delete = |[found]: [_; 1], object: Option<Document>| {
            let current = read_bucket(Option::as_ref(&found))?;
            Ok(if current.is_none_or(|current| current.id != id) {
                Decision::Keep(DeleteBucketOutcome::NoSuchBucket)
            } else if object.is_some() {
                Decision::Keep(DeleteBucketOutcome::NotEmpty)
            } else {
                Decision::Write(vec![self.documents.delete(&path)], DeleteBucketOutcome::Deleted)
            })
        };
        let outcome = self
            .documents
            .transact_over(&[&path], [Some(&path)], Some(&objects), delete)
            .await?;
        if outcome == DeleteBucketOutcome::Deleted {
            self.clear_uploads(id).await;
        }
        Ok(outcome)
    }
}

impl FirestoreMetadata {
    /// Documents of the root collection whose ids are `word` and a text that starts with `prefix` and is greater
    /// than `after`, and perhaps some others: what no id can have is cut off both.
    pub(super) fn by_id(&self, word: &str, prefix: &str, after: Option<&str>) -> Query {
        let possible = |text: &str| cut(text.split('/').next().unwrap_or_default()).to_owned();
        let name = |rest: &str| self.documents.name(&schema::by_id(word, rest));
        let prefix = possible(prefix);
        let start = match after.map(possible) {
            Some(after) if after >= prefix => Bound::Excluded(name(&after)),
            _ => Bound::Included(name(&prefix)),
        };
        Query::of(BY_ID, None).between_names(start, successor(&name(&prefix)))
    }
}

/// The bucket in a document.
pub(super) fn read_bucket(document: Option<&Document>) -> StoreResult<Option<Bucket>> {
    document.map(rows::detail_of).transpose()
}

/// Whether a document is of this creation of its bucket.
pub(super) fn is_current(document: Option<&Document>, id: BucketId) -> StoreResult<bool> {
    Ok(read_bucket(document)?.is_some_and(|bucket| bucket.id == id))
}
