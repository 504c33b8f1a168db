//! Renaming an object in a store that changes both of its rows in one step, but not with the bucket's row.
//!
//! The rows are read, judged as every other store judges them, and changed if they still are what was read. The same step
//! writes a note, for deletions of the bucket: see [`super::bucket_deletion`]. A process that dies leaves its note behind, which
//! expires and until then makes a deletion look twice.

use std::time::Duration;

use async_trait::async_trait;

use super::{UploadRows, behind_write, check_replacement, confirm_record, is_unchanged};
use crate::model::{Bucket, CommitId, ObjectRecord, WriteCondition};
use crate::ports::{CommitOutcome, RenameOutcome, StoreError, StoreErrorKind, StoreResult, back_off};

/// How often a rename that meets a row which has just changed looks again.
const ATTEMPTS: u32 = 16;

/// How long the note of a rename is kept at least: longer than any request lasts.
pub const RENAME_NOTED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What [`ObjectIndex::rename`](super::ObjectIndex::rename) is asked.
#[derive(Clone, Copy, Debug)]
pub struct Rename<'a> {
    /// The bucket, as the caller knows it.
    pub bucket: &'a Bucket,
    /// The record that goes, as the caller read it.
    pub source: &'a ObjectRecord,
    /// What readers will see.
    pub record: &'a ObjectRecord,
    /// What must hold of the row that it replaces.
    pub condition: &'a WriteCondition,
    /// The shared record that the caller has retired.
    pub retired: Option<CommitId>,
}

/// A row under a key.
#[derive(Clone, Debug)]
pub struct SeenRow<Seen> {
    /// What it holds, of whatever creation of the bucket.
    pub record: Option<ObjectRecord>,
    /// What the store knows it by.
    pub seen: Seen,
}

/// What a rename looks at.
#[derive(Clone, Debug)]
pub struct BeforeRename<Seen> {
    /// The bucket of that name.
    pub bucket: Option<Bucket>,
    /// The row that will go.
    pub source: SeenRow<Seen>,
    /// The row that will be replaced.
    pub destination: SeenRow<Seen>,
}

/// The rows of a rename. Reads are strongly consistent; each method is one step.
#[async_trait]
pub trait RenameRows: UploadRows {
    /// Reads what a rename looks at.
    async fn before_rename(&self, what: &Rename<'_>) -> StoreResult<BeforeRename<Self::Seen>>;

    /// Removes the source's row, writes the record and notes the rename in one step, if both rows are as they were seen.
    /// Returns whether it did.
    async fn put_renamed(&self, what: &Rename<'_>, before: &BeforeRename<Self::Seen>) -> StoreResult<bool>;

    /// Takes the note of a rename back.
    async fn remove_note(&self, what: &Rename<'_>) -> StoreResult<()>;
}

/// [`ObjectIndex::rename`](super::ObjectIndex::rename) in steps.
pub async fn rename_in_steps<R: RenameRows>(rows: &R, what: &Rename<'_>) -> StoreResult<RenameOutcome> {
    let (clock, entropy) = rows.waiting();
    // What the last try would have replaced.
    let mut tried: Option<Option<ObjectRecord>> = None;
    for attempt in 0..ATTEMPTS {
        back_off(clock, entropy, attempt).await;
        let read = rows.before_rename(what).await;
        let before = match &tried {
            None => read?,
            Some(_) => read.map_err(behind_write)?,
        };
        // A gateway that repeats a write whose answer it lost refuses it then for what it wrote itself.
        let written = before.destination.record.as_ref();
        if written.is_some_and(|row| row.commit_id == what.record.commit_id) {
            return settle(rows, what, tried.flatten()).await;
        }
        if before
            .bucket
            .as_ref()
            .is_none_or(|found| found.id != what.bucket.id)
        {
            return Ok(RenameOutcome::Destination(CommitOutcome::NoSuchBucket));
        }
        let own = |row: &SeenRow<R::Seen>| row.record.clone().filter(|row| row.bucket == what.bucket.id);
        if !is_unchanged(own(&before.source).as_ref(), what.source) {
            return Ok(RenameOutcome::SourceChanged);
        }
        let superseded = own(&before.destination);
        if let Err(refusal) = check_replacement(superseded.as_ref(), what.condition, what.retired) {
            return Ok(RenameOutcome::Destination(refusal.into()));
        }
        if rows.put_renamed(what, &before).await? {
            return settle(rows, what, superseded).await;
        }
        tried = Some(superseded);
    }
    Err(StoreError::new(
        StoreErrorKind::Throttled,
        "the objects keep changing",
    ))
}

/// What a rename that was made comes to, in a bucket that may have gone meanwhile.
async fn settle<R: RenameRows>(
    rows: &R,
    what: &Rename<'_>,
    superseded: Option<ObjectRecord>,
) -> StoreResult<RenameOutcome> {
    let stands = confirm_record(rows, what.bucket, what.record).await?;
    if let Err(error) = rows.remove_note(what).await {
        tracing::warn!(bucket = %what.bucket.name, %error, "the note of a rename stays until it expires");
    }
    Ok(RenameOutcome::Destination(if stands {
        CommitOutcome::Committed { superseded }
    } else {
        CommitOutcome::NoSuchBucket
    }))
}
