//! Objects.

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, ObjectKey, ObjectKind, ObjectRecord, ObjectSummary, VersionName,
};
use bleepstore_core::ports::{
    Edit, EditOutcome, KeyRange, KeyStart, KeyVersions, ObjectIndex, ObjectLookup, Page, StoreResult,
    VersionIndex, VersionPage, VersionRange, check_edit,
};
use rusqlite::{Connection, Row, params};

use super::edits::ReadyEdit;
use super::error::Failure;
use super::records::body;
use super::rows::{
    FEW, PAGE_ROWS, StoredObject, after_key, after_prefix, key_column, kind_of, one_more_than, page, summary,
    summary_columns,
};
use super::{SqliteMetadata, buckets, versions};

/// What a listing shows, of the rows in a range of keys, and of which kind they are.
pub(super) const SCAN: &str = summary_columns!(
    ", kind FROM objects
     WHERE bucket = ? AND key >= ? AND key < ?
     ORDER BY key LIMIT ?"
);

/// Everything of objects in a range of keys but their inline bodies.
const SCAN_RECORDS: &str = summary_columns!(
    ", commit_id, kind, shared, body, detail, manifest
     FROM objects WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"
);

#[async_trait]
impl ObjectIndex for SqliteMetadata {
    async fn lookup(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<ObjectLookup> {
        let (name, key) = (bucket.clone(), key.clone());
        self.look(move |db| {
            let bucket = buckets::find(db, &name)?;
            let object = match &bucket {
                Some(bucket) => find_with_body(db, bucket.id, &key)?,
                None => None,
            };
            Ok(ObjectLookup { bucket, object })
        })
        .await
    }

    async fn edit(&self, edit: &Edit<'_>) -> StoreResult<EditOutcome> {
        check_edit(self, edit)?;
        let edit = ReadyEdit::new(edit)?;
        self.change(move |db| edit.make(db)).await
    }

    async fn scan_objects(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let (id, range) = (bucket.id, range.clone());
        let read = move |db: &Connection| scan(db, id, &range, limit);
        if limit <= FEW {
            self.look(read).await
        } else {
            self.query(read).await
        }
    }

    async fn scan_records(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, KeyStart>> {
        let id = bucket.id;
        let (start, end) = bounds(range);
        self.query(move |db| {
            let mut select = db.prepare_cached(SCAN_RECORDS)?;
            page(
                &mut select,
                params![id.as_bytes(), start, end, one_more_than(limit)],
                limit,
                |row| StoredObject::read(row)?.into_record(id),
                |last| KeyStart::After(last.key.as_str().to_owned()),
            )
        })
        .await
    }
}

#[async_trait]
impl VersionIndex for SqliteMetadata {
    async fn lookup_version(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        version: VersionName,
    ) -> StoreResult<ObjectLookup> {
        let (name, key) = (bucket.clone(), key.clone());
        self.look(move |db| {
            let bucket = buckets::find(db, &name)?;
            let head = match &bucket {
                Some(bucket) => find_with_body(db, bucket.id, &key)?,
                None => None,
            };
            let object = match head {
                Some(head) => versions::named(db, head, version)?,
                None => None,
            };
            Ok(ObjectLookup { bucket, object })
        })
        .await
    }

    async fn key_versions(&self, range: VersionRange<'_>) -> StoreResult<KeyVersions> {
        let (bucket, key) = (range.bucket.id, range.key.clone());
        let VersionRange { before, limit, .. } = range;
        self.query(move |db| versions::of_key(db, bucket, &key, before, limit))
            .await
    }

    async fn versions_below(&self, range: VersionRange<'_>) -> StoreResult<(Vec<ObjectRecord>, bool)> {
        let (bucket, key) = (range.bucket.id, range.key.clone());
        let VersionRange { before, limit, .. } = range;
        self.query(move |db| versions::page_below(db, bucket, &key, before, limit))
            .await
    }

    async fn scan_versions(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<VersionPage> {
        let (bucket, after) = (bucket.id, after.map(str::to_owned));
        self.query(move |db| versions::scan(db, bucket, after.as_deref(), limit))
            .await
    }
}

/// The first key of a range, and the first that is beyond it.
fn bounds(range: &KeyRange) -> (Vec<u8>, Vec<u8>) {
    let start = match &range.start {
        KeyStart::Beginning => Vec::new(),
        KeyStart::After(key) => after_key(key),
        KeyStart::AfterPrefix(prefix) => after_prefix(prefix),
    };
    (
        start.max(range.prefix.as_bytes().to_vec()),
        after_prefix(&range.prefix),
    )
}

/// What a listing shows of the objects in a range. Of a common prefix it shows one, and goes on after it: that is one
/// search, whatever lies under the prefix.
fn scan(
    db: &Connection,
    bucket: BucketId,
    range: &KeyRange,
    limit: usize,
) -> Result<Page<ObjectSummary, KeyStart>, Failure> {
    let (mut start, end) = bounds(range);
    let mut select = db.prepare_cached(SCAN)?;
    let mut items: Vec<ObjectSummary> = Vec::new();
    // The key of the last row that was read, where that shows nothing.
    let mut hidden: Option<ObjectKey> = None;
    let (limit, mut read) = (limit.min(PAGE_ROWS), 0);
    loop {
        let mut rows = select.query(params![
            bucket.as_bytes(),
            start,
            end,
            one_more_than(limit - read)
        ])?;
        let mut after = None;
        while after.is_none()
            && let Some(row) = rows.next()?
        {
            if read == limit {
                let last = hidden.as_ref().or(items.last().map(|last| &last.key));
                let next = last.map(|last| KeyStart::After(last.as_str().to_owned()));
                return Ok(Page { items, next });
            }
            read += 1;
            if is_object(row)? {
                let item = summary(row)?;
                after = range.common_prefix(item.key.as_str()).map(after_prefix);
                items.push(item);
                hidden = None;
            } else {
                hidden = Some(key_column(row, 0)?);
            }
        }
        match after {
            Some(after) => start = after,
            None => return Ok(Page { items, next: None }),
        }
    }
}

/// Whether a row of [`SCAN`] is an object's, and no delete marker's.
fn is_object(row: &Row<'_>) -> Result<bool, Failure> {
    Ok(kind_of(row.get(9)?)? == ObjectKind::Object)
}

fn find_with_body(
    db: &Connection,
    bucket: BucketId,
    key: &ObjectKey,
) -> Result<Option<ObjectRecord>, Failure> {
    let Some(mut row) = StoredObject::find(db, bucket, key)? else {
        return Ok(None);
    };
    row.body = body(db, row.body_id)?;
    row.into_record(bucket).map(Some)
}
