//! Versions that are not current.

use std::ops::Bound;

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, ObjectKey, ObjectRecord, Sequence};
use bleepstore_core::ports::{Edit, StoreResult};
use bleepstore_core::rows::{VersionRows, Wanted, order_of_version, order_of_versions, wanted_versions};
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
}

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
