//! Objects.

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, CurrentObject, Manifest, ObjectKey, ObjectRecord, ObjectSummary,
    WriteCondition,
};
use bleepstore_core::ports::{
    CommitOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, RemoveOutcome, RenameOutcome,
    StoreResult,
};
use rusqlite::{Connection, params};

use super::error::Failure;
use super::rows::{
    ObjectJson, PAGE_ROWS, StoredObject, behind_key, behind_prefix, first, holds, kind_code, one_more_than,
    page, summary, summary_columns,
};
use super::{INLINE_LIMIT, LAYOUT_LIMIT, SqliteMetadata, buckets};

/// Rows of a page that is read where it is asked for: the first pages of a listing with a delimiter, a search for each row at most.
const FEW: usize = 64;

/// What a listing shows, of objects in a range of keys.
pub(super) const SCAN: &str = summary_columns!(
    "FROM objects
     WHERE bucket = ? AND key >= ? AND key < ? AND kind = 0
     ORDER BY key LIMIT ?"
);

/// Everything under one key but the inline body.
const FIND: &str = summary_columns!(
    ", commit_id, kind, shared, body, detail, manifest
     FROM objects WHERE bucket = ? AND key = ?"
);

/// Everything of objects behind a key but their inline bodies.
const SCAN_RECORDS: &str = summary_columns!(
    ", commit_id, kind, shared, body, detail, manifest
     FROM objects WHERE bucket = ? AND key >= ? ORDER BY key LIMIT ?"
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

    async fn commit(
        &self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<CommitOutcome> {
        let commit = Commit::new(bucket, record, condition, retired)?;
        let id = bucket.id;
        // What the answer carries is read before the commit: an unreadable row must not make it fail after.
        self.change(move |db| commit.apply(db)?.into_outcome(id)).await
    }

    async fn remove(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<RemoveOutcome> {
        let (id, key, condition) = (bucket.id, key.clone(), condition.clone());
        self.change(move |db| {
            let checked = check(db, id, &key, &condition, retired)?;
            if let Checked::Replaces(Some(current)) = &checked {
                delete(db, id, &key, current)?;
            }
            Ok(match checked {
                Checked::Replaces(superseded) => RemoveOutcome::Removed {
                    superseded: superseded.map(|row| row.into_record(id)).transpose()?,
                },
                Checked::Condition(current) => RemoveOutcome::ConditionFailed { current },
                Checked::Shared(row) => RemoveOutcome::Shared {
                    current: Box::new(row.into_record(id)?),
                },
            })
        })
        .await
    }

    async fn rename(
        &self,
        bucket: &Bucket,
        source: &ObjectRecord,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<RenameOutcome> {
        let commit = Commit::new(bucket, record, condition, retired)?;
        let (id, key) = (bucket.id, source.key.clone());
        let (read, shared) = (source.commit_id, source.shared);
        self.change(move |db| {
            if !buckets::is_current(db, &commit.bucket.name, id)? {
                return Ok(RenameOutcome::Destination(CommitOutcome::NoSuchBucket));
            }
            let row = find(db, id, &key)?.filter(|row| row.commit_id == read && row.shared == shared);
            let Some(row) = row else {
                return Ok(RenameOutcome::SourceChanged);
            };
            let committed = commit.apply(db)?;
            if committed.is_applied() {
                delete(db, id, &key, &row)?;
            }
            Ok(RenameOutcome::Destination(committed.into_outcome(id)?))
        })
        .await
    }

    async fn mark_shared(&self, bucket: &Bucket, key: &ObjectKey, expected: CommitId) -> StoreResult<bool> {
        let (id, key) = (bucket.id, key.clone());
        self.change(move |db| {
            let mut update = db.prepare_cached(
                "UPDATE objects SET shared = 1 WHERE bucket = ? AND key = ? AND commit_id = ?",
            )?;
            let updated = update.execute(params![
                id.as_bytes(),
                key.as_str().as_bytes(),
                expected.as_bytes()
            ])?;
            Ok(updated == 1)
        })
        .await
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
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, String>> {
        let id = bucket.id;
        let start = after.map(behind_key).unwrap_or_default();
        self.query(move |db| {
            let mut select = db.prepare_cached(SCAN_RECORDS)?;
            page(
                &mut select,
                params![id.as_bytes(), start, one_more_than(limit)],
                limit,
                |row| StoredObject::read(row)?.into_record(id),
                |last| last.key.as_str().to_owned(),
            )
        })
        .await
    }
}

/// A commit on its way to the writer, checked and with its JSON made.
pub(super) struct Commit {
    bucket: Bucket,
    record: ObjectRecord,
    json: ObjectJson,
    condition: WriteCondition,
    retired: Option<CommitId>,
}

/// What became of a commit, with its JSON unread.
pub(super) enum Committed {
    NoSuchBucket,
    Checked(Checked),
}

/// What stands under a key, against a condition.
pub(super) enum Checked {
    /// The write may go on, over this row.
    Replaces(Option<Box<StoredObject>>),
    /// The condition does not hold.
    Condition(Option<CurrentObject>),
    /// The row is shared and was not retired.
    Shared(Box<StoredObject>),
}

impl Commit {
    /// Refuses what exceeds the limits that the store states.
    pub(super) fn new(
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> Result<Self, Failure> {
        let fits = match &record.manifest {
            Manifest::Inline(body) => body.len() as u64 <= INLINE_LIMIT,
            Manifest::Extents(layout) => layout.extents.len() + layout.parts.len() <= LAYOUT_LIMIT,
            Manifest::Spilled(_) | Manifest::Paged(_) => true,
        };
        if !fits {
            return Err(Failure::does_not_fit("its manifest exceeds the store's limits"));
        }
        Ok(Self {
            bucket: bucket.clone(),
            record: record.clone(),
            json: ObjectJson::of(record)?,
            condition: condition.clone(),
            retired,
        })
    }

    /// Commits in the transaction that `db` is in.
    pub(super) fn apply(&self, db: &Connection) -> Result<Committed, Failure> {
        if !buckets::is_current(db, &self.bucket.name, self.bucket.id)? {
            return Ok(Committed::NoSuchBucket);
        }
        let checked = check(
            db,
            self.bucket.id,
            &self.record.key,
            &self.condition,
            self.retired,
        )?;
        if let Checked::Replaces(current) = &checked {
            delete_body(db, current.as_ref().and_then(|row| row.body_id))?;
            self.write(db)?;
        }
        Ok(Committed::Checked(checked))
    }

    fn write(&self, db: &Connection) -> Result<(), Failure> {
        let record = &self.record;
        let checksum = record.checksum.as_ref();
        let body = match &record.manifest {
            Manifest::Inline(body) if !body.is_empty() => {
                db.prepare_cached("INSERT INTO bodies (bytes) VALUES (?)")?
                    .execute([body.as_ref()])?;
                Some(db.last_insert_rowid())
            }
            Manifest::Inline(_) | Manifest::Extents(_) | Manifest::Spilled(_) | Manifest::Paged(_) => None,
        };
        let mut insert = db.prepare_cached(
            "INSERT OR REPLACE INTO objects
                 (bucket, key, commit_id, kind, etag, size, last_modified, owner_id, owner_name,
                  storage_class, checksum_algorithm, checksum_kind, shared, body, detail, manifest)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        insert.execute(params![
            self.bucket.id.as_bytes(),
            record.key.as_str().as_bytes(),
            record.commit_id.as_bytes(),
            kind_code(record.kind),
            record.etag.as_str(),
            i64::try_from(record.size).map_err(Failure::does_not_fit)?,
            record.last_modified.millis(),
            record.description.owner.id,
            record.description.owner.display_name,
            record.description.headers.storage_class,
            checksum.map(|checksum| checksum.algorithm.name()),
            checksum.map(|checksum| checksum.kind.name()),
            record.shared,
            body,
            self.json.detail,
            self.json.manifest,
        ])?;
        Ok(())
    }
}

impl Committed {
    /// Whether the record is now what readers see.
    pub(super) fn is_applied(&self) -> bool {
        matches!(self, Self::Checked(Checked::Replaces(_)))
    }

    /// The port's answer, of a commit in this bucket.
    pub(super) fn into_outcome(self, bucket: BucketId) -> Result<CommitOutcome, Failure> {
        Ok(match self {
            Self::NoSuchBucket => CommitOutcome::NoSuchBucket,
            Self::Checked(Checked::Replaces(superseded)) => CommitOutcome::Committed {
                superseded: superseded.map(|row| row.into_record(bucket)).transpose()?,
            },
            Self::Checked(Checked::Condition(current)) => CommitOutcome::ConditionFailed { current },
            Self::Checked(Checked::Shared(row)) => CommitOutcome::Shared {
                current: Box::new(row.into_record(bucket)?),
            },
        })
    }
}

/// What a listing shows of the objects in a range. Of a common prefix it shows one, and goes on behind it: that is one
/// search, whatever lies under the prefix.
fn scan(
    db: &Connection,
    bucket: BucketId,
    range: &KeyRange,
    limit: usize,
) -> Result<Page<ObjectSummary, KeyStart>, Failure> {
    let start = match &range.start {
        KeyStart::Beginning => Vec::new(),
        KeyStart::After(key) => behind_key(key),
        KeyStart::AfterPrefix(prefix) => behind_prefix(prefix),
    };
    let mut start = start.max(range.prefix.as_bytes().to_vec());
    let end = behind_prefix(&range.prefix);
    let mut select = db.prepare_cached(SCAN)?;
    let mut items: Vec<ObjectSummary> = Vec::new();
    let limit = limit.min(PAGE_ROWS);
    loop {
        let mut rows = select.query(params![
            bucket.as_bytes(),
            start,
            end,
            one_more_than(limit - items.len())
        ])?;
        let mut behind = None;
        while behind.is_none()
            && let Some(row) = rows.next()?
        {
            if items.len() == limit {
                let last = items.last().map(|last| last.key.as_str().to_owned());
                return Ok(Page {
                    items,
                    next: last.map(KeyStart::After),
                });
            }
            let item = summary(row)?;
            behind = range.common_prefix(item.key.as_str()).map(behind_prefix);
            items.push(item);
        }
        match behind {
            Some(behind) => start = behind,
            None => return Ok(Page { items, next: None }),
        }
    }
}

/// Holds a write of `key` against what is there.
fn check(
    db: &Connection,
    bucket: BucketId,
    key: &ObjectKey,
    condition: &WriteCondition,
    retired: Option<CommitId>,
) -> Result<Checked, Failure> {
    let row = find(db, bucket, key)?;
    let current = row.as_ref().and_then(|row| row.current());
    if !holds(condition, current.as_ref()) {
        return Ok(Checked::Condition(current));
    }
    match row {
        Some(mut row) if row.shared && retired != Some(row.commit_id) => {
            row.body = body(db, row.body_id)?;
            Ok(Checked::Shared(row))
        }
        row => Ok(Checked::Replaces(row)),
    }
}

fn find(db: &Connection, bucket: BucketId, key: &ObjectKey) -> Result<Option<Box<StoredObject>>, Failure> {
    let mut select = db.prepare_cached(FIND)?;
    first(
        &mut select,
        params![bucket.as_bytes(), key.as_str().as_bytes()],
        |row| StoredObject::read(row).map(Box::new),
    )
}

fn find_with_body(
    db: &Connection,
    bucket: BucketId,
    key: &ObjectKey,
) -> Result<Option<ObjectRecord>, Failure> {
    let Some(mut row) = find(db, bucket, key)? else {
        return Ok(None);
    };
    row.body = body(db, row.body_id)?;
    row.into_record(bucket).map(Some)
}

/// The inline body with that id. One that is named and is not there is corruption.
fn body(db: &Connection, id: Option<i64>) -> Result<Option<Vec<u8>>, Failure> {
    let Some(id) = id else {
        return Ok(None);
    };
    let mut select = db.prepare_cached("SELECT bytes FROM bodies WHERE id = ?")?;
    match first(&mut select, [id], |row| Ok(row.get(0)?))? {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(Failure::unreadable("an object's inline body is not there")),
    }
}

/// Deletes the row under a key with its inline body.
fn delete(db: &Connection, bucket: BucketId, key: &ObjectKey, row: &StoredObject) -> Result<(), Failure> {
    db.prepare_cached("DELETE FROM objects WHERE bucket = ? AND key = ?")?
        .execute(params![bucket.as_bytes(), key.as_str().as_bytes()])?;
    delete_body(db, row.body_id)
}

fn delete_body(db: &Connection, id: Option<i64>) -> Result<(), Failure> {
    if let Some(id) = id {
        db.prepare_cached("DELETE FROM bodies WHERE id = ?")?
            .execute([id])?;
    }
    Ok(())
}
