//! An edit that waits for a writer.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{
    Bucket, CommitId, EventRow, ObjectKey, ObjectRecord, Receipt, RowTag, VersionName, Versioning,
    WriteCondition,
};
use crate::ports::{Edit, Expect, HeadEdit, SourceRow};

/// An [`Edit`] that borrows nothing, for stores whose changes are made on another thread.
#[derive(Clone, Debug)]
pub struct OwnedEdit {
    bucket: Bucket,
    expect: OwnedExpect,
    head: OwnedHead,
    source: Option<(ObjectKey, RowTag)>,
    receipt: Option<Receipt>,
    keeps: Option<Versioning>,
    retired: Vec<CommitId>,
    events: Vec<EventRow>,
}

#[derive(Clone, Debug)]
enum OwnedExpect {
    Condition(WriteCondition, Option<CommitId>),
    Row(Option<RowTag>),
}

#[derive(Clone, Debug)]
enum OwnedHead {
    Put(Arc<ObjectRecord>),
    Remove(ObjectKey),
    RemoveVersions(ObjectKey, Vec<VersionName>),
    PutVersion(Arc<ObjectRecord>, Option<RowTag>),
}

impl OwnedEdit {
    /// The edit.
    pub fn edit(&self) -> Edit<'_> {
        Edit {
            bucket: &self.bucket,
            expect: match &self.expect {
                OwnedExpect::Condition(condition, retired) => Expect::Condition {
                    condition,
                    retired: *retired,
                },
                OwnedExpect::Row(tag) => Expect::Row(*tag),
            },
            head: match &self.head {
                OwnedHead::Put(record) => HeadEdit::Put(record),
                OwnedHead::Remove(key) => HeadEdit::Remove(key),
                OwnedHead::RemoveVersions(key, versions) => HeadEdit::RemoveVersions(key, versions),
                OwnedHead::PutVersion(record, over) => HeadEdit::PutVersion(record, *over),
            },
            source: self
                .source
                .as_ref()
                .map(|(key, tag)| SourceRow { key, tag: *tag }),
            receipt: self.receipt.as_ref(),
            keeps: self.keeps,
            retired: &self.retired,
            events: &self.events,
        }
    }

    /// A record that it puts, for whoever keeps it. What the caller of the edit gave is not copied.
    pub fn shared(&self, record: Cow<'_, ObjectRecord>) -> Arc<ObjectRecord> {
        match (&self.head, record) {
            (OwnedHead::Put(put), Cow::Borrowed(_)) => Arc::clone(put),
            (_, record) => Arc::new(record.into_owned()),
        }
    }
}

impl From<&Edit<'_>> for OwnedEdit {
    fn from(edit: &Edit<'_>) -> Self {
        Self {
            bucket: edit.bucket.clone(),
            expect: match edit.expect {
                Expect::Condition { condition, retired } => {
                    OwnedExpect::Condition(condition.clone(), retired)
                }
                Expect::Row(tag) => OwnedExpect::Row(tag),
            },
            head: match edit.head {
                HeadEdit::Put(record) => OwnedHead::Put(Arc::new(record.clone())),
                HeadEdit::Remove(key) => OwnedHead::Remove(key.clone()),
                HeadEdit::RemoveVersions(key, versions) => {
                    OwnedHead::RemoveVersions(key.clone(), versions.to_vec())
                }
                HeadEdit::PutVersion(record, over) => OwnedHead::PutVersion(Arc::new(record.clone()), over),
            },
            source: edit.source.map(|source| (source.key.clone(), source.tag)),
            receipt: edit.receipt.cloned(),
            keeps: edit.keeps,
            retired: edit.retired.to_vec(),
            events: edit.events.to_vec(),
        }
    }
}
