//! The rows that edits change.

use std::collections::HashMap;

use async_trait::async_trait;
use azure_core::http::Etag;
use bleepstore_core::model::{
    Bucket, BucketName, CommitId, EventMark, ObjectKey, ObjectRecord, Sequence, Timestamp,
};
use bleepstore_core::ports::{Edit, StoreResult, VersionRange};
use bleepstore_core::rows::{
    BeforeEdit, BucketRows, EditRows, EventMarks, RowChange, UploadPlace, UploadRows, Wanted, marked_keys,
};
use futures_util::future::{try_join, try_join5};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;

use super::CosmosMetadata;
use super::batch::Change;
use super::container::READS_AT_ONCE;
use super::rows::{self, Item};
use super::schema::{self, RowKey};

/// What the rows of an edit were known by when they were read, if they were there.
#[derive(Debug, Default)]
pub struct Seen {
    source: Option<Etag>,
    head: Option<Etag>,
    versions: HashMap<Sequence, Etag>,
    marks: HashMap<ObjectKey, Etag>,
}

/// How a row changes, if it still is the one that was seen; `None` where none was seen that has to be there.
fn change_of(
    edit: &Edit<'_>,
    change: &RowChange<'_>,
    seen: &Seen,
    now: Timestamp,
) -> StoreResult<Option<Change>> {
    let name = &edit.bucket.name;
    Ok(match change {
        RowChange::Object(record) => Some(written(rows::object(name, record)?, seen.head.as_ref())),
        RowChange::ObjectGone(key) => {
            let is_source = edit.source.is_some_and(|source| source.key == *key);
            let seen = if is_source { &seen.source } else { &seen.head };
            seen.clone()
                .map(|seen| Change::DeleteSeen(RowKey::object(name, key), seen))
        }
        RowChange::Receipt(receipt) => {
            let stored = UploadPlace::of_receipt(edit, receipt).stored(receipt);
            Some(Change::Create(rows::receipt(name, &stored, now)?))
        }
        RowChange::Version(record, over) => {
            let seen = over.and_then(|_| seen.versions.get(&record.sequence()));
            let item = rows::version(edit.bucket, record)?;
            (over.is_none() || seen.is_some()).then(|| written(item, seen))
        }
        RowChange::VersionGone(record) => {
            let key = RowKey::version(edit.bucket, &record.key, record.sequence());
            let seen = seen.versions.get(&record.sequence()).cloned();
            seen.map(|seen| Change::DeleteSeen(key, seen))
        }
        RowChange::Event(event) => Some(Change::Create(rows::event(event)?)),
        RowChange::EventMark(mark, over) => {
            let seen = over.and_then(|_| seen.marks.get(&mark.key));
            let item = rows::event_mark(name, mark, now)?;
            (over.is_none() || seen.is_some()).then(|| written(item, seen))
        }
    })
}

/// A row is written over the one that was seen, or where there was none.
fn written(item: Item, seen: Option<&Etag>) -> Change {
    match seen {
        Some(seen) => Change::Replace(item, seen.clone()),
        None => Change::Create(item),
    }
}

#[async_trait]
impl EditRows for CosmosMetadata {
    type Seen = Seen;

    /// The bucket is read where the edit has another key or a receipt, and marks where it has events.
    async fn before_edit(&self, edit: &Edit<'_>) -> StoreResult<BeforeEdit<Seen>> {
        let name = &edit.bucket.name;
        let bucket = async {
            if edit.source.is_none() && edit.receipt.is_none() {
                return Ok(None);
            }
            let found = self.read_bucket(name).await;
            found.map(|found| Some(found.map(|bucket| bucket.id)))
        };
        let receipt = async {
            match edit.receipt {
                Some(receipt) => self.read_receipt(&UploadPlace::of_receipt(edit, receipt)).await,
                None => Ok(None),
            }
        };
        let source = async {
            match edit.source {
                Some(source) => self.see(&RowKey::object(name, source.key)).await,
                None => Ok(None),
            }
        };
        let head = RowKey::object(name, edit.key());
        let head = self.see(&head);
        let (bucket, receipt, source, head, (marks, seen_marks)) =
            try_join5(bucket, receipt, source, head, self.see_marks(edit)).await?;
        let (source, seen_source) = source.unzip();
        let (head, seen_head) = head.unzip();
        Ok(BeforeEdit {
            bucket,
            receipt,
            source,
            head,
            marks,
            seen: Seen {
                source: seen_source,
                head: seen_head,
                versions: HashMap::new(),
                marks: seen_marks,
            },
        })
    }

    async fn read_versions(
        &self,
        edit: &Edit<'_>,
        wanted: &Wanted,
        seen: &mut Seen,
    ) -> StoreResult<Vec<ObjectRecord>> {
        let (bucket, key) = (edit.bucket, edit.key());
        let known = match wanted.newest {
            0 => Vec::new(),
            newest => self.see_below(VersionRange::newest(bucket, key, newest)).await?.0,
        };
        let (mut found, mut etags): (Vec<ObjectRecord>, Vec<Etag>) = known.into_iter().unzip();
        let missing = wanted.missing_of(&found);
        let rest = missing
            .into_iter()
            .map(|place| self.see_version(bucket, key, place));
        let rest: Vec<_> = stream::iter(rest).buffered(READS_AT_ONCE).try_collect().await?;
        for (record, etag) in rest.into_iter().flatten() {
            found.push(record);
            etags.push(etag);
        }
        let places = found.iter().map(ObjectRecord::sequence);
        seen.versions.extend(places.zip(etags));
        Ok(found)
    }

    async fn change_rows(
        &self,
        edit: &Edit<'_>,
        changes: &[RowChange<'_>],
        seen: &Seen,
    ) -> StoreResult<bool> {
        let (name, now) = (&edit.bucket.name, self.clock.now());
        if changes.iter().any(|change| matches!(change, RowChange::Event(_))) {
            self.note_lane(edit.bucket.id, name).await?;
        }
        let mut together = Vec::with_capacity(changes.len() + 1);
        for change in changes {
            let Some(change) = change_of(edit, change, seen, now)? else {
                return Ok(false);
            };
            together.push(change);
        }
        if let (Some(_), Some(record)) = (edit.source, edit.committed()) {
            together.push(Change::Create(rows::note(edit.bucket, record.commit_id, now)));
        }
        match together.as_slice() {
            [change] => self.container.change(change).await,
            changes => {
                let partition = schema::objects(name);
                self.container.change_together(&partition, changes).await
            }
        }
    }

    async fn remove_written(&self, bucket: &BucketName, record: &ObjectRecord) -> StoreResult<()> {
        let key = RowKey::object(bucket, &record.key);
        self.container
            .remove_if(&key, |row: &ObjectRecord| row.commit_id == record.commit_id)
            .await?;
        Ok(())
    }

    async fn remove_note(&self, bucket: &Bucket, commit: CommitId) -> StoreResult<()> {
        let note = RowKey::note(&bucket.name, commit);
        self.container.delete(&note, None).await?;
        Ok(())
    }
}

impl CosmosMetadata {
    /// A row, of whatever creation of its bucket, and what it is known by.
    async fn see<T: DeserializeOwned>(&self, key: &RowKey) -> StoreResult<Option<(T, Etag)>> {
        let found = self.container.get(key).await?;
        found.map(|item| Ok((item.detail()?, item.seen()?))).transpose()
    }

    /// The marks that an edit has to know, and what they are known by.
    async fn see_marks(&self, edit: &Edit<'_>) -> StoreResult<(EventMarks, HashMap<ObjectKey, Etag>)> {
        let see = async |key: Option<&ObjectKey>| match key {
            Some(key) => {
                let mark = RowKey::event_mark(&edit.bucket.name, edit.bucket.id, key);
                self.see::<EventMark>(&mark).await
            }
            None => Ok(None),
        };
        let (key, source) = marked_keys(edit);
        let (key, source) = try_join(see(key), see(source)).await?;
        let marks = EventMarks {
            key: key.as_ref().map(|(mark, _)| mark.sequence),
            source: source.as_ref().map(|(mark, _)| mark.sequence),
        };
        let seen = [key, source].into_iter().flatten();
        Ok((marks, seen.map(|(mark, etag)| (mark.key, etag)).collect()))
    }
}
