//! An edit that waits for a writer.

use std::sync::Arc;

use crate::model::{Bucket, CommitId, ObjectKey, ObjectRecord, Receipt, RowTag, WriteCondition};
use crate::ports::{Edit, Expect, HeadEdit, SourceRow};

/// An [`Edit`] that borrows nothing, for stores whose changes are made on another thread.
#[derive(Clone, Debug)]
pub struct OwnedEdit {
    bucket: Bucket,
    expect: OwnedExpect,
    head: OwnedHead,
    source: Option<(ObjectKey, RowTag)>,
    receipt: Option<Receipt>,
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
            },
            source: self
                .source
                .as_ref()
                .map(|(key, tag)| SourceRow { key, tag: *tag }),
            receipt: self.receipt.as_ref(),
        }
    }

    /// The record that it puts, for whoever keeps it: `record`, which is the same, is not copied.
    pub fn shared(&self, record: &ObjectRecord) -> Arc<ObjectRecord> {
        match &self.head {
            OwnedHead::Put(put) => Arc::clone(put),
            OwnedHead::Remove(_) => Arc::new(record.clone()),
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
            },
            source: edit.source.map(|source| (source.key.clone(), source.tag)),
            receipt: edit.receipt.cloned(),
        }
    }
}
