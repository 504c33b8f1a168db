//! Versions that are not current.

use std::ops::Bound;

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, ObjectKey, ObjectRecord, Sequence};
use bleepstore_core::ports::{Edit, Page, StoreResult, VersionPage, VersionRange};
use bleepstore_core::rows::{
    VersionRows, Wanted, order_of_version, order_of_versions, scan_range, wanted_versions,
};
use bleepstore_core::versions_in_steps;
use firestore::gcloud_sdk::google::firestore::v1::Document;

use super::FirestoreMetadata;
use super::query::Query;
use super::rows::read_own;
use super::schema::{self, VERSIONS_BY_ID};
use super::transaction::Second;

#[async_trait]
impl VersionRows for FirestoreMetadata {
    async fn head(&self, bucket: &Bucket, key: &ObjectKey) -> StoreResult<Option<ObjectRecord>> {
        let [found] = self.documents.get([&schema::object(&bucket.name, key)]).await?;
        read_own(found.as_ref(), bucket.id)
    }

    async fn version_at(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        place: Sequence,
    ) -> StoreResult<Option<ObjectRecord>> {
        let path = schema::version(bucket, &order_of_version(key, place));
        let [found] = self.documents.get([&path]).await?;
        read_own(found.as_ref(), bucket.id)
    }

    async fn rows_below(&self, range: VersionRange<'_>) -> StoreResult<(Vec<ObjectRecord>, bool)> {
        let query = self.versions_of(range.bucket, range.key, range.before);
        let read = |document: &_| read_own(Some(document), range.bucket.id);
        let (found, last) = scan_range(&self.documents, query, range.limit, read).await?;
        Ok((found, last.is_some()))
    }

    async fn scan_rows(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<VersionPage> {
        let name = |order: &str| self.documents.name(&schema::version(bucket, order));
        let start = match after {
            Some(after) => Bound::Excluded(after.to_owned()),
            None => Bound::Included(name("0")),
        };
        let query = Query::of(VERSIONS_BY_ID, Some(schema::bucket(&bucket.name)));
        let query = query.between_names(start, Some(name("g")));
        let read = |document: &_| read_own(Some(document), bucket.id);
        let (items, last) = scan_range(&self.documents, query, limit, read).await?;
        Ok(Page {
            items,
            next: last.map(|last| last.name),
        })
    }
}

versions_in_steps!(FirestoreMetadata);

impl FirestoreMetadata {
    /// The versions of a key that are older than that place, newest first.
    pub(super) fn versions_of(&self, bucket: &Bucket, key: &ObjectKey, before: Option<Sequence>) -> Query {
        let name = |order: &str| self.documents.name(&schema::version(bucket, order));
        let of_key = order_of_versions(key);
        let start = match before {
            Some(before) => Bound::Excluded(name(&order_of_version(key, before))),
            None => Bound::Included(name(&of_key)),
        };
        // Greater than any digit.
        let end = name(&(of_key + "g"));
        Query::of(VERSIONS_BY_ID, Some(schema::bucket(&bucket.name))).between_names(start, Some(end))
    }

    /// What an edit has to read beside what it met under its key.
    pub(super) fn second(&self, edit: &Edit<'_>, head: Option<&Document>) -> StoreResult<Second> {
        if !edit.is_of_versions() {
            return Ok(Second::default());
        }
        let head = read_own(head, edit.bucket.id)?;
        let Wanted { at, newest } = wanted_versions(edit, head.as_ref());
        let path = |place| schema::version(edit.bucket, &order_of_version(edit.key(), place));
        Ok(Second {
            paths: at.into_iter().map(path).collect(),
            query: (newest > 0).then(|| (self.versions_of(edit.bucket, edit.key(), None), newest)),
        })
    }
}
