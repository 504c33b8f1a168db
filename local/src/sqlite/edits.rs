//! Changes of what is under a key.

use bleepstore_core::model::{Manifest, ObjectRecord};
use bleepstore_core::ports::{Edit, EditOutcome, HeadEdit};
use bleepstore_core::rows::{Met, OwnedEdit, RowChange, Verdict, judge};
use rusqlite::{Connection, params};

use super::error::Failure;
use super::rows::{ObjectJson, StoredObject, kind_code, to_json};
use super::{buckets, uploads};

/// An edit on its way to the writer, with its JSON made.
pub(super) struct ReadyEdit {
    edit: OwnedEdit,
    /// That of the record that it puts; empty where it puts none.
    object: ObjectJson,
    /// That of the receipt that it writes; empty where it writes none.
    receipt: String,
}

impl ReadyEdit {
    pub(super) fn new(edit: &Edit<'_>) -> Result<Self, Failure> {
        let object = match edit.head {
            HeadEdit::Put(record) => ObjectJson::of(record)?,
            HeadEdit::Remove(_) => ObjectJson::default(),
        };
        Ok(Self {
            edit: OwnedEdit::from(edit),
            object,
            receipt: edit.receipt.map(to_json).transpose()?.unwrap_or_default(),
        })
    }

    /// Makes the edit in the transaction that `db` is in. What the answer carries is read before anything is written: an
    /// unreadable row must not make it fail after.
    pub(super) fn make(&self, db: &Connection) -> Result<EditOutcome, Failure> {
        let edit = self.edit.edit();
        let bucket = edit.bucket.id;
        let receipt = match edit.receipt {
            Some(receipt) => uploads::receipt(db, receipt.upload)?,
            None => None,
        };
        let is_there = edit.committed().is_some() && buckets::is_current(db, &edit.bucket.name, bucket)?;
        let source = match edit.source {
            Some(source) => StoredObject::find(db, bucket, source.key)?,
            None => None,
        };
        let head = StoredObject::find(db, bucket, edit.key())?;
        let bodies = [&source, &head].map(|row| row.as_ref().and_then(|row| row.body_id));
        let head = head.map(|row| row.into_record(bucket)).transpose()?;
        let met = Met {
            bucket: is_there.then_some(bucket),
            receipt,
            source: source.map(|row| row.tag()),
            head: head.map(Box::new),
        };
        match judge(&edit, met) {
            Verdict::Keep(outcome) => Ok(outcome),
            Verdict::Change(changes, displaced) => {
                // Both rows go, whatever takes their place.
                for body in bodies.into_iter().flatten() {
                    db.prepare_cached("DELETE FROM bodies WHERE id = ?")?
                        .execute([body])?;
                }
                for change in changes {
                    self.change(db, &edit, change)?;
                }
                Ok(EditOutcome::Applied { displaced })
            }
        }
    }

    fn change(&self, db: &Connection, edit: &Edit<'_>, change: RowChange<'_>) -> Result<(), Failure> {
        match change {
            RowChange::Object(record) => self.put(db, edit, record),
            RowChange::ObjectGone(key) => {
                db.prepare_cached("DELETE FROM objects WHERE bucket = ? AND key = ?")?
                    .execute(params![edit.bucket.id.as_bytes(), key.as_str().as_bytes()])?;
                Ok(())
            }
            RowChange::Receipt(receipt) => {
                uploads::close(db, edit.bucket.id, edit.key(), receipt, &self.receipt)
            }
        }
    }

    /// Writes the record, over the row under its key.
    fn put(&self, db: &Connection, edit: &Edit<'_>, record: &ObjectRecord) -> Result<(), Failure> {
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
            edit.bucket.id.as_bytes(),
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
            self.object.detail,
            self.object.manifest,
        ])?;
        Ok(())
    }
}
