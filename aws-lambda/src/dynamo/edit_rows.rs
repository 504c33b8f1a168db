//! The rows that edits change.

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, BucketName, CommitId, ObjectRecord, RowTag};
use bleepstore_core::ports::{
    Edit, EditOutcome, HeadEdit, StoreError, StoreErrorKind, StoreResult, VersionRange,
};
use bleepstore_core::rows::{
    BeforeEdit, BucketRows, EditRows, EventMarks, Met, RowChange, UploadPlace, Verdict, VersionRows, Wanted,
    judge, settle,
};

use super::DynamoMetadata;
use super::condition::Condition;
use super::events::{mark_keys, read_marks};
use super::objects::{find, read_own};
use super::rows;
use super::schema::RowKey;
use super::table::Written;
use super::transaction::Change;

/// How often a write that meets a row which has just changed looks again.
const ATTEMPTS: u32 = 16;

impl DynamoMetadata {
    /// An edit of one row: what it expects travels in the write, and the row that refuses it comes back. One of a creation
    /// of the bucket that is gone is then written over, if it is still that one.
    pub(super) async fn edit_row(&self, edit: &Edit<'_>) -> StoreResult<EditOutcome> {
        let bucket = edit.bucket;
        let mut guard = Condition::expected(edit);
        for attempt in 0..ATTEMPTS {
            self.table.back_off(attempt).await;
            let found = match self.write_head(edit, &guard).await? {
                Written::Applied(old) => {
                    // The row is written, whatever was there.
                    let displaced = read_own(old.as_ref(), bucket.id).map_err(StoreError::after_write)?;
                    let displaced = displaced.map(Box::new);
                    return settle(self, edit, EditOutcome::Applied { displaced }, &[]).await;
                }
                Written::Refused(found) => found.as_ref().map(rows::read_object).transpose()?,
            };
            guard = match &found {
                Some(stale) if stale.bucket != bucket.id => Condition::unchanged(Some(stale.tag())),
                _ => Condition::expected(edit),
            };
            let is_there = edit.committed().is_none() || self.is_current(&bucket.name, bucket.id).await?;
            let met = Met {
                bucket: is_there.then_some(bucket.id),
                head: found.map(Box::new),
                ..Met::default()
            };
            if let Verdict::Keep(outcome) = judge(edit, met) {
                return Ok(outcome);
            }
        }
        Err(StoreError::new(
            StoreErrorKind::Throttled,
            "the object keeps changing",
        ))
    }

    /// Makes the change under an edit's key, if the row there lets it.
    async fn write_head(&self, edit: &Edit<'_>, guard: &Condition) -> StoreResult<Written> {
        let key = RowKey::object(&edit.bucket.name, edit.key());
        match edit.head {
            HeadEdit::Put(record) => self.table.put(rows::object(&key, record)?, Some(guard)).await,
            HeadEdit::Remove(_) => self.table.delete(&key, Some(guard)).await,
            HeadEdit::RemoveVersions(..) | HeadEdit::PutVersion(..) => Err(StoreError::internal(
                "a change of versions is one of several rows",
            )),
        }
    }
}

/// A transaction does not return the rows that it changes, so they are read before.
#[async_trait]
impl EditRows for DynamoMetadata {
    /// What is under the edit's key. Of its source the edit itself says that.
    type Seen = Option<RowTag>;

    async fn before_edit(&self, edit: &Edit<'_>) -> StoreResult<BeforeEdit<Self::Seen>> {
        let name = &edit.bucket.name;
        let head = RowKey::object(name, edit.key());
        let receipt = edit.receipt.map(|receipt| RowKey::receipt(receipt.upload));
        let source = edit.source.map(|source| RowKey::object(name, source.key));
        if edit.is_of_one_key() {
            let found = self.table.get(&head).await?;
            let head = found.as_ref().map(rows::read_object).transpose()?;
            return Ok(BeforeEdit {
                bucket: None,
                receipt: None,
                source: None,
                marks: EventMarks::default(),
                seen: head.as_ref().map(ObjectRecord::tag),
                head,
            });
        }
        let is_of_others = edit.source.is_some() || edit.receipt.is_some();
        let bucket = is_of_others.then(|| RowKey::bucket(name));
        let (mark, source_mark) = mark_keys(edit);
        let (bucket, receipt, source) = (bucket.as_ref(), receipt.as_ref(), source.as_ref());
        let marks = (mark.as_ref(), source_mark.as_ref());
        let keys = [bucket, Some(&head), receipt, source, marks.0, marks.1];
        let keys: Vec<RowKey> = keys.into_iter().flatten().cloned().collect();
        let found = self.table.get_many(&keys).await?;
        let row = |key: &RowKey| find(&found, key);
        let head = row(&head).map(rows::read_object).transpose()?;
        let read_bucket = |key| row(key).map(rows::read_bucket).transpose();
        let bucket = bucket.map(read_bucket).transpose()?;
        let (receipt, source) = (receipt.and_then(row), source.and_then(row));
        Ok(BeforeEdit {
            bucket: bucket.map(|found| found.map(|bucket| bucket.id)),
            receipt: receipt.map(rows::detail_of).transpose()?,
            source: source.map(rows::read_object).transpose()?,
            marks: read_marks(&found, marks)?,
            seen: head.as_ref().map(ObjectRecord::tag),
            head,
        })
    }

    async fn read_versions(
        &self,
        edit: &Edit<'_>,
        wanted: &Wanted,
        _seen: &mut Self::Seen,
    ) -> StoreResult<Vec<ObjectRecord>> {
        let (bucket, key) = (edit.bucket, edit.key());
        let mut found = match wanted.newest {
            0 => Vec::new(),
            newest => {
                self.rows_below(VersionRange::newest(bucket, key, newest))
                    .await?
                    .0
            }
        };
        match wanted.missing_of(&found).as_slice() {
            [] => {}
            [place] => found.extend(self.version_at(bucket, key, *place).await?),
            places => {
                let keys = places.iter().map(|place| RowKey::version(bucket.id, key, *place));
                let rest = self.table.get_many(&keys.collect::<Vec<_>>()).await?;
                for row in &rest {
                    found.push(rows::read_version(row)?);
                }
            }
        }
        Ok(found)
    }

    async fn change_rows(
        &self,
        edit: &Edit<'_>,
        changes: &[RowChange<'_>],
        seen: &Self::Seen,
    ) -> StoreResult<bool> {
        let name = &edit.bucket.name;
        let mut together = Vec::with_capacity(changes.len() + 1);
        for change in changes {
            together.push(match change {
                RowChange::Object(record) => {
                    let item = rows::object(&RowKey::object(name, &record.key), record)?;
                    Change::Put(item, Condition::unchanged(*seen))
                }
                RowChange::ObjectGone(key) => {
                    let source = edit.source.filter(|source| source.key == *key);
                    let tag = source.map_or(*seen, |source| Some(source.tag));
                    Change::Delete(RowKey::object(name, key), Condition::unchanged(tag))
                }
                RowChange::Receipt(receipt) => {
                    let stored = UploadPlace::of_receipt(edit, receipt).stored(receipt);
                    Change::Put(rows::receipt(&stored)?, Condition::absent())
                }
                RowChange::Version(record, over) => {
                    Change::Put(rows::version(record)?, Condition::unchanged(*over))
                }
                RowChange::VersionGone(record) => {
                    let key = RowKey::version(record.bucket, &record.key, record.sequence());
                    Change::Delete(key, Condition::unchanged(Some(record.tag())))
                }
                RowChange::Event(event) => Change::Put(rows::event(event)?, Condition::absent()),
                RowChange::EventMark(mark, over) => {
                    Change::Put(rows::event_mark(mark)?, Condition::marked(*over))
                }
            });
        }
        if let (Some(_), Some(record)) = (edit.source, edit.committed()) {
            let note = RowKey::note(edit.bucket.id, record.commit_id);
            together.push(Change::Put(
                rows::note(&note, self.clock.now()),
                Condition::absent(),
            ));
        }
        self.table.change_together(together).await
    }

    async fn remove_written(&self, bucket: &BucketName, record: &ObjectRecord) -> StoreResult<()> {
        let mine = Condition::written_by(record.commit_id);
        let key = RowKey::object(bucket, &record.key);
        self.table.delete(&key, Some(&mine)).await?;
        Ok(())
    }

    async fn remove_note(&self, bucket: &Bucket, commit: CommitId) -> StoreResult<()> {
        self.table.delete(&RowKey::note(bucket.id, commit), None).await?;
        Ok(())
    }
}
