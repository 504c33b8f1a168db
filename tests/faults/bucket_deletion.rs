//! Deletions of buckets in steps, whose look for objects meets a rename.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, BucketId, BucketName, BucketState, CommitId, Token};
use bleepstore_core::ports::{DeleteBucketOutcome, StoreResult};
use bleepstore_core::rows::{BucketRows, delete_in_steps};
use bleepstore_tests::clock::SkippingClock;
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::{NOW, Samples};

/// A bucket whose rows answer as they are told.
struct Rows {
    bucket: Bucket,
    /// What each look for objects finds, in order.
    looks: &'static [bool],
    looked: AtomicUsize,
    /// The notes that are there after each look.
    notes: Vec<BTreeSet<CommitId>>,
}

#[async_trait]
impl BucketRows for Rows {
    async fn read_bucket(&self, _: &BucketName) -> StoreResult<Option<Bucket>> {
        Ok(Some(self.bucket.clone()))
    }

    async fn swap_state(
        &self,
        _: &BucketName,
        _: BucketId,
        _: BucketState,
        _: BucketState,
    ) -> StoreResult<bool> {
        Ok(true)
    }

    async fn remove_marked(&self, _: &BucketName, _: BucketId, _: Token) -> StoreResult<bool> {
        Ok(true)
    }

    async fn holds_objects(&self, _: &BucketName, _: BucketId) -> StoreResult<bool> {
        Ok(self.looks[self.looked.fetch_add(1, Ordering::Relaxed)])
    }

    async fn noted_renames(&self, _: &BucketName, _: BucketId) -> StoreResult<BTreeSet<CommitId>> {
        Ok(self.notes[self.looked.load(Ordering::Relaxed) - 1].clone())
    }
}

/// Deletes a bucket in which the looks find this, and after which the renames with these numbers are noted.
async fn delete(looks: &'static [bool], notes: &[&[u8]]) -> (DeleteBucketOutcome, usize) {
    let samples = Samples::new(SeededEntropy::new(1));
    let commits = |numbers: &&[u8]| numbers.iter().map(|n| CommitId::from_bytes([*n; 16])).collect();
    let rows = Rows {
        bucket: samples.bucket(),
        looks,
        looked: AtomicUsize::new(0),
        notes: notes.iter().map(commits).collect(),
    };
    let waiting = (&SkippingClock::at(NOW) as _, samples.entropy() as _);
    let (name, id) = (&rows.bucket.name, rows.bucket.id);
    let outcome = delete_in_steps(&rows, waiting, name, id, samples.token()).await;
    (outcome.unwrap(), rows.looked.into_inner())
}

#[tokio::test]
async fn a_look_that_missed_an_object_which_was_renamed_is_taken_again() {
    let found = delete(&[false, true], &[&[1]]).await;
    assert_eq!(found, (DeleteBucketOutcome::NotEmpty, 2));
    let found = delete(&[false, false, true], &[&[1], &[1, 2]]).await;
    assert_eq!(found, (DeleteBucketOutcome::NotEmpty, 3));
}

#[tokio::test]
async fn a_note_that_was_left_behind_keeps_no_bucket() {
    let deleted = delete(&[false, false], &[&[1, 2], &[1]]).await;
    assert_eq!(deleted, (DeleteBucketOutcome::Deleted, 2));
    let deleted = delete(&[false], &[&[]]).await;
    assert_eq!(deleted, (DeleteBucketOutcome::Deleted, 1));
}
