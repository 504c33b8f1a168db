//! Objects in memory.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use super::metadata::page;
use super::rows::{VersionPlace, place};
use super::{Change, Journal, Rows, Transaction};
use crate::model::{
    Bucket, BucketId, BucketName, ObjectKey, ObjectKind, ObjectRecord, ObjectSummary, Sequence, VersionName,
};
use crate::ports::{
    Edit, EditOutcome, KeyRange, KeyStart, KeyVersions, ObjectIndex, ObjectLookup, Page, StoreError,
    StoreResult, VersionIndex, VersionPage, VersionRange, check_edit,
};
use crate::rows::{
    EventMarks, Met, OwnedEdit, RowChange, Verdict, Wanted, judge, version_place, wanted_versions,
};

#[async_trait]
impl<J: Journal> ObjectIndex for J {
    async fn lookup(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<ObjectLookup> {
        let rows = self.rows();
        let bucket = rows.bucket(bucket)?;
        let object = bucket
            .as_ref()
            .and_then(|bucket| rows.object(bucket.id, key))
            .map(|record| record.as_ref().clone());
        Ok(ObjectLookup { bucket, object })
    }

    async fn edit(&self, edit: &Edit<'_>) -> StoreResult<EditOutcome> {
        check_edit(self, edit)?;
        let edit = OwnedEdit::from(edit);
        self.change(move |rows| rows.make(&edit)).await
    }

    async fn scan_objects(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let rows = self.rows();
        Ok(rows.within(bucket, range, limit).showing(|record| {
            let listed = record.kind == ObjectKind::Object;
            listed.then(|| record.summary())
        }))
    }

    async fn scan_records(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, KeyStart>> {
        let rows = self.rows();
        let found = rows.within(bucket, range, limit);
        Ok(found.showing(|record| Some(ObjectRecord::clone(record))))
    }
}

#[async_trait]
impl<J: Journal> VersionIndex for J {
    async fn lookup_version(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        version: VersionName,
    ) -> StoreResult<ObjectLookup> {
        let rows = self.rows();
        let bucket = rows.bucket(bucket)?;
        let object = bucket
            .as_ref()
            .and_then(|bucket| rows.version(bucket.id, key, version))
            .map(|record| record.as_ref().clone());
        Ok(ObjectLookup { bucket, object })
    }

    async fn key_versions(&self, range: VersionRange<'_>) -> StoreResult<KeyVersions> {
        let rows = self.rows();
        let (versions, more) = rows.page_below(range);
        let head = rows.object(range.bucket.id, range.key);
        Ok(KeyVersions {
            head: head.map(|head| head.as_ref().clone()),
            versions,
            more,
        })
    }

    async fn versions_below(&self, range: VersionRange<'_>) -> StoreResult<(Vec<ObjectRecord>, bool)> {
        Ok(self.rows().page_below(range))
    }

    async fn scan_versions(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<VersionPage> {
        let rows = self.rows();
        let start = match after {
            Some(after) => Bound::Excluded(read_position(after)?),
            None => Bound::Unbounded,
        };
        let versions = rows.versions.get(&bucket.id).into_iter();
        let versions = versions.flat_map(|versions| versions.range((start.clone(), Bound::Unbounded)));
        let read = page(versions, limit, |((key, inverted), _)| {
            format!("{inverted}/{key}")
        });
        Ok(read.showing(|(_, record)| Some(ObjectRecord::clone(record))))
    }
}

/// The place that a page of a scan of versions ended at.
fn read_position(text: &str) -> StoreResult<VersionPlace> {
    let parts = text.split_once('/');
    let place = parts.and_then(|(inverted, key)| Some((key.to_owned(), inverted.parse().ok()?)));
    place.ok_or_else(|| StoreError::internal("no position in a scan of versions"))
}

impl Rows {
    fn object(&self, bucket: BucketId, key: &ObjectKey) -> Option<&Arc<ObjectRecord>> {
        self.objects.get(&bucket)?.get(key.as_str())
    }

    /// The rows of a range that are current.
    fn within(&self, bucket: &Bucket, range: &KeyRange, limit: usize) -> Page<&Arc<ObjectRecord>, KeyStart> {
        let Some((objects, start)) = self.objects.get(&bucket.id).zip(range.entry()) else {
            return Page::default();
        };
        let read = objects
            .range::<str, _>((start.as_ref().map(String::as_str), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&range.prefix));
        let read = page(read, limit, |(key, _)| KeyStart::After((*key).clone()));
        read.showing(|(key, record)| range.admits(key).then_some(record))
    }

    fn version(&self, bucket: BucketId, key: &ObjectKey, name: VersionName) -> Option<&Arc<ObjectRecord>> {
        let head = self.object(bucket, key)?;
        match version_place(name, head) {
            None => Some(head),
            Some(sequence) => self.versions.get(&bucket)?.get(&place(key, sequence)),
        }
        .filter(|row| row.version_name() == name)
    }

    fn page_below(&self, range: VersionRange<'_>) -> (Vec<ObjectRecord>, bool) {
        let mut found = self.versions_below(range.bucket.id, range.key, range.before);
        let versions = found.by_ref().take(range.limit).map(|row| row.as_ref().clone());
        (versions.collect(), found.next().is_some())
    }

    /// Versions of a key that are not current, from below that place on, newest first.
    fn versions_below(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        before: Option<Sequence>,
    ) -> impl Iterator<Item = &Arc<ObjectRecord>> {
        let start = match before {
            Some(before) => Bound::Excluded(place(key, before)),
            None => Bound::Included((key.as_str().to_owned(), 0)),
        };
        let end = Bound::Included((key.as_str().to_owned(), u64::MAX));
        let versions = self.versions.get(&bucket).into_iter();
        versions.flat_map(move |versions| versions.range((start.clone(), end.clone())).map(|(_, row)| row))
    }

    /// The places of the last events of an edit's keys.
    fn event_marks(&self, edit: &Edit<'_>) -> EventMarks {
        if edit.events.is_empty() {
            return EventMarks::default();
        }
        let mark = |key: &ObjectKey| {
            let found = self.marks.get(&(edit.bucket.id, key.clone()));
            found.map(|mark| mark.sequence)
        };
        EventMarks {
            key: mark(edit.key()),
            source: edit.source.and_then(|source| mark(source.key)),
        }
    }

    /// The versions that an edit has to know.
    fn wanted(&self, edit: &Edit<'_>, head: Option<&ObjectRecord>) -> Vec<ObjectRecord> {
        let (bucket, key) = (edit.bucket.id, edit.key());
        let Wanted { at, newest } = wanted_versions(edit, head);
        let rows = self.versions.get(&bucket);
        let named = at.iter().filter_map(|sequence| rows?.get(&place(key, *sequence)));
        named
            .chain(self.versions_below(bucket, key, None).take(newest))
            .map(|row| row.as_ref().clone())
            .collect()
    }
}

impl Transaction<'_> {
    fn make(&mut self, owned: &OwnedEdit) -> EditOutcome {
        let edit = owned.edit();
        let bucket = edit.bucket.id;
        let row = |key| self.object(bucket, key).map(Arc::as_ref);
        let receipt = edit
            .receipt
            .map(|receipt| (bucket, edit.key().clone(), receipt.upload));
        let met = Met {
            bucket: self.creation(&edit.bucket.name, bucket).map(|found| found.id),
            receipt: receipt.and_then(|key| self.receipts.get(&key).cloned()),
            source: edit
                .source
                .and_then(|source| row(source.key))
                .map(ObjectRecord::tag),
            head: row(edit.key()).cloned().map(Box::new),
            versions: self.wanted(&edit, row(edit.key())),
            marks: self.event_marks(&edit),
        };
        let (changes, outcome) = match judge(&edit, met) {
            Verdict::Keep(outcome) => return outcome,
            Verdict::Change(changes, outcome) => (changes, outcome),
        };
        for change in changes {
            match change {
                RowChange::Object(record) => self.set(Change::Object(owned.shared(record))),
                RowChange::ObjectGone(key) => self.set(Change::ObjectGone(bucket, key.clone())),
                RowChange::Version(record, _) => self.set(Change::Version(owned.shared(record))),
                RowChange::VersionGone(row) => {
                    let sequence = row.sequence();
                    self.set(Change::VersionGone(bucket, row.key, sequence));
                }
                RowChange::Event(event) => self.set(Change::Event(Arc::from(event))),
                RowChange::EventMark(mark, _) => self.set(Change::EventMark(mark)),
                RowChange::Receipt(receipt) => {
                    let receipt = receipt.into_owned();
                    self.close((bucket, edit.key().clone(), receipt.upload), receipt);
                }
            }
        }
        outcome
    }
}
