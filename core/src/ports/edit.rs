//! One change of what is under a key, whatever the change is.

use crate::model::{
    Bucket, CommitId, EventRow, ObjectKey, ObjectRecord, Receipt, RowTag, VersionName, Versioning,
    WriteCondition,
};

/// A change, and what must be so at the moment it is made.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'a> {
    /// The bucket, as the caller knows it.
    pub bucket: &'a Bucket,
    /// What must be under the key.
    pub expect: Expect<'a>,
    /// What is under the key from then on.
    pub head: HeadEdit<'a>,
    /// A row under another key that goes in the same step: a rename's.
    pub source: Option<SourceRow<'a>>,
    /// A receipt that is written in the same step, upon which the upload is no longer scanned and its parts are no longer
    /// kept. It is refused if the upload has one.
    pub receipt: Option<&'a Receipt>,
    /// Which versions of the key it keeps; `None` for none, as in a bucket that never kept any.
    ///
    /// With `Enabled` what is put becomes the current version, with an id, and what was current stays as a version.
    /// With `Suspended` it becomes the version `null`, and an earlier one of that name goes, current or not; all others
    /// stay. An edit of `None` is refused by a row that [must be kept](ObjectRecord::is_kept_as_version), unless it
    /// rewrites that very version.
    pub keeps: Option<Versioning>,
    /// Rows whose manifests the caller has retired ([`UploadIndex::retire`](super::UploadIndex::retire)). Where
    /// versions are kept or removed, no shared row goes that is not among them, and none becomes current that has
    /// blobs.
    pub retired: &'a [CommitId],
    /// What is told of it, if it changes anything: rows that are written in the same step. Each is about this key, or that
    /// of the source. Their sequences, and the versions that are made by the edit, are decided in that step. What is told
    /// of a version that goes is written where that version was there.
    pub events: &'a [EventRow],
}

/// What must be under a key for an edit to be made.
#[derive(Clone, Copy, Debug)]
pub enum Expect<'a> {
    /// Something of which the condition holds. A delete marker counts as nothing.
    Condition {
        /// The condition.
        condition: &'a WriteCondition,
        /// The commit of a shared row that may be displaced all the same: the caller has retired its manifest
        /// ([`UploadIndex::retire`](super::UploadIndex::retire)). No other shared row is.
        retired: Option<CommitId>,
    },
    /// Exactly the row with this tag, an object's or a delete marker's; `None` for no row at all. Of a shared one the caller
    /// has retired the manifest, or goes on naming it.
    Row(Option<RowTag>),
}

impl Expect<'_> {
    /// Whatever is there, or nothing.
    pub const ANYTHING: Self = Self::Condition {
        condition: &WriteCondition::Any,
        retired: None,
    };
}

/// What becomes of the row under a key.
#[derive(Clone, Copy, Debug)]
pub enum HeadEdit<'a> {
    /// It is this record of the bucket, with its whole inline body, if it has one, also where it only becomes shared. What
    /// is committed has a manifest that keeps to the store's limits.
    Put(&'a ObjectRecord),
    /// There is none.
    Remove(&'a ObjectKey),
    /// It is what is left when these versions of the key are gone, current or not, each of which may be gone already:
    /// the same, or else the newest that is left. Expects nothing.
    RemoveVersions(&'a ObjectKey, &'a [VersionName]),
    /// It stays, and a version that is not current becomes this record: over the row with this tag, or over none.
    /// Expects nothing of the head but, where the version is a new one, that there is one.
    PutVersion(&'a ObjectRecord, Option<RowTag>),
}

/// A row that goes.
#[derive(Clone, Copy, Debug)]
pub struct SourceRow<'a> {
    /// Its key, which is not the edit's.
    pub key: &'a ObjectKey,
    /// What must be there.
    pub tag: RowTag,
}

impl<'a> From<&'a ObjectRecord> for SourceRow<'a> {
    fn from(record: &'a ObjectRecord) -> Self {
        Self {
            key: &record.key,
            tag: record.tag(),
        }
    }
}

impl<'a> Edit<'a> {
    /// Puts a record under its key.
    pub const fn put(bucket: &'a Bucket, record: &'a ObjectRecord, expect: Expect<'a>) -> Self {
        Self {
            bucket,
            expect,
            head: HeadEdit::Put(record),
            source: None,
            receipt: None,
            keeps: None,
            retired: &[],
            events: &[],
        }
    }

    /// Leaves nothing under a key.
    pub const fn remove(bucket: &'a Bucket, key: &'a ObjectKey, expect: Expect<'a>) -> Self {
        Self {
            bucket,
            expect,
            head: HeadEdit::Remove(key),
            source: None,
            receipt: None,
            keeps: None,
            retired: &[],
            events: &[],
        }
    }

    /// Puts a version that is not current.
    pub const fn put_version(bucket: &'a Bucket, record: &'a ObjectRecord, over: Option<RowTag>) -> Self {
        Self {
            head: HeadEdit::PutVersion(record, over),
            ..Self::put(bucket, record, Expect::ANYTHING)
        }
    }

    /// Removes versions.
    pub const fn remove_versions(
        bucket: &'a Bucket,
        key: &'a ObjectKey,
        versions: &'a [VersionName],
        retired: &'a [CommitId],
    ) -> Self {
        Self {
            head: HeadEdit::RemoveVersions(key, versions),
            retired,
            ..Self::remove(bucket, key, Expect::ANYTHING)
        }
    }

    /// The same, for one that commits a record: it also takes away the row of `source`. Whoever finds that gone finds the
    /// edit made.
    pub fn moving(self, source: &'a ObjectRecord) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// The same, for one that commits a record: it also closes an upload.
    pub const fn closing(self, receipt: &'a Receipt) -> Self {
        Self {
            receipt: Some(receipt),
            ..self
        }
    }

    /// The same, and these events with it.
    pub const fn telling(self, events: &'a [EventRow]) -> Self {
        Self { events, ..self }
    }

    /// The key whose row it changes.
    pub const fn key(&self) -> &'a ObjectKey {
        match self.head {
            HeadEdit::Put(record) | HeadEdit::PutVersion(record, _) => &record.key,
            HeadEdit::Remove(key) | HeadEdit::RemoveVersions(key, _) => key,
        }
    }

    /// The record that it makes visible by a commit of its own; `None` for an edit that removes a row, or only marks it. Such
    /// a record needs its bucket.
    pub fn committed(&self) -> Option<&'a ObjectRecord> {
        match (self.head, self.expect) {
            (HeadEdit::Put(record), Expect::Row(Some(tag))) if tag.commit_id == record.commit_id => None,
            (HeadEdit::Put(record), _) | (HeadEdit::PutVersion(record, None), _) => Some(record),
            (HeadEdit::Remove(_) | HeadEdit::RemoveVersions(..) | HeadEdit::PutVersion(_, Some(_)), _) => {
                None
            }
        }
    }

    /// Whether it changes nothing but what is under its key.
    pub const fn is_of_one_key(&self) -> bool {
        self.source.is_none() && self.receipt.is_none() && self.events.is_empty()
    }

    /// Whether it may concern other rows of its key than the one under it.
    pub const fn is_of_versions(&self) -> bool {
        self.keeps.is_some() || matches!(self.head, HeadEdit::RemoveVersions(..) | HeadEdit::PutVersion(..))
    }

    /// Whether it may put the current version in the place of itself, and of no other.
    pub fn rewrites(&self) -> Option<&'a ObjectRecord> {
        match (self.keeps, self.head) {
            (None, HeadEdit::Put(record)) => Some(record).filter(|record| record.version.is_some()),
            _ => None,
        }
    }
}

/// What became of an edit. Unless it was applied, nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditOutcome {
    /// It was made.
    Applied {
        /// The row that was under the key, a delete marker's too, with an inline body left out (an empty
        /// [`Manifest::Inline`](crate::model::Manifest::Inline)) or included, as the store likes; `None` when there was none.
        displaced: Option<Box<ObjectRecord>>,
    },
    /// What is under the key is not what was expected.
    Refused {
        /// The row that is there, as in [`Self::Applied`].
        head: Option<Box<ObjectRecord>>,
    },
    /// The condition holds, of a row that is shared and is not `retired`. Retire it and try again.
    Shared {
        /// The row that is there, as in [`Self::Applied`].
        head: Box<ObjectRecord>,
    },
    /// It was made, and kept or removed versions.
    AppliedToVersions(Box<ChangedVersions>),
    /// It keeps no versions, and what is under the key must be kept as one. The bucket keeps versions by now.
    Kept {
        /// The row that is there, as in [`Self::Applied`].
        head: Box<ObjectRecord>,
    },
    /// These rows would go, or become current, and their manifests are not retired.
    Unretired {
        /// Whole rows, but perhaps for their inline bodies.
        rows: Vec<ObjectRecord>,
    },
    /// The source's row is another by now, or none.
    SourceChanged,
    /// The upload has this receipt already.
    Closed(Receipt),
    /// The bucket is gone, or is another creation by now.
    NoSuchBucket,
}

/// What an edit did that kept or removed versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedVersions {
    /// The record that was put, as it became a version.
    pub written: Option<ObjectRecord>,
    /// The rows that are gone, newest first, with inline bodies left out or included.
    pub gone: Vec<ObjectRecord>,
}
