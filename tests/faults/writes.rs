//! Writes of one object whose stores or bodies fail.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::{ChecksumAlgorithm, ErrorCode, WriteCondition};
use bleepstore_core::ops::{GcOptions, collect_round};
use bleepstore_core::ports::StoreErrorKind;
use bleepstore_tests::decorators::{Faults, Gate, Interceptor, PassThrough, Verdict};
use bleepstore_tests::deployment::failing;
use bytes::Bytes;

use super::{NEW, OLD, Two, code};

#[tokio::test]
async fn a_put_whose_commit_was_applied_though_its_answer_was_lost_succeeds() {
    let two = Two::with_fault("edit", Verdict::LoseAnswer).await;
    two.disturbed.put("bucket", "a", NEW).await.unwrap();
    two.assert_object(NEW).await;
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn a_put_whose_commit_may_yet_be_applied_is_unavailable_and_leaves_its_blob_to_gc() {
    let two = Two::with_fault("edit", Verdict::Fail(StoreErrorKind::Timeout)).await;
    let result = two.disturbed.put("bucket", "a", NEW).await;
    assert_eq!(code(result), ErrorCode::ServiceUnavailable);
    two.assert_no_object().await;
    two.assert_blobs(1).await;

    let options = GcOptions {
        force: true,
        ..GcOptions::default()
    };
    two.other.clock.advance(options.grace + Duration::from_secs(1));
    let report = collect_round(&two.other.context.ports, &options).await.unwrap();
    assert_eq!(report.deleted.blobs, 1);
    two.assert_blobs(0).await;
}

/// Holds what a gate holds, and breaks what faults break.
pub(super) struct HoldAndBreak(pub(super) Arc<Gate>, pub(super) Faults);

#[async_trait::async_trait]
impl Interceptor for HoldAndBreak {
    async fn before(&self, method: &'static str) -> Verdict {
        self.0.before(method).await;
        self.1.before(method).await
    }
}

#[tokio::test]
async fn a_put_with_an_unknown_outcome_that_was_overwritten_is_unavailable_and_frees_nothing_live() {
    let gate = Gate::new();
    let lost = Faults::once("edit", 0, Verdict::LoseAnswer);
    let two = Two::new(Arc::new(HoldAndBreak(gate.clone(), lost))).await;
    let mut commit = gate.hold("edit");
    let put = two.start(async |store| store.put("bucket", "a", OLD).await);
    commit.arrived().await;
    let mut read_again = gate.hold("lookup");
    commit.release();
    read_again.arrived().await;
    two.other.put("bucket", "a", NEW).await.unwrap();
    read_again.release();
    assert_eq!(code(put.await.unwrap()), ErrorCode::ServiceUnavailable);
    two.assert_object(NEW).await;
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn a_put_whose_commit_is_refused_frees_its_blob_and_changes_nothing() {
    let refusals = [
        (StoreErrorKind::Throttled, ErrorCode::SlowDown),
        (StoreErrorKind::Unavailable, ErrorCode::ServiceUnavailable),
        (StoreErrorKind::Internal, ErrorCode::InternalError),
    ];
    for (kind, answer) in refusals {
        let two = Two::with_fault("edit", Verdict::Fail(kind)).await;
        two.other.put("bucket", "a", OLD).await.unwrap();
        let result = two.disturbed.put("bucket", "a", NEW).await;
        assert_eq!(code(result), answer);
        two.assert_object(OLD).await;
        two.assert_blobs(1).await;
    }
}

#[tokio::test]
async fn a_put_whose_condition_fails_frees_its_blob() {
    let two = Two::new(Arc::new(PassThrough)).await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let absent = WriteCondition::IfAbsent;
    let result = two.other.put_if("bucket", "a", NEW, absent).await;
    assert_eq!(code(result), ErrorCode::PreconditionFailed);
    two.assert_object(OLD).await;
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn a_put_whose_blob_is_not_written_commits_nothing() {
    let two = Two::with_fault("write", Verdict::Fail(StoreErrorKind::Throttled)).await;
    let result = two.disturbed.put("bucket", "a", NEW).await;
    assert_eq!(code(result), ErrorCode::SlowDown);
    two.assert_no_object().await;
    two.assert_blobs(0).await;
}

#[tokio::test]
async fn a_blob_that_cannot_be_freed_does_not_fail_the_overwrite() {
    let two = Two::with_fault("delete", Verdict::Fail(StoreErrorKind::Unavailable)).await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    two.disturbed.put("bucket", "a", NEW).await.unwrap();
    two.assert_object(NEW).await;
    two.assert_blobs(2).await;
}

#[tokio::test]
async fn a_body_that_fails_midway_leaves_no_blob_and_no_record() {
    let two = Two::new(Arc::new(PassThrough)).await;
    let any = WriteCondition::Any;
    for begun in [Bytes::from_static(b"short"), Bytes::from_static(NEW)] {
        let body = failing(begun);
        let result = two.other.put_body("bucket", "a", body, any.clone()).await;
        assert_eq!(code(result), ErrorCode::IncompleteBody);
        two.assert_no_object().await;
        two.assert_blobs(0).await;
    }
    let upload = two.other.begin("bucket", "a").await.unwrap();
    let body = failing(Bytes::from_static(NEW));
    let result = two.other.part(("bucket", "a"), upload, 1, body).await;
    assert_eq!(code(result), ErrorCode::IncompleteBody);
    two.assert_blobs(0).await;
}

#[tokio::test]
async fn a_delete_with_an_unknown_outcome_is_unavailable() {
    let verdicts = [Verdict::LoseAnswer, Verdict::Fail(StoreErrorKind::Timeout)];
    for (verdict, removed) in verdicts.into_iter().zip([true, false]) {
        let two = Two::with_fault("edit", verdict).await;
        two.other.put("bucket", "a", OLD).await.unwrap();
        let result = two.disturbed.delete("bucket", "a").await;
        assert_eq!(code(result), ErrorCode::ServiceUnavailable);
        assert_eq!(two.other.object("bucket", "a").await.is_none(), removed);
        two.assert_blobs(1).await;
    }
}

#[tokio::test]
async fn a_copy_that_writes_bytes_frees_them_where_its_commit_is_refused() {
    for to in ["copy", "a"] {
        let two = Two::with_fault("edit", Verdict::Fail(StoreErrorKind::Internal)).await;
        two.other.put("bucket", "a", OLD).await.unwrap();
        let places = (("bucket", "a"), ("bucket", to));
        let algorithm = Some(ChecksumAlgorithm::Sha256);
        let result = two.disturbed.copy_with(places.0, places.1, algorithm).await;
        assert_eq!(code(result), ErrorCode::InternalError, "{to}");
        two.assert_object(OLD).await;
        if to == "copy" {
            two.assert_blobs(1).await;
        }
        two.disturbed
            .copy_with(places.0, places.1, algorithm)
            .await
            .unwrap();
        assert_eq!(two.other.get("bucket", to).await.unwrap(), OLD);
    }
}

/// The commit of a copy onto itself that asks for another checksum, and the retirement of a source that is shared.
#[tokio::test]
async fn a_copy_onto_itself_that_writes_bytes_frees_them_where_it_is_refused() {
    for (method, shared) in [("edit", false), ("retire", true)] {
        let faults = Faults::once(method, 0, Verdict::Fail(StoreErrorKind::Unavailable));
        let f = Two::new(Arc::new(faults)).await;
        f.other.put("bucket", "a", OLD).await.unwrap();
        if shared {
            f.other.copy(("bucket", "a"), ("bucket", "b")).await.unwrap();
        }
        let copied = f
            .disturbed
            .copy_with(("bucket", "a"), ("bucket", "a"), Some(ChecksumAlgorithm::Sha256))
            .await;
        assert_eq!(code(copied), ErrorCode::ServiceUnavailable, "{method}");
        f.assert_object(OLD).await;
        f.assert_blobs(1).await;
    }
}
