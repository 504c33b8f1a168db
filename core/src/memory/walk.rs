//! All rows one after another, in steps between which they may change.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::metadata::following;
use super::rows::{VersionPlace, place as version_place};
use super::{Change, Rows};
use crate::model::{BucketId, EventPlace, EventQueue, UploadId};
use crate::rows::StoredReceipt;

/// The kinds of rows in the order of the walk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Store,
    MovedStore,
    Credential,
    Bucket,
    Object,
    Version,
    Upload,
    Receipt,
    Retired,
    Event,
    EventMark,
}

impl Rows {
    /// Up to `limit` rows after the one that `last` makes, each as the change that makes it; from the first row
    /// without a `last`. Fewer than `limit` are the last ones.
    ///
    /// A row that is there throughout a walk in several steps is met exactly once, in one of its states.
    pub fn rows_after(&self, last: Option<&Change>, limit: usize) -> Vec<Change> {
        let place = |kind| last.map_or(Ordering::Less, |last| kind_of(last).cmp(&kind));
        let store = self.store.filter(|_| last.is_none()).map(Change::Store);
        let moved = self.moved_store.filter(|_| place(Kind::MovedStore).is_lt());
        let credentials = rest(
            &self.credentials,
            place(Kind::Credential),
            key_of_credential(last),
        );
        let buckets = rest(
            &self.buckets,
            place(Kind::Bucket),
            last.and_then(|last| match last {
                Change::Bucket(row) => Some(&row.name),
                _ => None,
            }),
        );
        let receipt = last.and_then(|last| match last {
            Change::Receipt(row) => Some((row.bucket, row.key.clone(), row.receipt.upload)),
            _ => None,
        });
        let receipts = rest(&self.receipts, place(Kind::Receipt), receipt.as_ref());
        let retired = rest(
            &self.retired,
            place(Kind::Retired),
            last.and_then(|last| match last {
                Change::Retired(row) => Some(&row.commit_id),
                _ => None,
            }),
        );
        let mark = last.and_then(|last| match last {
            Change::EventMark(mark) => Some((mark.bucket, mark.key.clone())),
            _ => None,
        });
        let marks = rest(&self.marks, place(Kind::EventMark), mark.as_ref());
        store
            .into_iter()
            .chain(moved.map(Change::MovedStore))
            .chain(credentials.map(|(_, row)| Change::Credential(row.clone())))
            .chain(buckets.map(|(_, row)| Change::Bucket(row.clone())))
            .chain(self.objects_after(place(Kind::Object), last))
            .chain(self.versions_after(place(Kind::Version), last))
            .chain(self.uploads_after(place(Kind::Upload), last))
            .chain(receipts.map(|((bucket, key, _), receipt)| {
                Change::Receipt(StoredReceipt {
                    bucket: *bucket,
                    key: key.clone(),
                    receipt: receipt.clone(),
                })
            }))
            .chain(retired.map(|(_, row)| Change::Retired(row.clone())))
            .chain(self.events_after(place(Kind::Event), last))
            .chain(marks.map(|(_, mark)| Change::EventMark(mark.clone())))
            .take(limit)
            .collect()
    }

    fn objects_after(&self, place: Ordering, last: Option<&Change>) -> impl Iterator<Item = Change> {
        let passed: Option<(BucketId, &str)> = last.and_then(|last| match last {
            Change::Object(record) => Some((record.bucket, record.key.as_str())),
            _ => None,
        });
        let first = passed.map_or(Bound::Unbounded, |(bucket, _)| Bound::Included(bucket));
        self.objects
            .range((first, Bound::Unbounded))
            .take_while(move |_| place != Ordering::Greater)
            .flat_map(move |(id, objects)| {
                let after = passed.filter(|(bucket, _)| bucket == id).map(|(_, key)| key);
                objects.range::<str, _>(following(after))
            })
            .map(|(_, record)| Change::Object(Arc::clone(record)))
    }

    fn versions_after(&self, place: Ordering, last: Option<&Change>) -> impl Iterator<Item = Change> {
        let passed: Option<(BucketId, VersionPlace)> = last.and_then(|last| match last {
            Change::Version(record) => Some((record.bucket, version_place(&record.key, record.sequence()))),
            _ => None,
        });
        let first = passed
            .as_ref()
            .map_or(Bound::Unbounded, |(bucket, _)| Bound::Included(*bucket));
        self.versions
            .range((first, Bound::Unbounded))
            .take_while(move |_| place != Ordering::Greater)
            .flat_map(move |(id, versions)| {
                let after = passed.as_ref().filter(|(bucket, _)| bucket == id);
                let start = after.map_or(Bound::Unbounded, |(_, place)| Bound::Excluded(place.clone()));
                versions.range((start, Bound::Unbounded))
            })
            .map(|(_, record)| Change::Version(Arc::clone(record)))
    }

    fn events_after(&self, place: Ordering, last: Option<&Change>) -> impl Iterator<Item = Change> {
        let passed: Option<(EventQueue, EventPlace)> = last.and_then(|last| match last {
            Change::Event(event) => Some((event.queue(), event.place())),
            _ => None,
        });
        let first = passed
            .as_ref()
            .map_or(Bound::Unbounded, |(queue, _)| Bound::Included(queue.clone()));
        self.events
            .range((first, Bound::Unbounded))
            .take_while(move |_| place != Ordering::Greater)
            .flat_map(move |(queue, events)| {
                let after = passed.as_ref().filter(|(passed, _)| passed == queue);
                let start = after.map_or(Bound::Unbounded, |(_, place)| Bound::Excluded(*place));
                events.range((start, Bound::Unbounded))
            })
            .map(|(_, event)| Change::Event(Arc::clone(event)))
    }

    /// Each upload before its parts.
    fn uploads_after(&self, place: Ordering, last: Option<&Change>) -> impl Iterator<Item = Change> {
        let passed: Option<UploadId> = last.and_then(|last| match last {
            Change::Upload(upload) => Some(upload.id),
            Change::Part(id, _) => Some(*id),
            _ => None,
        });
        let part = last.and_then(|last| match last {
            Change::Part(_, part) => Some(part.number),
            _ => None,
        });
        let first = passed.map_or(Bound::Unbounded, Bound::Included);
        self.uploads
            .range((first, Bound::Unbounded))
            .take_while(move |_| place != Ordering::Greater)
            .flat_map(move |(id, row)| {
                let begun = passed.as_ref() == Some(id);
                let upload = (!begun).then(|| Change::Upload(row.upload.clone()));
                let after = part.filter(|_| begun).map_or(Bound::Unbounded, Bound::Excluded);
                let parts = row.parts.range((after, Bound::Unbounded));
                upload
                    .into_iter()
                    .chain(parts.map(|(_, part)| Change::Part(*id, Arc::clone(part))))
            })
    }
}

fn key_of_credential(change: Option<&Change>) -> Option<&String> {
    match change? {
        Change::Credential(row) => Some(&row.access_key),
        _ => None,
    }
}

fn kind_of(change: &Change) -> Kind {
    match change {
        Change::Store(_) => Kind::Store,
        Change::MovedStore(_) => Kind::MovedStore,
        Change::Credential(_) | Change::CredentialGone(_) => Kind::Credential,
        Change::Bucket(_) | Change::BucketGone(_) => Kind::Bucket,
        Change::Object(_) | Change::ObjectGone(..) => Kind::Object,
        Change::Version(_) | Change::VersionGone(..) => Kind::Version,
        Change::Upload(_) | Change::UploadGone(_) | Change::Part(..) => Kind::Upload,
        Change::Receipt(_) | Change::ReceiptGone(..) => Kind::Receipt,
        Change::Retired(_) | Change::RetiredGone(_) => Kind::Retired,
        Change::Event(_) | Change::EventGone(..) => Kind::Event,
        Change::EventMark(_) | Change::EventMarkGone(..) => Kind::EventMark,
    }
}

/// What the walk has yet to meet of one kind of rows: all of them if it is before them, those after `key` if it
/// is at them, none if it has passed them.
fn rest<'r, K: Ord, V>(
    rows: &'r BTreeMap<K, V>,
    place: Ordering,
    key: Option<&K>,
) -> impl Iterator<Item = (&'r K, &'r V)> + use<'r, K, V> {
    let start = key.map_or(Bound::Unbounded, Bound::Excluded);
    rows.range((start, Bound::Unbounded))
        .take_while(move |_| place != Ordering::Greater)
}
