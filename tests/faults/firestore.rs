//! Firestore's calls that fail on their way: what is sent again, and what is told of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::memory::MemoryBlobs;
use bleepstore_core::model::{Bucket, ErrorCode, ObjectRecord, Timestamp, WriteCondition};
use bleepstore_core::ports::{
    BucketIndex, Clock, Edit, EditOutcome, Expect, ObjectIndex, StoreErrorKind, StoreResult, UploadIndex,
};
use bleepstore_gcp::firestore::FirestoreMetadata;
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::Deployment;
use bleepstore_tests::emulators::{
    Fate, FirestoreEmulator, GrpcFront, GrpcStatus, firestore_store, unused_project,
};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::{NOW, Samples, key};

use super::{NEW, OLD, code};

const READ: &str = "BatchGetDocuments";
const COMMIT: &str = "Commit";
const ROLLBACK: &str = "Rollback";

/// Notes how long it was asked to wait, and does not wait.
#[derive(Default)]
struct Waits(Mutex<Vec<Duration>>);

#[async_trait]
impl Clock for Waits {
    fn now(&self) -> Timestamp {
        NOW
    }

    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
        tokio::task::yield_now().await;
    }
}

/// A store whose calls pass a front, with a bucket, and the calls so far forgotten.
struct Fronted {
    front: GrpcFront,
    store: Arc<FirestoreMetadata>,
    waits: Arc<Waits>,
    samples: Samples,
    bucket: Bucket,
}

impl Fronted {
    async fn new() -> Self {
        let front = GrpcFront::before(FirestoreEmulator::shared().address())
            .await
            .unwrap();
        let waits = Arc::new(Waits::default());
        let store = firestore_store(&front.endpoint(), &unused_project(), waits.clone()).await;
        let samples = Samples::new(SeededEntropy::unpredictable());
        let bucket = samples.bucket();
        store.create_bucket(&bucket).await.unwrap();
        front.take_calls();
        Self {
            front,
            store: Arc::new(store),
            waits,
            samples,
            bucket,
        }
    }

    /// The first `times` calls of a method fare like this, all others pass.
    fn fail(&self, method: &'static str, times: usize, fate: Fate) {
        let mut left = times;
        self.front.decide_by(move |called| {
            if called == method && left > 0 {
                left -= 1;
                fate
            } else {
                Fate::Pass
            }
        });
    }

    fn record(&self) -> ObjectRecord {
        self.samples.record(&self.bucket, "a")
    }

    async fn commit(&self, record: &ObjectRecord, condition: &WriteCondition) -> StoreResult<EditOutcome> {
        let put = Edit::put(&self.bucket, record, unshared(condition));
        self.store.edit(&put).await
    }

    /// What is stored, without anything in the way.
    async fn stored(&self) -> Option<ObjectRecord> {
        self.front.decide_by(|_| Fate::Pass);
        let found = self.store.lookup(&self.bucket.name, &key("a")).await;
        found.unwrap().object
    }
}

/// What an edit expects that would displace no shared row.
fn unshared(condition: &WriteCondition) -> Expect<'_> {
    Expect::Condition {
        condition,
        retired: None,
    }
}

const COMMITTED: EditOutcome = EditOutcome::Applied { displaced: None };

#[tokio::test]
async fn a_commit_that_was_certainly_not_applied_starts_again_from_its_reads() {
    for status in [GrpcStatus::ABORTED, GrpcStatus::RESOURCE_EXHAUSTED] {
        let f = Fronted::new().await;
        f.fail(COMMIT, 3, Fate::Refuse(status));
        let record = f.record();
        let committed = f.commit(&record, &WriteCondition::IfAbsent).await;
        assert_eq!(committed.unwrap(), COMMITTED);
        let calls = f.front.take_calls();
        let made = |method: &str| calls.iter().filter(|call| *call == method).count();
        assert_eq!((made(READ), made(COMMIT)), (4, 4), "{status:?}");
        assert_eq!(f.stored().await, Some(record));
    }
}

#[tokio::test]
async fn a_storm_of_aborted_commits_ends_with_backing_off_and_changes_nothing() {
    let f = Fronted::new().await;
    f.fail(COMMIT, usize::MAX, Fate::Refuse(GrpcStatus::ABORTED));
    let error = f.commit(&f.record(), &WriteCondition::Any).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Throttled);
    let commits = f
        .front
        .take_calls()
        .into_iter()
        .filter(|call| call == COMMIT)
        .count();
    assert_eq!(commits, 40);
    let waits = f.waits.0.lock().unwrap().clone();
    assert_eq!(waits.len(), 38, "all but the first two tries wait");
    assert!(
        waits.iter().all(|wait| *wait <= Duration::from_millis(640)),
        "{waits:?}"
    );
    assert!(waits.windows(2).any(|two| two[0] != two[1]), "{waits:?}");
    assert_eq!(f.stored().await, None);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_told_as_unknown_and_never_sent_again() {
    for status in [GrpcStatus::UNAVAILABLE, GrpcStatus::DEADLINE_EXCEEDED] {
        let f = Fronted::new().await;
        f.fail(COMMIT, 1, Fate::LoseAnswer(status));
        let record = f.record();
        let error = f.commit(&record, &WriteCondition::Any).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Timeout);
        assert_eq!(f.front.take_calls(), [READ, COMMIT, ROLLBACK]);
        assert_eq!(f.stored().await, Some(record), "the commit id says whose it is");
    }
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_told_as_unknown_when_only_its_status_says_so() {
    let f = Fronted::new().await;
    f.fail(COMMIT, 1, Fate::Refuse(GrpcStatus::UNAVAILABLE));
    let error = f.commit(&f.record(), &WriteCondition::Any).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Timeout);
    assert_eq!(f.front.take_calls(), [READ, COMMIT, ROLLBACK]);
    assert_eq!(f.stored().await, None);
}

#[tokio::test]
async fn a_condition_that_fails_is_an_outcome_and_not_a_conflict() {
    let f = Fronted::new().await;
    let first = f.record();
    f.commit(&first, &WriteCondition::Any).await.unwrap();
    f.front.take_calls();
    let refused = f.commit(&f.record(), &WriteCondition::IfAbsent).await.unwrap();
    let head = Some(Box::new(first));
    assert_eq!(refused, EditOutcome::Refused { head });
    assert_eq!(f.front.take_calls(), [READ, ROLLBACK]);
}

#[tokio::test]
async fn a_read_is_tried_again_a_few_times() {
    let f = Fronted::new().await;
    for status in [
        GrpcStatus::UNAVAILABLE,
        GrpcStatus::ABORTED,
        GrpcStatus::DEADLINE_EXCEEDED,
    ] {
        f.fail(READ, 3, Fate::Refuse(status));
        assert_eq!(
            f.store.bucket(&f.bucket.name).await.unwrap(),
            Some(f.bucket.clone())
        );
        assert_eq!(f.front.take_calls(), [READ; 4]);
    }
    f.fail(READ, usize::MAX, Fate::Refuse(GrpcStatus::UNAVAILABLE));
    let error = f.store.bucket(&f.bucket.name).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    assert_eq!(f.front.take_calls(), [READ; 4]);
}

#[tokio::test]
async fn a_publication_whose_answer_was_lost_is_found_by_its_receipt() {
    let f = Fronted::new().await;
    let upload = f.samples.upload(&f.bucket, "a");
    assert!(f.store.begin_upload(&upload).await.unwrap());
    let record = f.record();
    let receipt = f.samples.completed(&upload, &record);
    f.fail(COMMIT, 1, Fate::LoseAnswer(GrpcStatus::UNAVAILABLE));
    let publish = Edit::put(&f.bucket, &record, unshared(&WriteCondition::Any)).closing(&receipt);
    let published = f.store.edit(&publish).await;
    assert_eq!(published.unwrap_err().kind, StoreErrorKind::Timeout);
    assert_eq!(f.stored().await, Some(record));
    let found = f
        .store
        .receipt(&f.bucket, &key("a"), upload.id, NOW)
        .await
        .unwrap();
    assert_eq!(found, Some(receipt));
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_changes_nothing() {
    let f = Fronted::new().await;
    drop(f.front);
    let record = f.samples.record(&f.bucket, "a");
    let put = Edit::put(&f.bucket, &record, unshared(&WriteCondition::Any));
    let committed = f.store.edit(&put).await;
    assert_eq!(committed.unwrap_err().kind, StoreErrorKind::Unavailable);
}

/// Operations over a store whose calls pass a front.
async fn deployment() -> (GrpcFront, Deployment) {
    let f = Fronted::new().await;
    let clock = Arc::new(ManualClock::at(NOW));
    let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
    let deployment = Deployment::over(f.store, blobs, clock, Arc::new(PassThrough)).await;
    deployment.create_bucket("bucket").await.unwrap();
    deployment.put("bucket", "a", OLD).await.unwrap();
    (f.front, deployment)
}

fn first_commit(fate: Fate) -> impl FnMut(&str) -> Fate + Send + 'static {
    let mut met = false;
    move |method| {
        let first = method == COMMIT && !met;
        met |= first;
        if first { fate } else { Fate::Pass }
    }
}

#[tokio::test]
async fn a_put_that_was_applied_though_its_answer_was_lost_succeeds_and_one_that_was_not_fails() {
    let (front, deployment) = deployment().await;
    front.decide_by(first_commit(Fate::Refuse(GrpcStatus::UNAVAILABLE)));
    let lost = deployment.put("bucket", "a", NEW).await;
    assert_eq!(code(lost), ErrorCode::ServiceUnavailable);
    assert_eq!(deployment.get("bucket", "a").await.unwrap(), OLD);
    front.decide_by(first_commit(Fate::LoseAnswer(GrpcStatus::UNAVAILABLE)));
    deployment.put("bucket", "a", NEW).await.unwrap();
    assert_eq!(deployment.get("bucket", "a").await.unwrap(), NEW);
}
