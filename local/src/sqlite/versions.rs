//! Versions that are not current.

use bleepstore_core::model::{BucketId, ObjectKey, ObjectRecord, Sequence, VersionName};
use bleepstore_core::ports::{Edit, KeyVersions, Page};
use bleepstore_core::rows::{version_place, wanted_versions};
use rusqlite::{Connection, params};

use super::error::Failure;
use super::records::{self, body, insert_record};
use super::rows::{
    ObjectJson, StoredObject, first, key_column, one_more_than, page, sequence_column, summary_columns,
};
use super::schema::{self, VERSIONS};

const PUT: &str = insert_record!("INSERT INTO versions", ", sequence", ", ?");

const FIND: &str = summary_columns!(
    ", commit_id, kind, shared, body, detail, manifest
     FROM versions WHERE bucket = ? AND key = ? AND sequence = ?"
);

/// Those of a key that are older than a place, newest first.
pub(super) const BELOW: &str = summary_columns!(
    ", commit_id, kind, shared, body, detail, manifest
     FROM versions WHERE bucket = ? AND key = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?"
);

/// Those of a bucket after one of them.
pub(super) const SCAN: &str = summary_columns!(
    ", commit_id, kind, shared, body, detail, sequence, manifest
     FROM versions WHERE bucket = ? AND (key, sequence) > (?, ?) ORDER BY key, sequence LIMIT ?"
);

fn at(
    db: &Connection,
    bucket: BucketId,
    key: &ObjectKey,
    place: Sequence,
) -> Result<Option<ObjectRecord>, Failure> {
    let mut select = db.prepare_cached(FIND)?;
    let under = params![bucket.as_bytes(), key.as_str().as_bytes(), sequence_column(place)];
    let found = first(&mut select, under, StoredObject::read)?;
    found.map(|row| whole(db, bucket, row)).transpose()
}

fn below(
    db: &Connection,
    bucket: BucketId,
    key: &ObjectKey,
    before: Option<Sequence>,
    limit: usize,
) -> Result<Page<StoredObject, ()>, Failure> {
    let before = before.map_or(i64::MAX, sequence_column);
    let mut select = db.prepare_cached(BELOW)?;
    let under = params![
        bucket.as_bytes(),
        key.as_str().as_bytes(),
        before,
        one_more_than(limit)
    ];
    page(&mut select, under, limit, StoredObject::read, |_| ())
}

fn whole(db: &Connection, bucket: BucketId, mut row: StoredObject) -> Result<ObjectRecord, Failure> {
    row.body = body(db, row.body_id)?;
    row.into_record(bucket)
}

/// The versions that an edit has to know, where this is the row under its key.
pub(super) fn wanted(
    db: &Connection,
    edit: &Edit<'_>,
    head: Option<&ObjectRecord>,
) -> Result<Vec<ObjectRecord>, Failure> {
    let (bucket, key) = (edit.bucket.id, edit.key());
    let wanted = wanted_versions(edit, head);
    if wanted.is_nothing() || !schema::has_reached(db, VERSIONS)? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    if wanted.newest > 0 {
        for row in below(db, bucket, key, None, wanted.newest)?.items {
            found.push(whole(db, bucket, row)?);
        }
    }
    for place in wanted.missing_of(&found) {
        found.extend(at(db, bucket, key, place)?);
    }
    Ok(found)
}

/// The version of that name of a key whose row this is.
pub(super) fn named(
    db: &Connection,
    head: ObjectRecord,
    name: VersionName,
) -> Result<Option<ObjectRecord>, Failure> {
    let found = match version_place(name, &head) {
        None => Some(head),
        Some(place) if schema::has_reached(db, VERSIONS)? => at(db, head.bucket, &head.key, place)?,
        Some(_) => None,
    };
    Ok(found.filter(|row| row.version_name() == name))
}

/// What is under a key: its row, and older versions than that.
pub(super) fn of_key(
    db: &Connection,
    bucket: BucketId,
    key: &ObjectKey,
    before: Option<Sequence>,
    limit: usize,
) -> Result<KeyVersions, Failure> {
    let head = StoredObject::find(db, bucket, key)?;
    let head = head.map(|row| row.into_record(bucket)).transpose()?;
    let (versions, more) = page_below(db, bucket, key, before, limit)?;
    Ok(KeyVersions { head, versions, more })
}

/// The versions of [`of_key`] alone.
pub(super) fn page_below(
    db: &Connection,
    bucket: BucketId,
    key: &ObjectKey,
    before: Option<Sequence>,
    limit: usize,
) -> Result<(Vec<ObjectRecord>, bool), Failure> {
    if !schema::has_reached(db, VERSIONS)? {
        return Ok((Vec::new(), false));
    }
    let found = below(db, bucket, key, before, limit)?;
    let versions = found.items.into_iter().map(|row| row.into_record(bucket));
    Ok((versions.collect::<Result<_, _>>()?, found.next.is_some()))
}

/// A page of the versions of a bucket.
pub(super) fn scan(
    db: &Connection,
    bucket: BucketId,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<ObjectRecord, String>, Failure> {
    if !schema::has_reached(db, VERSIONS)? {
        return Ok(Page::default());
    }
    let after = after.and_then(|after| after.split_once('/'));
    let (sequence, key) = after.unwrap_or(("0", ""));
    let sequence: i64 = sequence.parse().map_err(Failure::unreadable)?;
    let mut select = db.prepare_cached(SCAN)?;
    let read = page(
        &mut select,
        params![bucket.as_bytes(), key.as_bytes(), sequence, one_more_than(limit)],
        limit,
        |row| {
            let place = format!("{}/{}", row.get::<_, i64>(14)?, key_column(row, 0)?);
            Ok((place, StoredObject::read_before(row, 15)?.into_record(bucket)?))
        },
        |(place, _)| place.clone(),
    )?;
    Ok(read.showing(|(_, record)| Some(record)))
}

/// Writes a version, of which there is no row.
pub(super) fn put(db: &Connection, record: &ObjectRecord) -> Result<(), Failure> {
    let (json, place) = (ObjectJson::of(record)?, sequence_column(record.sequence()));
    records::put(db, PUT, record, &json, Some(place))
}

/// Removes the row of a version, with its inline body.
pub(super) fn remove(db: &Connection, bucket: BucketId, record: &ObjectRecord) -> Result<(), Failure> {
    let of = params![
        bucket.as_bytes(),
        record.key.as_str().as_bytes(),
        sequence_column(record.sequence())
    ];
    db.prepare_cached(
        "DELETE FROM bodies WHERE id = (SELECT body FROM versions WHERE bucket = ? AND key = ? AND sequence = ?)",
    )?
    .execute(of)?;
    db.prepare_cached("DELETE FROM versions WHERE bucket = ? AND key = ? AND sequence = ?")?
        .execute(of)?;
    Ok(())
}
