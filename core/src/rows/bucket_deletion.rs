//! Deleting a bucket in a store that cannot look for objects and remove the bucket's row in one step.
//!
//! A deletion marks the row with its token, then looks for objects, then removes the row if the mark is
//! still there. A writer reads the row after its commit and takes off the mark that it finds. If the look
//! missed a commit, that commit came after the mark, so its writer meets the mark and takes it off, or
//! finds the row gone: an acknowledged commit is never in a bucket that is deleted.
//!
//! The look goes from key to key, so it may miss an object that is renamed meanwhile from a key ahead of it to one behind.
//! Every rename leaves a note with the step that moves the object, and takes it back only once it has read the bucket's
//! row. So a deletion that missed the object finds the note after its look, or its own mark taken off.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::model::{Bucket, BucketId, BucketName, BucketState, CommitId, Token};
use crate::ports::{Clock, DeleteBucketOutcome, Entropy, StoreError, StoreErrorKind, StoreResult, back_off};

/// How often a deletion or a writer that loses to others starts over.
const ATTEMPTS: u32 = 16;

/// What such a store can do in one step each. Reads are strongly consistent.
#[async_trait]
pub trait BucketRows: Send + Sync {
    /// The bucket of that name.
    async fn read_bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>>;

    /// Whether there is this creation of the bucket.
    async fn is_current(&self, name: &BucketName, id: BucketId) -> StoreResult<bool> {
        let found = self.read_bucket(name).await?;
        Ok(found.is_some_and(|bucket| bucket.id == id))
    }

    /// Moves the bucket to state `to` if it still is this creation and in state `from`; nothing else of the
    /// row changes. Returns whether it did.
    async fn swap_state(
        &self,
        name: &BucketName,
        id: BucketId,
        from: BucketState,
        to: BucketState,
    ) -> StoreResult<bool>;

    /// Removes the bucket if it still is this creation and carries this mark. Returns whether it did.
    async fn remove_marked(&self, name: &BucketName, id: BucketId, token: Token) -> StoreResult<bool>;

    /// Whether there is an object or a delete marker of this creation.
    async fn holds_objects(&self, name: &BucketName, id: BucketId) -> StoreResult<bool>;

    /// The commits of renames in this creation whose notes are there.
    async fn noted_renames(&self, name: &BucketName, id: BucketId) -> StoreResult<BTreeSet<CommitId>>;
}

/// What a creation of a bucket fails with that met a row of its name, and did not find it any more.
pub fn being_changed() -> StoreError {
    StoreError::new(StoreErrorKind::Throttled, "the bucket was being changed")
}

/// [`BucketIndex::delete_bucket`](crate::ports::BucketIndex::delete_bucket) in steps. One deletion takes over from
/// another. When it fails midway the mark stays; it hinders nobody.
pub async fn delete_in_steps(
    rows: &dyn BucketRows,
    (clock, entropy): (&dyn Clock, &dyn Entropy),
    name: &BucketName,
    id: BucketId,
    token: Token,
) -> StoreResult<DeleteBucketOutcome> {
    let mark = BucketState::Deleting(token);
    // Renames that had happened before the look. Notes of those that were never taken back are no reason to look again.
    let mut renamed = BTreeSet::new();
    for attempt in 0..ATTEMPTS {
        back_off(clock, entropy, attempt).await;
        let Some(bucket) = rows.read_bucket(name).await?.filter(|bucket| bucket.id == id) else {
            return Ok(DeleteBucketOutcome::NoSuchBucket);
        };
        if !rows.swap_state(name, id, bucket.state, mark).await? {
            continue;
        }
        if rows.holds_objects(name, id).await? {
            if let Err(error) = rows.swap_state(name, id, mark, BucketState::Active).await {
                tracing::warn!(bucket = %name, %error, "the mark of a refused deletion stays until the next write");
            }
            return Ok(DeleteBucketOutcome::NotEmpty);
        }
        let noted = rows.noted_renames(name, id).await?;
        if !noted.is_subset(&renamed) {
            renamed = noted;
            continue;
        }
        if rows.remove_marked(name, id, token).await? {
            return Ok(DeleteBucketOutcome::Deleted);
        }
    }
    Err(contended())
}

/// What a writer does between its commit and its answer. Returns whether the commit stands; if not, the
/// bucket is gone and the writer removes its own row.
pub async fn confirm_commit(
    rows: &dyn BucketRows,
    (clock, entropy): (&dyn Clock, &dyn Entropy),
    name: &BucketName,
    id: BucketId,
) -> StoreResult<bool> {
    for attempt in 0..ATTEMPTS {
        back_off(clock, entropy, attempt).await;
        let Some(bucket) = rows.read_bucket(name).await?.filter(|bucket| bucket.id == id) else {
            return Ok(false);
        };
        let stands = match bucket.state {
            BucketState::Active => true,
            mark @ BucketState::Deleting(_) => rows.swap_state(name, id, mark, BucketState::Active).await?,
        };
        if stands {
            return Ok(true);
        }
    }
    Err(contended())
}

fn contended() -> StoreError {
    StoreError::new(StoreErrorKind::Throttled, "others keep changing the bucket")
}
