//! Bodies that lie in records: in a table of their own, so that a scan of records does not read them.

use bleepstore_core::model::{Manifest, ObjectRecord};
use rusqlite::Connection;

use super::error::Failure;
use super::rows::first;

/// Writes the inline body of a record, if it has one, and returns what it is found by.
pub(super) fn put_body(db: &Connection, record: &ObjectRecord) -> Result<Option<i64>, Failure> {
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
