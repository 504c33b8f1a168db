//! Versions in a store that reads a key's rows one after another: what was moved in between is read anew.

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::model::{Bucket, BucketName, ObjectKey, ObjectRecord, Sequence, VersionName, hex};
use crate::ports::{
    KeyVersions, ObjectIndex, ObjectLookup, StoreError, StoreErrorKind, StoreResult, VersionPage,
    VersionRange,
};
use crate::rows::version_place;

/// How often a key whose rows change while they are read is read anew.
const ATTEMPTS: usize = 16;

/// What all versions of a key, and of no other, are ordered by starts with.
pub fn order_of_versions(key: &ObjectKey) -> String {
    format!("{}-", hex(Sha256::digest(key.as_str())))
}

/// What a version is ordered by among those of its bucket that are not current: keys in no order, newer ones of a key
/// first.
pub fn order_of_version(key: &ObjectKey, place: Sequence) -> String {
    format!("{}{:016x}", order_of_versions(key), place.inverted())
}

/// The rows of versions that are not current. Reads are strongly consistent; each method is one step.
/// [`versions_in_steps`](crate::versions_in_steps) makes a [`VersionIndex`](crate::ports::VersionIndex) of them.
#[async_trait]
pub trait VersionRows: ObjectIndex {
    /// The row that is current, of whichever bucket of that name.
    async fn head(&self, bucket: &Bucket, key: &ObjectKey) -> StoreResult<Option<ObjectRecord>>;

    /// The version at that place of a key.
    async fn version_at(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        place: Sequence,
    ) -> StoreResult<Option<ObjectRecord>>;

    /// [`VersionIndex::versions_below`](crate::ports::VersionIndex::versions_below).
    async fn rows_below(&self, range: VersionRange<'_>) -> StoreResult<(Vec<ObjectRecord>, bool)>;

    /// [`VersionIndex::scan_versions`](crate::ports::VersionIndex::scan_versions).
    async fn scan_rows(&self, bucket: &Bucket, after: Option<&str>, limit: usize)
    -> StoreResult<VersionPage>;
}

/// Implements [`VersionIndex`](crate::ports::VersionIndex) for a store that has [`VersionRows`].
#[macro_export]
macro_rules! versions_in_steps {
    ($store:ty) => {
        const _: () = {
            use $crate::{model, ports, rows};

            #[async_trait::async_trait]
            impl ports::VersionIndex for $store {
                async fn lookup_version(
                    &self,
                    bucket: &model::BucketName,
                    key: &model::ObjectKey,
                    version: model::VersionName,
                ) -> ports::StoreResult<ports::ObjectLookup> {
                    rows::lookup_version_in_steps(self, bucket, key, version).await
                }

                async fn key_versions(
                    &self,
                    range: ports::VersionRange<'_>,
                ) -> ports::StoreResult<ports::KeyVersions> {
                    rows::key_versions_in_steps(self, range).await
                }

                async fn versions_below(
                    &self,
                    range: ports::VersionRange<'_>,
                ) -> ports::StoreResult<(Vec<model::ObjectRecord>, bool)> {
                    rows::VersionRows::rows_below(self, range).await
                }

                async fn scan_versions(
                    &self,
                    bucket: &model::Bucket,
                    after: Option<&str>,
                    limit: usize,
                ) -> ports::StoreResult<ports::VersionPage> {
                    rows::VersionRows::scan_rows(self, bucket, after, limit).await
                }
            }
        };
    };
}

/// [`VersionIndex::lookup_version`](crate::ports::VersionIndex::lookup_version) in steps. A version that moves between the two reads has moved the row that is
/// current.
pub async fn lookup_version_in_steps<R: VersionRows>(
    rows: &R,
    bucket: &BucketName,
    key: &ObjectKey,
    name: VersionName,
) -> StoreResult<ObjectLookup> {
    let is_named = |row: &ObjectRecord| row.version_name() == name;
    let mut found = rows.lookup(bucket, key).await?;
    for _ in 0..ATTEMPTS {
        let (Some(bucket_found), Some(head)) = (&found.bucket, &found.object) else {
            return Ok(found);
        };
        if is_named(head) {
            return Ok(found);
        }
        let place = version_place(name, head);
        let row = match place {
            Some(place) => rows.version_at(bucket_found, key, place).await?,
            None => None,
        };
        let of_head = head.as_version();
        // The head was seen as it is now, and the version's row as it was.
        let missed = row.is_none() && place.is_some() && [of_head.newest, of_head.null].contains(&place);
        if let Some(row) = row.filter(is_named) {
            return Ok(ObjectLookup {
                object: Some(row),
                ..found
            });
        }
        let again = rows.lookup(bucket, key).await?;
        let tag = |found: &ObjectLookup| found.object.as_ref().map(ObjectRecord::tag);
        if tag(&again) == tag(&found) && !missed {
            return Ok(ObjectLookup {
                object: None,
                ..again
            });
        }
        found = again;
    }
    Err(moving())
}

/// [`VersionIndex::key_versions`](crate::ports::VersionIndex::key_versions) in steps.
pub async fn key_versions_in_steps<R: VersionRows>(
    rows: &R,
    range: VersionRange<'_>,
) -> StoreResult<KeyVersions> {
    let VersionRange {
        bucket, key, before, ..
    } = range;
    let own = |head: Option<ObjectRecord>| head.filter(|row| row.bucket == bucket.id);
    let mut head = own(rows.head(bucket, key).await?);
    for _ in 0..ATTEMPTS {
        if head
            .as_ref()
            .is_none_or(|head| head.as_version().newest.is_none())
        {
            return Ok(KeyVersions {
                head,
                ..KeyVersions::default()
            });
        }
        let (versions, more) = rows.rows_below(range).await?;
        let again = own(rows.head(bucket, key).await?);
        let newest = head.as_ref().and_then(|head| head.as_version().newest);
        let first = versions.first().map(ObjectRecord::sequence);
        let missed = before.is_none() && first != newest;
        if !missed && again.as_ref().map(ObjectRecord::tag) == head.as_ref().map(ObjectRecord::tag) {
            return Ok(KeyVersions { head, versions, more });
        }
        head = again;
    }
    Err(moving())
}

fn moving() -> StoreError {
    StoreError::new(StoreErrorKind::Throttled, "the versions of the key keep changing")
}
