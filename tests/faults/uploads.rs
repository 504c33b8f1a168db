//! Multipart uploads that crash, fail, or meet other requests, at every step of their completion.

use bleepstore_core::model::{ETag, ErrorCode, S3Error, UploadId};
use bleepstore_core::ops::CompletedUpload;
use bleepstore_core::ports::StoreErrorKind;
use bleepstore_tests::decorators::{Gate, Held, Verdict};
use bleepstore_tests::deployment::incoming;
use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{NEW, OLD, Two, code};

const PLACE: (&str, &str) = ("bucket", "a");

/// The steps of a completion.
const STEPS: [&str; 4] = ["lookup_upload", "begin_complete", "scan_parts", "edit"];

/// Every point at which a completion can be held: before and after each of its steps.
fn holds() -> impl Iterator<Item = (&'static str, bool)> {
    STEPS.into_iter().flat_map(|step| [(step, false), (step, true)])
}

fn hold(gate: &Gate, (step, after): (&'static str, bool)) -> Held {
    if after {
        gate.hold_answer(step)
    } else {
        gate.hold(step)
    }
}

/// An upload of one part.
struct Begun {
    id: UploadId,
    parts: Vec<(u64, ETag)>,
}

impl Begun {
    async fn new(two: &Two) -> Self {
        let id = two.other.begin("bucket", "a").await.unwrap();
        let body = incoming(Bytes::from_static(NEW));
        let part = two.other.part(PLACE, id, 1, body).await.unwrap();
        Self {
            id,
            parts: vec![(1, part.etag)],
        }
    }

    fn start_completing(&self, two: &Two) -> JoinHandle<Result<CompletedUpload, S3Error>> {
        let (id, parts) = (self.id, self.parts.clone());
        two.start(async move |store| store.complete(PLACE, id, &parts).await)
    }

    async fn complete(&self, two: &Two) -> Result<CompletedUpload, S3Error> {
        two.other.complete(PLACE, self.id, &self.parts).await
    }
}

/// What completing [`Begun`] answers when nothing goes wrong.
async fn undisturbed() -> CompletedUpload {
    let (two, _) = Two::with_gate().await;
    let upload = Begun::new(&two).await;
    upload.complete(&two).await.unwrap()
}

#[tokio::test]
async fn a_completion_whose_publish_was_applied_though_its_answer_was_lost_succeeds() {
    let two = Two::with_fault("edit", Verdict::LoseAnswer).await;
    let upload = Begun::new(&two).await;
    let completed = two.disturbed.complete(PLACE, upload.id, &upload.parts).await;
    assert_eq!(completed.unwrap(), undisturbed().await);
    two.assert_object(NEW).await;
}

#[tokio::test]
async fn a_completion_whose_publish_was_not_applied_fails_and_can_be_sent_again() {
    let failures = [
        (StoreErrorKind::Timeout, ErrorCode::ServiceUnavailable),
        (StoreErrorKind::Throttled, ErrorCode::SlowDown),
    ];
    for (kind, answer) in failures {
        let two = Two::with_fault("edit", Verdict::Fail(kind)).await;
        let upload = Begun::new(&two).await;
        let failed = two.disturbed.complete(PLACE, upload.id, &upload.parts).await;
        assert_eq!(code(failed), answer);
        two.assert_no_object().await;
        assert_eq!(upload.complete(&two).await.unwrap(), undisturbed().await);
        two.assert_object(NEW).await;
        two.assert_blobs(1).await;
    }
}

#[tokio::test]
async fn a_completion_that_crashed_anywhere_is_answered_alike_when_sent_again() {
    for point in holds() {
        let (two, gate) = Two::with_gate().await;
        let upload = Begun::new(&two).await;
        let mut held = hold(&gate, point);
        let crashing = upload.start_completing(&two);
        held.arrived().await;
        crashing.abort();
        assert!(crashing.await.unwrap_err().is_cancelled());
        for _ in 0..2 {
            assert_eq!(
                upload.complete(&two).await.unwrap(),
                undisturbed().await,
                "{point:?}"
            );
        }
        two.assert_object(NEW).await;
        two.assert_blobs(1).await;
    }
}

#[tokio::test]
async fn a_replay_answers_as_before_and_changes_nothing_once_the_object_is_another() {
    let (two, _) = Two::with_gate().await;
    let upload = Begun::new(&two).await;
    let completed = upload.complete(&two).await.unwrap();
    two.other.put("bucket", "a", OLD).await.unwrap();
    assert_eq!(upload.complete(&two).await.unwrap(), completed);
    two.assert_object(OLD).await;
    two.other.delete("bucket", "a").await.unwrap();
    assert_eq!(upload.complete(&two).await.unwrap(), completed);
    two.assert_no_object().await;
}

#[tokio::test]
async fn two_completions_that_meet_anywhere_make_one_object_and_answer_alike() {
    for point in holds() {
        let (two, gate) = Two::with_gate().await;
        let upload = Begun::new(&two).await;
        let mut held = hold(&gate, point);
        let first = upload.start_completing(&two);
        held.arrived().await;
        let second = upload.complete(&two).await.unwrap();
        let commit = two.other.object("bucket", "a").await.unwrap().commit_id;
        held.release();
        assert_eq!(first.await.unwrap().unwrap(), second, "{point:?}");
        assert_eq!(two.other.object("bucket", "a").await.unwrap().commit_id, commit);
        two.assert_object(NEW).await;
    }
}

#[tokio::test]
async fn of_an_abort_and_a_completion_that_meet_anywhere_one_wins() {
    for point in holds() {
        let (two, gate) = Two::with_gate().await;
        let upload = Begun::new(&two).await;
        let mut held = hold(&gate, point);
        let completing = upload.start_completing(&two);
        held.arrived().await;
        let aborted = two.other.abort(PLACE, upload.id).await;
        held.release();
        let completed = completing.await.unwrap();
        if point == ("edit", true) {
            assert_eq!(code(aborted), ErrorCode::NoSuchUpload);
            completed.unwrap();
            two.assert_object(NEW).await;
        } else {
            aborted.unwrap();
            assert_eq!(code(completed), ErrorCode::NoSuchUpload, "{point:?}");
            two.assert_no_object().await;
        }
    }
}

#[tokio::test]
async fn a_part_that_comes_while_its_upload_is_completed_is_refused() {
    for step in ["scan_parts", "edit"] {
        let (two, gate) = Two::with_gate().await;
        let upload = Begun::new(&two).await;
        let mut held = gate.hold(step);
        let completing = upload.start_completing(&two);
        held.arrived().await;
        let body = incoming(Bytes::from_static(OLD));
        let part = two.other.part(PLACE, upload.id, 1, body).await;
        assert_eq!(code(part), ErrorCode::NoSuchUpload);
        held.release();
        completing.await.unwrap().unwrap();
        two.assert_object(NEW).await;
    }
}

#[tokio::test]
async fn a_part_that_is_recorded_after_the_completion_is_refused_and_changes_nothing() {
    let (two, gate) = Two::with_gate().await;
    let upload = Begun::new(&two).await;
    let mut held = gate.hold("record_part");
    let id = upload.id;
    let part = two.start(async move |store| {
        let body = incoming(Bytes::from_static(OLD));
        store.part(PLACE, id, 1, body).await
    });
    held.arrived().await;
    upload.complete(&two).await.unwrap();
    held.release();
    assert_eq!(code(part.await.unwrap()), ErrorCode::NoSuchUpload);
    two.assert_object(NEW).await;
}

#[tokio::test]
async fn a_part_keeps_its_blob_only_where_it_may_be_recorded_yet() {
    let failures = [(StoreErrorKind::Timeout, 1), (StoreErrorKind::Throttled, 0)];
    for (kind, blobs) in failures {
        let two = Two::with_fault("record_part", Verdict::Fail(kind)).await;
        let id = two.other.begin("bucket", "a").await.unwrap();
        let body = incoming(Bytes::from_static(NEW));
        assert!(two.disturbed.part(PLACE, id, 1, body).await.is_err());
        two.assert_blobs(blobs).await;
    }
}

#[tokio::test]
async fn a_completion_that_finds_its_bucket_deleted_makes_no_object() {
    let (two, gate) = Two::with_gate().await;
    let upload = Begun::new(&two).await;
    let mut held = gate.hold("edit");
    let completing = upload.start_completing(&two);
    held.arrived().await;
    two.other.delete_bucket("bucket").await.unwrap();
    two.other.create_bucket("bucket").await.unwrap();
    held.release();
    assert_eq!(code(completing.await.unwrap()), ErrorCode::NoSuchBucket);
    two.assert_no_object().await;
}
