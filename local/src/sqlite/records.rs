//! Records as they are written: a row of objects or of versions, and an inline body in a table of its own, so that a scan
//! of records does not read it.

use bleepstore_core::model::{Manifest, ObjectRecord};
use rusqlite::{Connection, ToSql, params};

use super::error::Failure;
use super::rows::{ObjectJson, first, kind_code};

/// Inserts a record, for [`put`]. What is said of a table that has a column more: its name, and a `?` for it.
macro_rules! insert_record {
    ($into:literal, $column:literal, $value:literal) => {
        concat!(
            $into,
            " (bucket, key, commit_id, kind, etag, size, last_modified, owner_id, owner_name, storage_class,
               checksum_algorithm, checksum_kind, shared, body, detail, manifest",
            $column,
            ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?",
            $value,
            ")"
        )
    };
}
pub(super) use insert_record;

/// Writes a record by an [`insert_record`], its inline body before. `place` is the column more.
pub(super) fn put(
    db: &Connection,
    insert: &str,
    record: &ObjectRecord,
    json: &ObjectJson,
    place: Option<i64>,
) -> Result<(), Failure> {
    let body = put_body(db, record)?;
    let size = i64::try_from(record.size).map_err(Failure::does_not_fit)?;
    let checksum = record.checksum.as_ref();
    let mut insert = db.prepare_cached(insert)?;
    let columns = params![
        record.bucket.as_bytes(),
        record.key.as_str().as_bytes(),
        record.commit_id.as_bytes(),
        kind_code(record.kind),
        record.etag.as_str(),
        size,
        record.last_modified.millis(),
        record.description.owner.id,
        record.description.owner.display_name,
        record.description.headers.storage_class,
        checksum.map(|checksum| checksum.algorithm.name()),
        checksum.map(|checksum| checksum.kind.name()),
        record.shared,
        body,
        json.detail,
        json.manifest,
    ];
    let more: &[&dyn ToSql] = match &place {
        Some(place) => &[place],
        None => &[],
    };
    for (number, value) in (1..).zip(columns.iter().chain(more)) {
        insert.raw_bind_parameter(number, value)?;
    }
    insert.raw_execute()?;
    Ok(())
}

/// Writes the inline body of a record, if it has one, and returns what it is found by.
fn put_body(db: &Connection, record: &ObjectRecord) -> Result<Option<i64>, Failure> {
    match &record.manifest {
        Manifest::Inline(body) if !body.is_empty() => {
            db.prepare_cached("INSERT INTO bodies (bytes) VALUES (?)")?
                .execute([body.as_ref()])?;
            Ok(Some(db.last_insert_rowid()))
        }
        Manifest::Inline(_) | Manifest::Extents(_) | Manifest::Spilled(_) | Manifest::Paged(_) => Ok(None),
    }
}

/// The inline body with that id. One that is named and is not there is corruption.
pub(super) fn body(db: &Connection, id: Option<i64>) -> Result<Option<Vec<u8>>, Failure> {
    let Some(id) = id else {
        return Ok(None);
    };
    let mut select = db.prepare_cached("SELECT bytes FROM bodies WHERE id = ?")?;
    match first(&mut select, [id], |row| Ok(row.get(0)?))? {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(Failure::unreadable("an object's inline body is not there")),
    }
}
