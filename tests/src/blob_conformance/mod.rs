//! What every blob store must do: one rule, one test, the same list for every implementation.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::{BlobId, BlobRef, BucketId, S3Error, Timestamp};
use bleepstore_core::ports::{
    BlobEntry, BlobRead, BlobStore, BlobStream, BodyStream, Clock, Entropy, StoreError, WriteError,
};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::entropy::SeededEntropy;
use crate::samples::Samples;

pub mod reading;
pub mod scans;
pub mod writing;

/// A blob store to test. Rules write for fresh bucket ids, so that many of them can share one store.
pub struct BlobFixture {
    /// The store.
    pub store: Arc<dyn BlobStore>,
    /// Names and bytes.
    pub samples: Samples,
    clock: Arc<dyn Clock>,
    clock_slack: Duration,
    exclusive: bool,
    _resources: Box<dyn Any + Send + Sync>,
}

impl BlobFixture {
    /// A store that was empty, that nothing else uses, and that dates blobs by `clock`.
    pub fn new(store: Arc<dyn BlobStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            samples: Samples::new(SeededEntropy::unpredictable()),
            clock,
            clock_slack: Duration::ZERO,
            exclusive: true,
            _resources: Box::new(()),
        }
    }

    /// Says that the store's clock is not quite `clock`, or coarser.
    pub fn with_clock_slack(mut self, slack: Duration) -> Self {
        self.clock_slack = slack;
        self
    }

    /// Says that others use the store too. Rules about its one owner record and about a scan of all of it
    /// are then left out.
    pub fn in_a_shared_store(mut self) -> Self {
        self.exclusive = false;
        self
    }

    /// Keeps something, such as a temporary folder, until the test is over.
    pub fn holding(mut self, resources: impl Any + Send + Sync) -> Self {
        self._resources = Box::new(resources);
        self
    }

    /// The name of a blob in a bucket that nothing was written for yet.
    pub fn fresh(&self) -> BlobRef {
        self.samples.blob(self.samples.id(BucketId::from_bytes))
    }

    /// Bytes without a pattern.
    pub fn bytes(&self, length: usize) -> Bytes {
        let mut bytes = vec![0; length];
        self.samples.entropy().fill(&mut bytes);
        Bytes::from(bytes)
    }

    /// Writes a blob whole.
    pub async fn write(&self, blob: &BlobRef, bytes: &Bytes) {
        let length = bytes.len() as u64;
        let written = self
            .store
            .write(blob, body([Ok(bytes.clone())]), Some(length))
            .await
            .unwrap();
        assert_eq!(written, length);
    }

    /// Reads a range of a blob; `None` when there is no such blob.
    pub async fn read(&self, blob: &BlobRef, range: Range<u64>) -> Option<Bytes> {
        match self.store.read(blob, range).await.unwrap() {
            BlobRead::Found(stream) => Some(collect(stream).await.unwrap()),
            BlobRead::Missing => None,
        }
    }

    /// All blobs of one bucket, read in pages.
    pub async fn scan(&self, bucket: BucketId, limit: usize) -> Vec<BlobEntry> {
        let mut found: Vec<BlobEntry> = Vec::new();
        // No blob has this name: names are random.
        let mut after = Some(BlobRef {
            bucket,
            blob: BlobId::from_bytes([0; 16]),
        });
        while let Some(last) = after.filter(|last| last.bucket == bucket) {
            let page = self.store.scan(Some(&last), limit).await.unwrap();
            assert!(page.blobs.len() <= limit);
            assert!(page.blobs.iter().all(|entry| entry.blob > last), "a scan goes on");
            found.extend(page.blobs);
            after = page.next;
        }
        found.retain(|entry| entry.blob.bucket == bucket);
        found
    }

    /// That a blob can neither be read nor is scanned.
    pub async fn assert_absent(&self, blob: &BlobRef) {
        assert_eq!(self.read(blob, 0..1).await, None);
        assert_eq!(self.scan(blob.bucket, 1000).await, []);
    }

    /// That all calls of a store fail, where what it keeps blobs in is not there, and nothing looks missing.
    pub async fn assert_unusable(&self, store: &dyn BlobStore) {
        let (blob, other) = (self.fresh(), self.fresh());
        assert!(store.read(&blob, 0..1).await.is_err());
        assert!(store.owner().await.is_err() && store.scan(None, 1).await.is_err());
        for length in [1, 9 << 20] {
            let written = store.write(&blob, body([Ok(self.bytes(length))]), None).await;
            assert!(matches!(written, Err(WriteError::Store(_))), "{written:?}");
        }
        for blobs in [&[blob][..], &[blob, other]] {
            let outcomes = store.delete(blobs).await;
            assert_eq!(outcomes.len(), blobs.len());
            assert!(outcomes.iter().all(|outcome| outcome.result.is_err()));
        }
    }

    /// That of `count` deletions at once each has an outcome, though only one of the blobs was there.
    pub async fn assert_outcome_of_each_deletion(&self, count: usize) {
        let bucket = self.fresh().bucket;
        let mut blobs: Vec<BlobRef> = (0..count).map(|_| self.samples.blob(bucket)).collect();
        blobs.sort();
        self.write(&blobs[count - 1], &Bytes::from("x")).await;
        let outcomes = self.store.delete(&blobs).await;
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
        let mut named: Vec<BlobRef> = outcomes.iter().map(|outcome| outcome.blob).collect();
        named.sort();
        assert_eq!(named, blobs);
        assert_eq!(self.scan(bucket, 10).await, []);
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl fmt::Debug for BlobFixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobFixture")
            .field("exclusive", &self.exclusive)
            .finish_non_exhaustive()
    }
}

/// A body of these pieces.
pub fn body(
    pieces: impl IntoIterator<Item = Result<Bytes, S3Error>, IntoIter: Send + 'static>,
) -> BodyStream {
    stream::iter(pieces).boxed()
}

/// All bytes of a stream.
pub async fn collect(stream: BlobStream) -> Result<Bytes, StoreError> {
    let bytes: Vec<u8> = stream
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await?;
    Ok(bytes.into())
}

/// The error of a body that failed.
fn body_error(result: Result<u64, WriteError>) -> S3Error {
    match result {
        Err(WriteError::Body(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Runs every rule of the blob port. `factory` is an `async fn() -> BlobFixture`.
#[macro_export]
macro_rules! blob_conformance {
    ($factory:path) => {
        $crate::conformance_suite! { blob_conformance, $factory, $crate::suite::nothing_left_out;
            writing:
                bodies_of_any_length_come_back
                a_long_body_comes_back
                a_long_body_that_fails_at_its_end_leaves_nothing
                the_body_decides_the_length_not_the_hint
                nothing_is_seen_of_a_blob_before_it_is_whole
                a_body_that_fails_midway_leaves_nothing
                a_body_that_fails_at_once_leaves_nothing
                a_write_that_is_dropped_leaves_nothing
                writers_do_not_disturb_each_other
                blobs_are_told_apart_by_bucket_and_by_id;
            reading:
                a_range_gives_its_bytes_and_no_others
                a_missing_blob_is_missing
                readers_do_not_disturb_each_other
                a_deleted_blob_is_missing
                deleting_is_idempotent_with_an_outcome_per_blob
                deleting_nothing_has_no_outcomes
                a_blob_deleted_while_it_is_read_never_reads_short;
            scans:
                a_scan_shows_length_and_time
                a_scan_is_ordered_by_bucket_and_id
                pages_of_blobs_have_no_gap_or_repeat_while_writes_go_on
                a_new_store_has_no_blobs_and_no_owner
                the_last_owner_record_is_kept_and_is_no_blob;
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_is_in_the_list() {
        crate::suite::assert_all_listed(
            include_str!("mod.rs"),
            &[
                include_str!("writing.rs"),
                include_str!("reading.rs"),
                include_str!("scans.rs"),
            ],
        );
    }
}
