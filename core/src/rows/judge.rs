//! What becomes of an edit, decided on the rows that it meets.

mod events;
mod versions;

use std::borrow::Cow;

pub use events::EventMarks;
pub use versions::{Wanted, version_place, wanted_versions};

use crate::model::{BucketId, EventMark, EventRow, ObjectKey, ObjectKind, ObjectRecord, Receipt, RowTag};
use crate::ports::{Edit, EditOutcome, Expect, HeadEdit};

/// What an edit meets. Objects of another creation of the bucket count as absent.
#[derive(Clone, Debug, Default)]
pub struct Met {
    /// The creation of the bucket that is there now. Looked at only by an edit that [commits](Edit::committed).
    pub bucket: Option<BucketId>,
    /// The receipt of the upload that the edit closes, if any.
    pub receipt: Option<Receipt>,
    /// The row of the edit's source, if it has one.
    pub source: Option<RowTag>,
    /// The row under the edit's key; with its inline body where the edit [is of versions](Edit::is_of_versions).
    pub head: Option<Box<ObjectRecord>>,
    /// What there is of the versions that it [has to know](wanted_versions), in any order, with their inline
    /// bodies. Some may be there twice.
    pub versions: Vec<ObjectRecord>,
    /// The places of the last events of the edit's keys. Looked at only by an edit with events.
    pub marks: EventMarks,
}

/// A row that an edit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange<'a> {
    /// The row under its key becomes this one.
    Object(Cow<'a, ObjectRecord>),
    /// The row under this key goes.
    ObjectGone(&'a ObjectKey),
    /// This is a version that is not current, over the row of it with this tag or over none.
    Version(Cow<'a, ObjectRecord>, Option<RowTag>),
    /// This row of a version that is not current goes.
    VersionGone(Box<ObjectRecord>),
    /// This receipt is written.
    Receipt(Cow<'a, Receipt>),
    /// This event is written. No row has its id.
    Event(Box<EventRow>),
    /// This mark is written, over the one with that sequence or over none.
    EventMark(EventMark, Option<u64>),
}

/// What is to be done about an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// These rows change, together and if what was met is still so, and this is the answer.
    Change(Vec<RowChange<'a>>, EditOutcome),
    /// No row changes, and this is the answer.
    Keep(EditOutcome),
}

/// Decides on an edit. The order of the checks: receipt, bucket, source, what is expected, whether what is displaced
/// must be kept as a version, whether a shared row was retired.
pub fn judge<'a>(edit: &Edit<'a>, met: Met) -> Verdict<'a> {
    let marks = met.marks;
    let mut verdict = decide(edit, met);
    if let Verdict::Change(changes, outcome) = &mut verdict {
        changes.extend(events::told(edit, marks, outcome));
    }
    verdict
}

fn decide<'a>(edit: &Edit<'a>, met: Met) -> Verdict<'a> {
    if let Some(earlier) = met.receipt {
        return Verdict::Keep(EditOutcome::Closed(earlier));
    }
    if edit.committed().is_some() && met.bucket != Some(edit.bucket.id) {
        return Verdict::Keep(EditOutcome::NoSuchBucket);
    }
    if let Some(source) = edit.source
        && met.source != Some(source.tag)
    {
        return Verdict::Keep(EditOutcome::SourceChanged);
    }
    let head = met.head.filter(|row| row.bucket == edit.bucket.id);
    if edit.is_of_versions() {
        let mut versions = met.versions;
        versions.retain(|row| row.bucket == edit.bucket.id);
        versions.sort_by_key(|row| row.sequence().inverted());
        versions.dedup_by_key(|row| row.sequence());
        return versions::judge(edit, head, versions);
    }
    if !is_expected(edit.expect, head.as_deref()) {
        return Verdict::Keep(EditOutcome::Refused { head });
    }
    let head = match head {
        Some(head) if is_kept_as_version(edit, &head) => {
            return Verdict::Keep(EditOutcome::Kept { head });
        }
        Some(head) if is_kept_for_others(edit.expect, &head) => {
            return Verdict::Keep(EditOutcome::Shared { head });
        }
        head => head,
    };
    let mut changes: Vec<RowChange<'a>> = match edit.head {
        HeadEdit::Put(record) => vec![RowChange::Object(Cow::Borrowed(record))],
        HeadEdit::Remove(key) if head.is_some() => vec![RowChange::ObjectGone(key)],
        HeadEdit::Remove(_) | HeadEdit::RemoveVersions(..) | HeadEdit::PutVersion(..) => Vec::new(),
    };
    changes.extend(edit.source.map(|source| RowChange::ObjectGone(source.key)));
    changes.extend(
        edit.receipt
            .map(|receipt| RowChange::Receipt(Cow::Borrowed(receipt))),
    );
    if changes.is_empty() {
        Verdict::Keep(EditOutcome::Applied { displaced: None })
    } else {
        Verdict::Change(changes, EditOutcome::Applied { displaced: head })
    }
}

/// Whether what is under the key is what the edit is for.
fn is_expected(expect: Expect<'_>, head: Option<&ObjectRecord>) -> bool {
    match expect {
        Expect::Row(tag) => head.map(ObjectRecord::tag) == tag,
        Expect::Condition { condition, .. } => {
            let current = head.filter(|row| row.kind == ObjectKind::Object);
            condition.holds(current.map(|row| &row.etag))
        }
    }
}

/// Whether the edit keeps no versions, and would displace one.
fn is_kept_as_version(edit: &Edit<'_>, head: &ObjectRecord) -> bool {
    head.is_kept_as_version() && !edit.rewrites().is_some_and(|record| record.is_same_version(head))
}

/// Whether a row is shared, and the edit may not displace it for that.
fn is_kept_for_others(expect: Expect<'_>, head: &ObjectRecord) -> bool {
    match expect {
        Expect::Row(_) => false,
        Expect::Condition { retired, .. } => head.shared && retired != Some(head.commit_id),
    }
}
