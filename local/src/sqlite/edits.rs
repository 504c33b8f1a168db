//! Changes of what is under a key.

use std::borrow::Cow;

use bleepstore_core::ports::{Edit, EditOutcome, HeadEdit};
use bleepstore_core::rows::{EventMarks, Met, OwnedEdit, RowChange, Verdict, judge};
use rusqlite::{Connection, params};

use super::error::Failure;
use super::records::{self, insert_record};
use super::rows::{ObjectJson, StoredObject, to_json};
use super::{buckets, events, uploads, versions};

/// Puts a record over the row under its key.
const PUT: &str = insert_record!("INSERT OR REPLACE INTO objects", "", "");

/// An edit on its way to the writer, with its JSON made.
pub(super) struct ReadyEdit {
    edit: OwnedEdit,
    /// That of the record that it puts as it is; empty where it puts none.
    object: ObjectJson,
    /// That of the receipt that it writes as it is; empty where it writes none.
    receipt: String,
}

impl ReadyEdit {
    pub(super) fn new(edit: &Edit<'_>) -> Result<Self, Failure> {
        let object = match edit.head {
            HeadEdit::Put(record) => ObjectJson::of(record)?,
            HeadEdit::Remove(_) | HeadEdit::RemoveVersions(..) | HeadEdit::PutVersion(..) => {
                ObjectJson::default()
            }
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
        let mut head = StoredObject::find(db, bucket, edit.key())?;
        if edit.is_of_versions()
            && let Some(head) = &mut head
        {
            head.body = records::body(db, head.body_id)?;
        }
        let bodies = [&source, &head].map(|row| row.as_ref().and_then(|row| row.body_id));
        let source = source.map(|row| row.into_record(bucket)).transpose()?;
        let head = head.map(|row| row.into_record(bucket)).transpose()?;
        let versions = versions::wanted(db, &edit, head.as_ref())?;
        let met = Met {
            versions,
            marks: event_marks(db, &edit)?,
            bucket: is_there.then_some(bucket),
            receipt,
            source: source.map(|row| row.tag()),
            head: head.map(Box::new),
        };
        match judge(&edit, met) {
            Verdict::Keep(outcome) => Ok(outcome),
            Verdict::Change(changes, outcome) => {
                let changes_head = |change: &RowChange<'_>| {
                    matches!(change, RowChange::Object(_) | RowChange::ObjectGone(_))
                };
                // Both rows go, whatever takes their place.
                if changes.iter().any(changes_head) {
                    for body in bodies.into_iter().flatten() {
                        db.prepare_cached("DELETE FROM bodies WHERE id = ?")?
                            .execute([body])?;
                    }
                }
                for change in changes {
                    self.change(db, &edit, change)?;
                }
                Ok(outcome)
            }
        }
    }

    fn change(&self, db: &Connection, edit: &Edit<'_>, change: RowChange<'_>) -> Result<(), Failure> {
        match change {
            RowChange::Object(Cow::Borrowed(record)) => records::put(db, PUT, record, &self.object, None),
            RowChange::Object(Cow::Owned(record)) => {
                records::put(db, PUT, &record, &ObjectJson::of(&record)?, None)
            }
            RowChange::Version(record, over) => {
                if over.is_some() {
                    versions::remove(db, edit.bucket.id, &record)?;
                }
                versions::put(db, &record)
            }
            RowChange::VersionGone(record) => versions::remove(db, edit.bucket.id, &record),
            RowChange::ObjectGone(key) => {
                db.prepare_cached("DELETE FROM objects WHERE bucket = ? AND key = ?")?
                    .execute(params![edit.bucket.id.as_bytes(), key.as_str().as_bytes()])?;
                Ok(())
            }
            RowChange::Event(event) => events::put(db, &event),
            RowChange::EventMark(mark, _) => events::put_mark(db, &mark),
            RowChange::Receipt(Cow::Borrowed(receipt)) => {
                uploads::close(db, edit.bucket.id, edit.key(), receipt, &self.receipt)
            }
            RowChange::Receipt(Cow::Owned(receipt)) => {
                let detail = to_json(&receipt)?;
                uploads::close(db, edit.bucket.id, edit.key(), &receipt, &detail)
            }
        }
    }
}

/// The places of the last events of an edit's keys; an edit without events needs none.
fn event_marks(db: &Connection, edit: &Edit<'_>) -> Result<EventMarks, Failure> {
    if edit.events.is_empty() {
        return Ok(EventMarks::default());
    }
    events::make_room(db)?;
    events::marks(db, edit)
}
