//! What becomes of an edit that keeps versions or removes them.
//!
//! Whatever adds, removes or moves a version writes the head, on what was found there. So the head names the newest
//! version that is not current, and the version `null`, exactly; and two edits of one key that both read it cannot both
//! be made.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{RowChange, Verdict, is_expected};
use crate::model::{
    Manifest, ObjectKey, ObjectRecord, RowTag, Sequence, Version, VersionId, VersionName, Versioning,
};
use crate::ports::{ChangedVersions, Edit, EditOutcome, HeadEdit};

/// The versions that are not current which an edit has to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those at these places.
    pub at: Vec<Sequence>,
    /// The newest, as many as this.
    pub newest: usize,
}

impl Wanted {
    /// The places of which none of these is.
    pub fn missing_of(&self, found: &[ObjectRecord]) -> Vec<Sequence> {
        let is_missing = |place: &&Sequence| found.iter().all(|row| row.sequence() != **place);
        self.at.iter().filter(is_missing).copied().collect()
    }

    /// Whether none has to be read.
    pub fn is_nothing(&self) -> bool {
        self.at.is_empty() && self.newest == 0
    }

    /// Whether these may be the rows that were there beside that head. A store that reads them after it, and not in one
    /// moment with it, may see one of the two as it is now and the other as it was.
    pub(crate) fn agrees(&self, found: &[ObjectRecord], head: &ObjectRecord) -> bool {
        let Version { newest, null, .. } = head.as_version();
        let is_there = |place: Sequence| found.iter().any(|row| row.sequence() == place);
        let named = [newest, null].into_iter().flatten();
        let mut asked = named.filter(|place| self.at.contains(place));
        let first = found.iter().map(ObjectRecord::sequence).max();
        asked.all(is_there) && (self.newest == 0 || first == newest)
    }
}

/// Which versions an edit has to know, where this row is under its key.
pub fn wanted_versions(edit: &Edit<'_>, head: Option<&ObjectRecord>) -> Wanted {
    let Some(head) = head.filter(|row| row.bucket == edit.bucket.id) else {
        return Wanted::default();
    };
    let found = head.as_version();
    match edit.head {
        HeadEdit::Put(_) if edit.keeps == Some(Versioning::Suspended) => Wanted {
            at: found.null.into_iter().collect(),
            newest: 0,
        },
        HeadEdit::Put(_) | HeadEdit::Remove(_) => Wanted::default(),
        HeadEdit::PutVersion(record, _) => Wanted {
            at: vec![record.sequence()],
            newest: 0,
        },
        HeadEdit::RemoveVersions(_, names) => {
            // A version may be named twice, and another id may begin as its does: one row is read and changed once.
            let at: BTreeSet<Sequence> = names
                .iter()
                .filter_map(|name| version_place(*name, head))
                .collect();
            let at: Vec<Sequence> = at.into_iter().collect();
            let moves = names.contains(&head.version_name())
                || found.newest.is_some_and(|newest| at.contains(&newest));
            Wanted {
                newest: if moves { at.len() + 2 } else { 0 },
                at,
            }
        }
    }
}

/// Where the version of that name is among those that are not current; `None` where it is the head, or there is none.
pub fn version_place(name: VersionName, head: &ObjectRecord) -> Option<Sequence> {
    match name {
        _ if name == head.version_name() => None,
        VersionName::Null => head.as_version().null,
        VersionName::Id(id) => Some(id.sequence()),
    }
}

/// Decides, once what is not about versions has been.
pub(super) fn judge<'a>(
    edit: &Edit<'a>,
    head: Option<Box<ObjectRecord>>,
    versions: Vec<ObjectRecord>,
) -> Verdict<'a> {
    match edit.head {
        HeadEdit::Put(record) => put(edit, record, head, versions),
        HeadEdit::RemoveVersions(key, names) => remove(edit, (key, names), head, versions),
        HeadEdit::PutVersion(record, over) => put_version(record, over, head, &versions),
        // No version is kept by leaving nothing: a marker is put.
        HeadEdit::Remove(_) => match head {
            Some(head) => Verdict::Keep(EditOutcome::Kept { head }),
            None => applied(ChangedVersions::default()),
        },
    }
}

/// Puts a new version on top of the others.
fn put<'a>(
    edit: &Edit<'a>,
    record: &'a ObjectRecord,
    head: Option<Box<ObjectRecord>>,
    versions: Vec<ObjectRecord>,
) -> Verdict<'a> {
    if !is_expected(edit.expect, head.as_deref()) {
        return Verdict::Keep(EditOutcome::Refused { head });
    }
    let replaces_null = edit.keeps == Some(Versioning::Suspended);
    let now = Sequence::of_time(record.last_modified);
    let sequence = head.as_ref().map_or(now, |head| head.sequence().next().max(now));
    let id = (!replaces_null).then(|| VersionId::new(sequence, record.commit_id));
    let (mut version, mut gone, mut changes) = (Version::alone(id, sequence), Vec::new(), Vec::new());
    if let Some(head) = head {
        let found = head.as_version();
        if replaces_null && head.version_name() == VersionName::Null {
            version.newest = found.newest;
            gone.push(*head);
        } else {
            version.newest = Some(found.sequence);
            version.null = match head.version_name() {
                VersionName::Null => Some(found.sequence),
                VersionName::Id(_) => found.null,
            };
            if replaces_null && let Some(place) = version.null.take() {
                let row = versions.into_iter().find(|row| row.sequence() == place);
                changes.extend(row.iter().cloned().map(Box::new).map(RowChange::VersionGone));
                gone.extend(row);
            }
            changes.push(RowChange::Version(Cow::Owned(current_no_more(*head)), None));
        }
    }
    if let Some(refused) = unretired(edit, gone.iter().filter(|row| row.shared)) {
        return refused;
    }
    let written = ObjectRecord {
        version: Some(version),
        ..record.clone()
    };
    changes.insert(0, RowChange::Object(Cow::Owned(written.clone())));
    changes.extend(
        edit.receipt
            .map(|receipt| RowChange::Receipt(Cow::Owned(receipt.naming(written.version_name())))),
    );
    let written = Some(written);
    Verdict::Change(changes, outcome(ChangedVersions { written, gone }))
}

/// The row of the head as that of a version which is not current.
fn current_no_more(head: ObjectRecord) -> ObjectRecord {
    ObjectRecord {
        version: Some(head.as_version().moved(None, None)),
        ..head
    }
}

/// Takes versions away, and makes another one current where the head is among them.
fn remove<'a>(
    edit: &Edit<'a>,
    (key, names): (&'a ObjectKey, &[VersionName]),
    head: Option<Box<ObjectRecord>>,
    versions: Vec<ObjectRecord>,
) -> Verdict<'a> {
    let goes = |row: &ObjectRecord| names.contains(&row.version_name());
    let Some(head) = head else {
        return applied(ChangedVersions::default());
    };
    let found = head.as_version();
    let (gone, left): (Vec<ObjectRecord>, Vec<ObjectRecord>) = versions.into_iter().partition(goes);
    let head_goes = goes(&head);
    if !head_goes && gone.is_empty() {
        return applied(ChangedVersions::default());
    }
    let has_gone = |place: &Sequence| gone.iter().any(|row| row.sequence() == *place);
    let null = found.null.filter(|place| !has_gone(place));
    let mut next = left.into_iter();
    let promoted = head_goes.then(|| next.next()).flatten();
    let must_be_retired = gone.iter().chain(head_goes.then_some(head.as_ref()));
    let must_be_retired = must_be_retired.filter(|row| row.shared);
    let moved = promoted
        .iter()
        .filter(|row| !matches!(row.manifest, Manifest::Inline(_)));
    if let Some(refused) = unretired(edit, must_be_retired.chain(moved)) {
        return refused;
    }
    let mut changes = vec![match (&promoted, head_goes) {
        (Some(promoted), _) => {
            let null = null.filter(|place| *place != promoted.sequence());
            let newest = next.next().map(|row| row.sequence());
            RowChange::Object(Cow::Owned(ObjectRecord {
                version: Some(promoted.as_version().moved(newest, null)),
                ..promoted.clone()
            }))
        }
        (None, true) => RowChange::ObjectGone(key),
        (None, false) => {
            let newest = match found.newest {
                Some(newest) if has_gone(&newest) => next.next().map(|row| row.sequence()),
                newest => newest,
            };
            RowChange::Object(Cow::Owned(ObjectRecord {
                version: Some(found.moved(newest, null)),
                ..(*head).clone()
            }))
        }
    }];
    let rows = promoted.into_iter().chain(gone.iter().cloned());
    changes.extend(rows.map(Box::new).map(RowChange::VersionGone));
    let gone = head_goes.then_some(*head).into_iter().chain(gone).collect();
    Verdict::Change(changes, outcome(ChangedVersions { written: None, gone }))
}

/// Changes what is said of a version that is not current, or puts one there that was exported.
fn put_version<'a>(
    record: &'a ObjectRecord,
    over: Option<RowTag>,
    head: Option<Box<ObjectRecord>>,
    versions: &[ObjectRecord],
) -> Verdict<'a> {
    let there = versions.iter().find(|row| row.sequence() == record.sequence());
    let (Some(head), true) = (head, there.map(ObjectRecord::tag) == over) else {
        let head = there.cloned().map(Box::new);
        return Verdict::Keep(EditOutcome::Refused { head });
    };
    let version = record.as_version();
    // What is current is the newest.
    if over.is_none() && version.sequence >= head.sequence() {
        let head = Some(head);
        return Verdict::Keep(EditOutcome::Refused { head });
    }
    let stored = Cow::Owned(ObjectRecord {
        version: Some(Version {
            newest: None,
            null: None,
            ..version
        }),
        ..record.clone()
    });
    let mut changes = vec![RowChange::Version(stored, over)];
    if over.is_none() {
        let found = head.as_version();
        let null = match record.version_name() {
            VersionName::Null => Some(version.sequence),
            VersionName::Id(_) => found.null,
        };
        changes.push(RowChange::Object(Cow::Owned(ObjectRecord {
            version: Some(found.moved(found.newest.max(Some(version.sequence)), null)),
            ..*head
        })));
    }
    let written = Some(record.clone());
    let gone = Vec::new();
    Verdict::Change(changes, outcome(ChangedVersions { written, gone }))
}

fn unretired<'r, 'a>(edit: &Edit<'_>, rows: impl Iterator<Item = &'r ObjectRecord>) -> Option<Verdict<'a>> {
    let rows: Vec<ObjectRecord> = rows
        .filter(|row| !edit.retired.contains(&row.commit_id))
        .cloned()
        .collect();
    (!rows.is_empty()).then_some(Verdict::Keep(EditOutcome::Unretired { rows }))
}

fn outcome(changed: ChangedVersions) -> EditOutcome {
    EditOutcome::AppliedToVersions(Box::new(changed))
}

fn applied<'a>(changed: ChangedVersions) -> Verdict<'a> {
    Verdict::Keep(outcome(changed))
}
