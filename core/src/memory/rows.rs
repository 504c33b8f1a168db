//! All rows, and what a change does to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Change;
use crate::model::{
    Bucket, BucketId, BucketLayout, BucketName, CommitId, Credential, EventMark, EventPlace, EventQueue,
    EventRow, ObjectKey, ObjectRecord, Part, PartNumber, Receipt, RetiredManifest, Sequence, Upload,
    UploadId,
};
use crate::ports::{RecordPlace, StoreError, StoreErrorKind, StoreRecord, StoreResult};

/// All rows. Methods that several traits need are here; each trait's file has its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub(super) buckets: BTreeMap<BucketName, Bucket>,
    /// The keys are those of the records, as text so that ranges can start anywhere. No map of one bucket is empty.
    pub(super) objects: BTreeMap<BucketId, BTreeMap<String, Arc<ObjectRecord>>>,
    /// Versions that are not current, the newest of a key first. No map of one bucket is empty.
    pub(super) versions: BTreeMap<BucketId, BTreeMap<VersionPlace, Arc<ObjectRecord>>>,
    /// Uploads that have not ended: closing one removes its row, and the receipt remains.
    pub(super) uploads: BTreeMap<UploadId, UploadRow>,
    pub(super) receipts: BTreeMap<ReceiptKey, Receipt>,
    pub(super) retired: BTreeMap<CommitId, RetiredManifest>,
    pub(super) credentials: BTreeMap<String, Credential>,
    /// No map of one queue is empty.
    pub(super) events: BTreeMap<EventQueue, BTreeMap<EventPlace, Arc<EventRow>>>,
    pub(super) marks: BTreeMap<(BucketId, ObjectKey), EventMark>,
    pub(super) store: Option<StoreRecord>,
    pub(super) moved_store: Option<StoreRecord>,
}

/// An upload and its parts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UploadRow {
    pub(super) upload: Upload,
    pub(super) parts: BTreeMap<PartNumber, Arc<Part>>,
}

/// Where a version that is not current is found: its key, and its place, newer ones first.
pub(super) type VersionPlace = (String, u64);

/// Where a receipt is found: the creation of the bucket, the key, the upload.
pub(super) type ReceiptKey = (BucketId, ObjectKey, UploadId);

impl Rows {
    /// Makes one row what `change` says.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Store(record) => self.store = Some(record),
            Change::MovedStore(record) => self.moved_store = Some(record),
            Change::Credential(row) => drop(self.credentials.insert(row.access_key.clone(), row)),
            Change::CredentialGone(access_key) => drop(self.credentials.remove(&access_key)),
            Change::Bucket(row) => drop(self.buckets.insert(row.name.clone(), row)),
            Change::BucketGone(name) => drop(self.buckets.remove(&name)),
            Change::Object(record) => {
                let key = record.key.as_str().to_owned();
                self.objects.entry(record.bucket).or_default().insert(key, record);
            }
            Change::ObjectGone(bucket, key) => self.remove_object(bucket, key.as_str()),
            Change::Version(record) => {
                let place = place(&record.key, record.sequence());
                self.versions
                    .entry(record.bucket)
                    .or_default()
                    .insert(place, record);
            }
            Change::VersionGone(bucket, key, sequence) => self.remove_version(bucket, &place(&key, sequence)),
            Change::Upload(upload) => match self.uploads.get_mut(&upload.id) {
                Some(row) => row.upload = upload,
                None => {
                    let parts = BTreeMap::new();
                    self.uploads.insert(upload.id, UploadRow { upload, parts });
                }
            },
            Change::UploadGone(id) => drop(self.uploads.remove(&id)),
            Change::Part(id, part) => {
                if let Some(row) = self.uploads.get_mut(&id) {
                    row.parts.insert(part.number, part);
                }
            }
            Change::Receipt(row) => {
                let key = (row.bucket, row.key, row.receipt.upload);
                self.receipts.insert(key, row.receipt);
            }
            Change::ReceiptGone(bucket, key, upload) => drop(self.receipts.remove(&(bucket, key, upload))),
            Change::Retired(row) => drop(self.retired.insert(row.commit_id, row)),
            Change::RetiredGone(commit) => drop(self.retired.remove(&commit)),
            Change::Event(event) => {
                let events = self.events.entry(event.queue()).or_default();
                events.insert(event.place(), event);
            }
            Change::EventGone(queue, place) => self.remove_event(&queue, place),
            Change::EventMark(mark) => {
                drop(self.marks.insert((mark.bucket, mark.key.clone()), mark));
            }
            Change::EventMarkGone(bucket, key) => drop(self.marks.remove(&(bucket, key))),
        }
    }

    /// Undoes changes: makes every row that they changed what it is in `before`.
    pub fn restore<'c>(&mut self, changes: impl IntoIterator<Item = &'c Change>, before: &Self) {
        for change in changes {
            match change {
                Change::Store(_) => self.store = before.store,
                Change::MovedStore(_) => self.moved_store = before.moved_store,
                Change::Credential(Credential { access_key, .. }) | Change::CredentialGone(access_key) => {
                    copy(&mut self.credentials, &before.credentials, access_key);
                }
                Change::Bucket(Bucket { name, .. }) | Change::BucketGone(name) => {
                    copy(&mut self.buckets, &before.buckets, name);
                }
                Change::Object(record) => self.restore_object(record.bucket, &record.key, before),
                Change::ObjectGone(bucket, key) => self.restore_object(*bucket, key, before),
                Change::Version(record) => {
                    self.restore_version(record.bucket, &place(&record.key, record.sequence()), before);
                }
                Change::VersionGone(bucket, key, sequence) => {
                    self.restore_version(*bucket, &place(key, *sequence), before);
                }
                Change::Upload(Upload { id, .. }) | Change::UploadGone(id) | Change::Part(id, _) => {
                    copy(&mut self.uploads, &before.uploads, id);
                }
                Change::Receipt(row) => {
                    let key = (row.bucket, row.key.clone(), row.receipt.upload);
                    copy(&mut self.receipts, &before.receipts, &key);
                }
                Change::ReceiptGone(bucket, key, upload) => {
                    let key = (*bucket, key.clone(), *upload);
                    copy(&mut self.receipts, &before.receipts, &key);
                }
                Change::Retired(RetiredManifest { commit_id, .. }) | Change::RetiredGone(commit_id) => {
                    copy(&mut self.retired, &before.retired, commit_id);
                }
                Change::Event(event) => self.restore_event(&event.queue(), event.place(), before),
                Change::EventGone(queue, place) => self.restore_event(queue, *place, before),
                Change::EventMark(EventMark { bucket, key, .. }) | Change::EventMarkGone(bucket, key) => {
                    copy(&mut self.marks, &before.marks, &(*bucket, key.clone()));
                }
            }
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        let objects: usize = self.objects.values().map(BTreeMap::len).sum();
        let versions: usize = self.versions.values().map(BTreeMap::len).sum();
        let uploads: usize = self.uploads.values().map(|row| 1 + row.parts.len()).sum();
        let others = self.buckets.len() + self.receipts.len() + self.retired.len() + self.credentials.len();
        let events: usize = self.events.values().map(BTreeMap::len).sum();
        let records = [self.store, self.moved_store].into_iter().flatten().count();
        objects + versions + uploads + others + events + self.marks.len() + records
    }

    /// The store's record at that place.
    pub(super) fn record_at(&self, place: RecordPlace) -> Option<StoreRecord> {
        match place {
            RecordPlace::First => self.store,
            RecordPlace::Moved => self.moved_store,
        }
    }

    /// The bucket of that name, refused where its layout is a later program's.
    pub(super) fn bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>> {
        self.buckets.get(name).map(known).transpose()
    }

    /// The bucket of that name, if it still is that creation.
    pub(super) fn creation(&self, name: &BucketName, id: BucketId) -> Option<&Bucket> {
        self.buckets.get(name).filter(|bucket| bucket.id == id)
    }

    fn remove_object(&mut self, bucket: BucketId, key: &str) {
        if let Some(objects) = self.objects.get_mut(&bucket) {
            objects.remove(key);
            if objects.is_empty() {
                self.objects.remove(&bucket);
            }
        }
    }

    fn remove_version(&mut self, bucket: BucketId, place: &VersionPlace) {
        if let Some(versions) = self.versions.get_mut(&bucket) {
            versions.remove(place);
            if versions.is_empty() {
                self.versions.remove(&bucket);
            }
        }
    }

    fn remove_event(&mut self, queue: &EventQueue, place: EventPlace) {
        if let Some(events) = self.events.get_mut(queue) {
            events.remove(&place);
            if events.is_empty() {
                self.events.remove(queue);
            }
        }
    }

    fn restore_event(&mut self, queue: &EventQueue, place: EventPlace, before: &Self) {
        match before.events.get(queue).and_then(|events| events.get(&place)) {
            Some(event) => self.apply(Change::Event(Arc::clone(event))),
            None => self.remove_event(queue, place),
        }
    }

    fn restore_version(&mut self, bucket: BucketId, place: &VersionPlace, before: &Self) {
        match before
            .versions
            .get(&bucket)
            .and_then(|versions| versions.get(place))
        {
            Some(record) => self.apply(Change::Version(Arc::clone(record))),
            None => self.remove_version(bucket, place),
        }
    }

    fn restore_object(&mut self, bucket: BucketId, key: &ObjectKey, before: &Self) {
        match before
            .objects
            .get(&bucket)
            .and_then(|objects| objects.get(key.as_str()))
        {
            Some(record) => self.apply(Change::Object(Arc::clone(record))),
            None => self.remove_object(bucket, key.as_str()),
        }
    }
}

pub(super) fn place(key: &ObjectKey, sequence: Sequence) -> VersionPlace {
    (key.as_str().to_owned(), sequence.inverted())
}

/// The bucket, unless its layout is a later program's.
pub(super) fn known(bucket: &Bucket) -> StoreResult<Bucket> {
    let BucketLayout(layout) = bucket.layout;
    match BucketLayout::refuse_later(layout, None) {
        Ok(()) => Ok(bucket.clone()),
        Err(later) => Err(StoreError::new(StoreErrorKind::TooNew, later)),
    }
}

/// Makes the row under `key` what it is in `from`.
fn copy<K: Ord + Clone, V: Clone>(to: &mut BTreeMap<K, V>, from: &BTreeMap<K, V>, key: &K) {
    match from.get(key) {
        Some(row) => to.insert(key.clone(), row.clone()),
        None => to.remove(key),
    };
}
