//! Edits in a store that changes several rows in one step, but reads them before, and not together with the bucket's row.
//!
//! The rows are read, judged as in every other store, and changed if they still are what was read; what is left to do
//! follows: the bucket is confirmed, and the upload's rows go. A rename's step also writes a note, for deletions of the
//! bucket: see [`super::bucket_deletion`]. A process that dies leaves its note behind, which expires and until then makes a
//! deletion look twice.

use std::time::Duration;

use async_trait::async_trait;

use super::event_rows::events_of;
use super::upload_rows::{StoredReceipt, UploadPlace, UploadRows};
use super::upload_steps::{finish, vouches};
use super::{EventMarks, Met, RowChange, Verdict, Wanted, confirm_commit, judge, wanted_versions};
use crate::model::{Bucket, BucketId, BucketName, CommitId, EventRow, ObjectRecord, Receipt};
use crate::ports::{
    Edit, EditOutcome, EventIndex, HeadEdit, StoreError, StoreErrorKind, StoreResult, back_off,
};

/// How often an edit that meets rows which have just changed looks again.
const ATTEMPTS: u32 = 16;
/// The same of one that keeps versions, or has events: nobody is told that a write which expects nothing has lost a race. It takes
/// some twenty seconds.
const ATTEMPTS_OF_SEVERAL: u32 = 64;

/// How long the note of a rename is kept at least: longer than any request lasts.
pub const RENAME_NOTED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What an edit meets.
#[derive(Debug)]
pub struct BeforeEdit<Seen> {
    /// The creation of the bucket that is there; `None` where it was not read, and is looked at when it matters.
    pub bucket: Option<Option<BucketId>>,
    /// The receipt of the upload that the edit closes, expired or not.
    pub receipt: Option<StoredReceipt>,
    /// The row of the edit's source, of whatever creation of the bucket.
    pub source: Option<ObjectRecord>,
    /// The row under the edit's key, of whatever creation of the bucket.
    pub head: Option<ObjectRecord>,
    /// The places of the last events of the edit's keys, where it has events. Each is expected of the row that it is of
    /// by [`RowChange::EventMark`].
    pub marks: EventMarks,
    /// What the store knows those two rows by.
    pub seen: Seen,
}

/// The rows that edits change. Reads are strongly consistent; each method is one step.
#[async_trait]
pub trait EditRows: UploadRows + EventIndex {
    /// What tells whether two rows, an edit's source and the one under its key, are still those that were read. The default
    /// is that of two rows that are not there.
    type Seen: Default + Send + Sync;

    /// Reads what an edit meets.
    async fn before_edit(&self, edit: &Edit<'_>) -> StoreResult<BeforeEdit<Self::Seen>>;

    /// Reads the versions that are not current which an edit has to know, in any order, with their inline bodies. What
    /// they are known by is added to `seen`.
    async fn read_versions(
        &self,
        edit: &Edit<'_>,
        wanted: &Wanted,
        seen: &mut Self::Seen,
    ) -> StoreResult<Vec<ObjectRecord>>;

    /// Makes all the changes in one step, if all rows that they change are as they were seen, the marks of events as
    /// they are named, and the edit's upload has no receipt. An edit with a source writes the note of a rename in that step. Returns whether it did.
    async fn change_rows(
        &self,
        edit: &Edit<'_>,
        changes: &[RowChange<'_>],
        seen: &Self::Seen,
    ) -> StoreResult<bool>;

    /// Removes the row of an object if that commit wrote it.
    async fn remove_written(&self, bucket: &BucketName, record: &ObjectRecord) -> StoreResult<()>;

    /// Takes the note of a rename back.
    async fn remove_note(&self, bucket: &Bucket, commit: CommitId) -> StoreResult<()>;
}

/// The last try of an edit, which may have been made all the same.
struct Tried {
    /// What it would have answered.
    outcome: EditOutcome,
    /// The events that it would have written.
    events: Vec<EventRow>,
}

impl Tried {
    fn of(changes: &[RowChange<'_>], outcome: EditOutcome) -> Self {
        Self {
            outcome,
            events: events_of(changes),
        }
    }
}

/// [`ObjectIndex::edit`](crate::ports::ObjectIndex::edit) in steps. A row that may well be new is written before anything is
/// read.
pub async fn edit_in_steps<R: EditRows>(rows: &R, edit: &Edit<'_>) -> StoreResult<EditOutcome> {
    let (clock, entropy) = rows.waiting();
    let mut tried: Option<Tried> = None;
    if let Some(creation) = creation(edit) {
        let made = Tried::of(&creation, EditOutcome::Applied { displaced: None });
        if rows.change_rows(edit, &creation, &R::Seen::default()).await? {
            return settle(rows, edit, made.outcome, &made.events).await;
        }
        tried = Some(made);
    }
    let attempts = match edit.is_of_versions() || !edit.events.is_empty() {
        true => ATTEMPTS_OF_SEVERAL,
        false => ATTEMPTS,
    };
    for attempt in 0..attempts {
        back_off(clock, entropy, attempt).await;
        let looked = look(rows, edit, tried.as_ref().map(|tried| &tried.outcome)).await;
        let looked = match &tried {
            None => looked?,
            Some(_) => looked.map_err(StoreError::after_write)?,
        };
        let (changes, outcome, seen) = match looked {
            Looked::Torn => continue,
            Looked::Made => {
                let nothing = || Tried::of(&[], EditOutcome::Applied { displaced: None });
                let made = tried.unwrap_or_else(nothing);
                return settle(rows, edit, made.outcome, &made.events).await;
            }
            Looked::Judged(Verdict::Keep(outcome), _) => return Ok(outcome),
            Looked::Judged(Verdict::Change(changes, outcome), seen) => (changes, outcome, seen),
        };
        let made = Tried::of(&changes, outcome);
        if rows.change_rows(edit, &changes, &seen).await? {
            return settle(rows, edit, made.outcome, &made.events).await;
        }
        tried = Some(made);
    }
    let kind = match tried {
        // The last try may be one that a gateway repeated.
        Some(_) => StoreErrorKind::Timeout,
        None => StoreErrorKind::Throttled,
    };
    Err(StoreError::new(kind, "the rows keep changing"))
}

/// The change of an edit that puts one row and nothing else, and may do so where there is none. One that keeps versions
/// looks first: most of its rows are not new.
fn creation<'a>(edit: &Edit<'a>) -> Option<Vec<RowChange<'a>>> {
    if edit.is_of_versions() {
        return None;
    }
    let met = Met {
        bucket: Some(edit.bucket.id),
        ..Met::default()
    };
    match judge(edit, met) {
        Verdict::Change(changes, _) if matches!(changes[..], [RowChange::Object(_)]) => Some(changes),
        _ => None,
    }
}

/// What an edit meets.
enum Looked<'a, Seen> {
    /// What an earlier try of it has made.
    Made,
    /// Rows that are not of one moment.
    Torn,
    /// Rows, and what is to be done about them.
    Judged(Verdict<'a>, Seen),
}

/// Reads and judges what an edit meets, which was `tried` before. A gateway repeats a write whose answer it lost, and
/// then refuses it for what it wrote itself.
async fn look<'a, R: EditRows>(
    rows: &R,
    edit: &Edit<'a>,
    tried: Option<&EditOutcome>,
) -> StoreResult<Looked<'a, R::Seen>> {
    let mut before = rows.before_edit(edit).await?;
    if let Some(tried) = tried
        && (is_made(edit, &before) || is_made_below(rows, edit, tried, &mut before).await?)
    {
        return Ok(Looked::Made);
    }
    judge_read(rows, edit, before).await
}

/// Whether the last try has made a version that is not current any more.
async fn is_made_below<R: EditRows>(
    rows: &R,
    edit: &Edit<'_>,
    tried: &EditOutcome,
    before: &mut BeforeEdit<R::Seen>,
) -> StoreResult<bool> {
    let EditOutcome::AppliedToVersions(changed) = tried else {
        return Ok(false);
    };
    let (Some(own), Some(written)) = (edit.committed(), &changed.written) else {
        return Ok(false);
    };
    if edit.receipt.is_some() || edit.keeps.is_none() || before.head.is_none() {
        return Ok(false);
    }
    let wanted = Wanted {
        at: vec![written.sequence()],
        newest: 0,
    };
    let found = rows.read_versions(edit, &wanted, &mut before.seen).await?;
    Ok(found.iter().any(|row| row.commit_id == own.commit_id))
}

/// Whether what was read is what the edit makes, and nobody else: its receipt or its commit tells. A row that has become
/// shared is as another edit would have made it.
fn is_made<Seen>(edit: &Edit<'_>, before: &BeforeEdit<Seen>) -> bool {
    match (edit.receipt, edit.committed()) {
        (Some(_), Some(own)) => before
            .receipt
            .as_ref()
            .is_some_and(|stored| stored.receipt.is_of(own.commit_id)),
        (None, Some(own)) => before
            .head
            .as_ref()
            .is_some_and(|row| row.commit_id == own.commit_id),
        (_, None) => false,
    }
}

/// Judges what was read. A bucket that was not read is taken to be there: it is confirmed after the change. It is looked at
/// where the answer may turn on it: one that is gone has no objects, and rows of a creation that is gone are written over.
async fn judge_read<'a, R: EditRows>(
    rows: &R,
    edit: &Edit<'a>,
    before: BeforeEdit<R::Seen>,
) -> StoreResult<Looked<'a, R::Seen>> {
    let own = |row: &ObjectRecord| row.bucket == edit.bucket.id;
    let mut seen = before.seen;
    let wanted = wanted_versions(edit, before.head.as_ref());
    let versions = match wanted.is_nothing() {
        true => Vec::new(),
        false => rows.read_versions(edit, &wanted, &mut seen).await?,
    };
    if !wanted.is_nothing()
        && before
            .head
            .as_ref()
            .is_some_and(|head| !wanted.agrees(&versions, head))
    {
        return Ok(Looked::Torn);
    }
    let read = before.head.as_ref().map(ObjectRecord::tag);
    let misses_some = !wanted.missing_of(&versions).is_empty();
    let stale = before.head.as_ref().is_some_and(|row| !own(row));
    let met = Met {
        bucket: before.bucket.unwrap_or(Some(edit.bucket.id)),
        receipt: before.receipt.map(|stored| stored.receipt),
        source: before.source.filter(own).map(|row| row.tag()),
        head: before.head.map(Box::new),
        versions,
        marks: before.marks,
    };
    let mut verdict = judge(edit, met);
    // A version that was not found where it was looked for may have become current meanwhile. A change is conditional
    // on the head, and this is not.
    if matches!(edit.head, HeadEdit::RemoveVersions(..))
        && matches!(verdict, Verdict::Keep(_))
        && misses_some
        && rows.before_edit(edit).await?.head.as_ref().map(ObjectRecord::tag) != read
    {
        return Ok(Looked::Torn);
    }
    let turns_on_it = match &verdict {
        Verdict::Keep(
            EditOutcome::Refused { .. }
            | EditOutcome::Shared { .. }
            | EditOutcome::Kept { .. }
            | EditOutcome::Unretired { .. },
        ) => true,
        Verdict::Keep(_) => false,
        Verdict::Change(..) => stale,
    };
    if turns_on_it
        && before.bucket.is_none()
        && edit.committed().is_some()
        && !rows.is_current(&edit.bucket.name, edit.bucket.id).await?
    {
        verdict = Verdict::Keep(EditOutcome::NoSuchBucket);
    }
    if let Verdict::Keep(EditOutcome::Closed(earlier)) = &verdict {
        let place = UploadPlace::of_receipt(edit, earlier);
        if !vouches(rows, &place, earlier)
            .await
            .map_err(StoreError::after_write)?
        {
            verdict = Verdict::Keep(EditOutcome::NoSuchBucket);
        }
    }
    Ok(Looked::Judged(verdict, seen))
}

/// What an edit that was written, with these events, comes to in a bucket that may have gone meanwhile.
pub async fn settle<R: EditRows>(
    rows: &R,
    edit: &Edit<'_>,
    outcome: EditOutcome,
    events: &[EventRow],
) -> StoreResult<EditOutcome> {
    let Some(record) = edit.committed() else {
        return Ok(outcome);
    };
    let stands = confirm_record(rows, edit.bucket, record).await?;
    if let Some(receipt) = edit.receipt {
        let place = UploadPlace::of_receipt(edit, receipt);
        let stored = place.stored(&completed(receipt, &outcome));
        if stands {
            finish(rows, &place, &stored).await;
        } else if let Err(error) = rows.remove_receipt(&place, &stored).await {
            tracing::warn!(upload = %place.id, %error, "the receipt of an object in a deleted bucket stays");
        }
    }
    if !stands
        && !events.is_empty()
        && let Err(error) = rows.remove_events(events).await
    {
        tracing::warn!(bucket = %edit.bucket.name, %error, "events of a write into a deleted bucket stay");
    }
    if edit.source.is_some()
        && let Err(error) = rows.remove_note(edit.bucket, record.commit_id).await
    {
        tracing::warn!(bucket = %edit.bucket.name, %error, "the note of a rename stays until it expires");
    }
    Ok(match stands {
        true => outcome,
        false => EditOutcome::NoSuchBucket,
    })
}

/// The receipt as it was written: with the version that the upload became.
fn completed(receipt: &Receipt, made: &EditOutcome) -> Receipt {
    match made {
        EditOutcome::AppliedToVersions(changed) => match &changed.written {
            Some(written) => receipt.naming(written.version_name()),
            None => receipt.clone(),
        },
        _ => receipt.clone(),
    }
}

/// Whether a record that was just written into a bucket stands. Where the bucket has gone meanwhile the row is taken
/// back; one that stays counts as absent. After an error the outcome is unknown.
async fn confirm_record<R: EditRows>(rows: &R, bucket: &Bucket, record: &ObjectRecord) -> StoreResult<bool> {
    let stands = confirm_commit(rows, rows.waiting(), &bucket.name, bucket.id).await;
    if stands.map_err(StoreError::after_write)? {
        return Ok(true);
    }
    if let Err(error) = rows.remove_written(&bucket.name, record).await {
        tracing::warn!(bucket = %bucket.name, %error, "the row of a write into a deleted bucket stays");
    }
    Ok(false)
}
