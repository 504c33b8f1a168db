//! What the store makes of the failures of Cosmos DB and of the way to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bleepstore_azure::cosmos::CosmosMetadata;
use bleepstore_core::model::{Bucket, ErrorCode, ObjectRecord, Receipt, S3Error, WriteCondition};
use bleepstore_core::ports::{Edit, EditOutcome, ObjectIndex, StoreErrorKind, StoreResult};
use bleepstore_tests::clock::SkippingClock;
use bleepstore_tests::emulators::CosmosEmulator;
use bleepstore_tests::emulators::cosmos::{Answer, Fault};
use bleepstore_tests::metadata_conformance::MetadataFixture;
use bleepstore_tests::metadata_conformance::edits::{ANY, applied, only_if, refused, row, shared};
use bleepstore_tests::race::race;
use bleepstore_tests::samples::{NOW, key};

use super::cosmos::{own_metadata, store};

/// A store whose calls can be made to fail, and a bucket that it knows.
struct Faulty {
    emulator: Arc<CosmosEmulator>,
    f: MetadataFixture,
    clock: Arc<SkippingClock>,
    store: Arc<CosmosMetadata>,
    bucket: Bucket,
}

impl Faulty {
    async fn new() -> Self {
        let (emulator, f) = own_metadata().await;
        let clock = Arc::new(SkippingClock::at(NOW));
        let store = store(&emulator, clock.clone()).await;
        let bucket = f.bucket().await;
        emulator.take_calls();
        Self {
            emulator,
            f,
            clock,
            store,
            bucket,
        }
    }

    /// Fails the first `times` calls of that name.
    fn fail(&self, name: &'static str, times: usize, fault: Fault) {
        let mut left = times;
        self.emulator.fail(move |call| {
            let hit = call.name == name && left > 0;
            left -= usize::from(hit);
            hit.then_some(fault)
        });
    }

    async fn put(&self, record: &ObjectRecord) -> StoreResult<EditOutcome> {
        self.store.edit(&Edit::put(&self.bucket, record, ANY)).await
    }

    async fn commit(&self, record: &ObjectRecord) -> Result<EditOutcome, StoreErrorKind> {
        self.put(record).await.map_err(|error| error.kind)
    }

    async fn publish(&self, record: &ObjectRecord, receipt: &Receipt) -> StoreResult<EditOutcome> {
        let publication = Edit::put(&self.bucket, record, ANY).closing(receipt);
        self.store.edit(&publication).await
    }

    fn sent(&self) -> Vec<&'static str> {
        let calls = self.emulator.take_calls();
        calls.iter().map(|call| call.name).collect()
    }

    /// Whether readers see that commit.
    async fn shows(&self, record: &ObjectRecord) -> bool {
        let found = self.f.object(&self.bucket, record.key.as_str()).await;
        found.is_some_and(|found| found.commit_id == record.commit_id)
    }
}

const NEW: EditOutcome = EditOutcome::Applied { displaced: None };

#[tokio::test]
async fn a_throttled_write_waits_as_long_as_it_is_told_and_is_sent_again() {
    let f = Faulty::new().await;
    let record = f.f.samples.record(&f.bucket, "a");
    f.fail("create", 2, Fault::Before(Answer::Status(429, 3200, Some(70))));
    assert_eq!(f.commit(&record).await, Ok(NEW));
    assert_eq!(f.sent(), ["create", "create", "create", "read"]);
    let waits = f.clock.take_waits();
    let told = waits.iter().filter(|wait| **wait == Duration::from_millis(70));
    assert_eq!(told.count(), 2, "{waits:?}");
}

#[tokio::test]
async fn a_store_that_stays_throttled_says_so_and_how_long() {
    let f = Faulty::new().await;
    let record = f.f.samples.record(&f.bucket, "a");
    f.fail("create", 99, Fault::Before(Answer::Status(429, 3200, Some(10))));
    assert_eq!(f.commit(&record).await, Err(StoreErrorKind::Throttled));
    assert_eq!(f.sent(), ["create"; 5]);
    // Longer than a request is to wait.
    f.fail(
        "create",
        99,
        Fault::Before(Answer::Status(429, 3200, Some(2_500))),
    );
    let error = f.put(&record).await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_millis(2_500)));
    assert_eq!(f.sent(), ["create"]);
    let error = S3Error::from(error);
    assert_eq!(error.code, ErrorCode::SlowDown);
    assert_eq!(error.retry_after, Some(Duration::from_millis(2_500)));
    f.emulator.recover();
    assert!(!f.shows(&record).await);
}

#[tokio::test]
async fn a_write_that_met_another_one_is_sent_again() {
    let f = Faulty::new().await;
    let record = f.f.samples.record(&f.bucket, "a");
    f.fail("create", 2, Fault::Before(Answer::Status(449, 0, None)));
    assert_eq!(f.commit(&record).await, Ok(NEW));
    assert_eq!(f.sent(), ["create", "create", "create", "read"]);
}

/// A write whose answer is lost or says nothing is sent once. Whether it took effect is for the caller to find out,
/// by the commit id.
#[tokio::test]
async fn a_write_with_an_unknown_outcome_is_never_sent_again() {
    let f = Faulty::new().await;
    for answer in [
        Answer::HangUp,
        Answer::Status(408, 0, None),
        Answer::Status(500, 0, None),
        Answer::Status(503, 0, None),
        Answer::Status(410, 0, None),
    ] {
        for (fault, took_effect) in [(Fault::Before(answer), false), (Fault::After(answer), true)] {
            let record = f.f.samples.record(&f.bucket, &f.f.samples.unique());
            f.fail("create", 1, fault);
            let outcome = f.commit(&record).await;
            assert_eq!(outcome, Err(StoreErrorKind::Timeout), "{fault:?}");
            assert_eq!(f.sent(), ["create"], "{fault:?}");
            assert_eq!(f.shows(&record).await, took_effect, "{fault:?}");
            f.emulator.recover();
            // What the row is replaced by is not sent again either.
            let next = f.f.samples.record(&f.bucket, record.key.as_str());
            f.f.commit(&f.bucket, &record).await;
            f.fail("replace", 1, fault);
            f.emulator.take_calls();
            let outcome = f.commit(&next).await;
            assert_eq!(outcome, Err(StoreErrorKind::Timeout), "{fault:?}");
            assert_eq!(f.sent(), ["create", "read", "replace"], "{fault:?}");
            assert_eq!(f.shows(&next).await, took_effect, "{fault:?}");
            f.emulator.take_calls();
        }
    }
}

#[tokio::test]
async fn a_read_is_sent_again_until_it_is_answered() {
    let f = Faulty::new().await;
    let record = f.f.put(&f.bucket, "a").await;
    f.emulator.take_calls();
    for answer in [
        Answer::HangUp,
        Answer::Status(429, 3200, Some(1)),
        Answer::Status(449, 0, None),
        Answer::Status(408, 0, None),
        Answer::Status(500, 0, None),
        Answer::Status(503, 0, None),
    ] {
        f.fail("read", 3, Fault::Before(answer));
        let found = f.store.lookup(&f.bucket.name, &key("a")).await.unwrap();
        assert_eq!(found.object.as_ref(), Some(&record), "{answer:?}");
        assert_eq!(f.sent(), ["read"; 5], "{answer:?}");
    }
    for (answer, kind) in [
        (Answer::HangUp, StoreErrorKind::Unavailable),
        (Answer::Status(503, 0, None), StoreErrorKind::Unavailable),
        (Answer::Status(429, 3200, None), StoreErrorKind::Throttled),
        (Answer::Status(401, 0, None), StoreErrorKind::Internal),
    ] {
        f.fail("read", 99, Fault::Before(answer));
        let error = f.store.lookup(&f.bucket.name, &key("a")).await.unwrap_err();
        assert_eq!(error.kind, kind, "{answer:?}");
    }
}

#[tokio::test]
async fn what_fails_after_a_write_leaves_its_outcome_open() {
    let f = Faulty::new().await;
    let record = f.f.samples.record(&f.bucket, "a");
    f.fail("read", 99, Fault::Before(Answer::Status(503, 0, None)));
    assert_eq!(f.commit(&record).await, Err(StoreErrorKind::Timeout));
    f.emulator.recover();
    assert!(f.shows(&record).await);
}

/// The gateway repeats writes by itself: the answer is then about the first try's own row.
#[tokio::test]
async fn a_commit_that_is_refused_for_its_own_row_is_applied() {
    let f = Faulty::new().await;
    let (first, second) = (
        f.f.samples.record(&f.bucket, "a"),
        f.f.samples.record(&f.bucket, "a"),
    );
    f.fail("create", 1, Fault::After(Answer::Status(409, 0, None)));
    assert_eq!(f.commit(&first).await, Ok(NEW));
    f.fail("replace", 1, Fault::After(Answer::Status(412, 0, None)));
    assert_eq!(f.commit(&second).await, Ok(applied(Some(&first))));
    assert!(f.shows(&second).await);
}

/// As above, but another one may have marked the row: who did does not show.
#[tokio::test]
async fn a_mark_that_is_refused_for_its_own_row_tells_that_it_is_marked() {
    let f = Faulty::new().await;
    let record = f.f.put(&f.bucket, "a").await;
    let marked = shared(&record);
    f.fail("replace", 1, Fault::After(Answer::Status(412, 0, None)));
    f.emulator.take_calls();
    let mark = Edit::put(&f.bucket, &marked, row(&record));
    assert_eq!(f.store.edit(&mark).await.unwrap(), refused(Some(&marked)));
    assert_eq!(f.sent(), ["read", "replace", "read"]);
    assert_eq!(f.f.object(&f.bucket, "a").await, Some(marked));
}

#[tokio::test]
async fn a_rename_that_is_refused_for_its_own_rows_is_applied() {
    let f = Faulty::new().await;
    let (old, source) = (f.f.put(&f.bucket, "a").await, f.f.put(&f.bucket, "b").await);
    let renamed = f.f.samples.renamed(&source, "a");
    f.fail("batch", 1, Fault::After(Answer::NotApplied(412, 0)));
    f.emulator.take_calls();
    let rename = Edit::put(&f.bucket, &renamed, ANY).moving(&source);
    assert_eq!(f.store.edit(&rename).await.unwrap(), applied(Some(&old)));
    let reads = ["read"; 3];
    let sent = [&reads[..], &["batch"], &reads, &["read", "delete"]].concat();
    assert_eq!(f.sent(), sent);
    assert!(f.shows(&renamed).await);
}

#[tokio::test]
async fn a_full_partition_and_a_row_that_is_too_large_have_clear_errors() {
    let f = Faulty::new().await;
    let record = f.f.samples.record(&f.bucket, "a");
    f.fail("create", 99, Fault::Before(Answer::Status(403, 1014, None)));
    let error = f.put(&record).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Full);
    assert_eq!(f.sent(), ["create"]);
    let error = S3Error::from(error);
    assert_eq!(error.code, ErrorCode::InvalidBucketState);
    assert_eq!(
        error.message,
        "The metadata store has no room for more objects in this bucket. Delete objects, or use another bucket."
    );
    f.fail("create", 99, Fault::Before(Answer::Status(413, 0, None)));
    assert_eq!(f.commit(&record).await, Err(StoreErrorKind::Internal));
    assert_eq!(f.sent(), ["create"]);
}

/// The service answers such a batch with a status that the SDK takes for a success.
#[tokio::test]
async fn a_batch_that_was_not_applied_is_no_success() {
    let f = Faulty::new().await;
    for (cause, substatus, expected) in [
        (409, 0, Ok(2)),
        (412, 0, Ok(2)),
        (429, 3200, Ok(2)),
        (449, 0, Ok(2)),
        (400, 0, Err(StoreErrorKind::Internal)),
        (413, 0, Err(StoreErrorKind::Internal)),
        (403, 1014, Err(StoreErrorKind::Full)),
    ] {
        let upload = f.f.begin(&f.bucket, &f.f.samples.unique()).await;
        let record = f.f.samples.record(&f.bucket, upload.key.as_str());
        let receipt = f.f.samples.completed(&upload, &record);
        f.fail("batch", 1, Fault::Before(Answer::NotApplied(cause, substatus)));
        f.emulator.take_calls();
        let published = f.publish(&record, &receipt).await;
        let batches = f.sent().into_iter().filter(|name| *name == "batch").count();
        match expected {
            Ok(sent) => {
                assert_eq!(published.unwrap(), NEW, "{cause}");
                assert_eq!(batches, sent, "{cause}");
            }
            Err(kind) => assert_eq!(published.unwrap_err().kind, kind, "{cause}"),
        }
        f.emulator.recover();
        assert_eq!(f.shows(&record).await, expected.is_ok(), "{cause}");
    }
}

#[tokio::test]
async fn a_publish_that_is_refused_for_its_own_rows_is_applied() {
    let f = Faulty::new().await;
    let upload = f.f.begin(&f.bucket, "a").await;
    let record = f.f.samples.record(&f.bucket, "a");
    let receipt = f.f.samples.completed(&upload, &record);
    f.fail("batch", 1, Fault::After(Answer::NotApplied(409, 0)));
    let published = f.publish(&record, &receipt).await;
    assert_eq!(published.unwrap(), NEW);
    assert!(f.shows(&record).await);
}

/// As above, where the row that the batch was refused for cannot be read.
#[tokio::test]
async fn a_publish_that_is_refused_and_cannot_be_looked_for_leaves_its_outcome_open() {
    let f = Faulty::new().await;
    let upload = f.f.begin(&f.bucket, "a").await;
    let record = f.f.samples.record(&f.bucket, "a");
    let receipt = f.f.samples.completed(&upload, &record);
    let mut refused = false;
    f.emulator.fail(move |call| {
        if refused {
            return Some(Fault::Before(Answer::Status(503, 0, None)));
        }
        refused = call.name == "batch";
        refused.then_some(Fault::After(Answer::NotApplied(409, 0)))
    });
    let published = f.publish(&record, &receipt).await;
    assert_eq!(published.unwrap_err().kind, StoreErrorKind::Timeout);
    f.emulator.recover();
    assert!(f.shows(&record).await);
}

#[tokio::test]
async fn a_publish_with_an_unknown_outcome_is_sent_once_and_its_receipt_tells() {
    let f = Faulty::new().await;
    for (fault, took_effect) in [
        (Fault::Before(Answer::HangUp), false),
        (Fault::After(Answer::HangUp), true),
        (Fault::After(Answer::Status(408, 0, None)), true),
    ] {
        let upload = f.f.begin(&f.bucket, &f.f.samples.unique()).await;
        let record = f.f.samples.record(&f.bucket, upload.key.as_str());
        let receipt = f.f.samples.completed(&upload, &record);
        f.fail("batch", 1, fault);
        f.emulator.take_calls();
        let published = f.publish(&record, &receipt).await;
        assert_eq!(published.unwrap_err().kind, StoreErrorKind::Timeout, "{fault:?}");
        assert_eq!(f.sent(), ["read", "read", "read", "batch"], "{fault:?}");
        assert_eq!(f.shows(&record).await, took_effect, "{fault:?}");
        let again = f.publish(&record, &receipt).await;
        let expected = match took_effect {
            true => EditOutcome::Closed(receipt),
            false => NEW,
        };
        assert_eq!(again.unwrap(), expected, "{fault:?}");
    }
}

/// While every third call is throttled or meets another write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_writers_of_an_absent_key_one_wins_while_the_store_is_throttled() {
    let f = Faulty::new().await;
    let count = AtomicUsize::new(0);
    f.emulator
        .fail(move |_| match count.fetch_add(1, Ordering::Relaxed) % 6 {
            2 => Some(Fault::Before(Answer::Status(429, 3200, Some(1)))),
            5 => Some(Fault::Before(Answer::Status(449, 0, None))),
            _ => None,
        });
    let writers = (0..64).map(|_| {
        let (store, bucket) = (Arc::clone(&f.store), f.bucket.clone());
        let record = f.f.samples.record(&bucket, "a");
        async move {
            let put = Edit::put(&bucket, &record, only_if(&WriteCondition::IfAbsent));
            loop {
                match store.edit(&put).await {
                    Ok(outcome) => return (outcome == NEW).then_some(record.commit_id),
                    // Five of its calls in a row met one.
                    Err(error) => assert_eq!(error.kind, StoreErrorKind::Throttled),
                }
            }
        }
    });
    let winners: Vec<_> = race(writers.collect()).await.into_iter().flatten().collect();
    f.emulator.recover();
    assert_eq!(winners.len(), 1);
    let found = f.f.object(&f.bucket, "a").await.unwrap();
    assert_eq!(found.commit_id, winners[0]);
}
