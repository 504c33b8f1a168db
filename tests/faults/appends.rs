//! Appends whose stores or bodies fail, and appends that meet other requests.

use std::time::Duration;

use bleepstore_core::model::{CannedAcl, ErrorCode, Manifest, RequestedAcl};
use bleepstore_core::ops::{GcOptions, collect_round};
use bleepstore_core::ports::StoreErrorKind;
use bleepstore_tests::decorators::Verdict;
use bleepstore_tests::deployment::{Deployment, failing, incoming};
use bytes::Bytes;

use super::{NEW, OLD, Two, code};

/// Longer than a record takes in itself.
const MORE: &[u8] = b" and more, which is longer than 16 bytes too";

async fn append(
    store: &Deployment,
    offset: usize,
    bytes: &'static [u8],
) -> Result<(), bleepstore_core::model::S3Error> {
    let body = incoming(Bytes::from_static(bytes));
    store.append("bucket", "a", offset as u64, body).await.map(drop)
}

async fn assert_object(two: &Two, parts: &[&[u8]]) {
    assert_eq!(two.other.get("bucket", "a").await.unwrap(), parts.concat());
}

/// Collects everything that is old enough, after time enough.
async fn collect(two: &Two) {
    let options = GcOptions {
        force: true,
        ..GcOptions::default()
    };
    two.other.clock.advance(options.grace + Duration::from_secs(1));
    collect_round(&two.other.context.ports, &options).await.unwrap();
}

#[tokio::test]
async fn one_whose_commit_was_applied_though_its_answer_was_lost_succeeds() {
    for old in [OLD, b"short"] {
        let two = Two::with_fault("edit", Verdict::LoseAnswer).await;
        two.other.put("bucket", "a", old).await.unwrap();
        append(&two.disturbed, old.len(), MORE).await.unwrap();
        assert_object(&two, &[old, MORE]).await;
    }
}

#[tokio::test]
async fn one_whose_commit_may_yet_be_applied_is_unavailable_and_leaves_its_blob_to_gc() {
    let two = Two::with_fault("edit", Verdict::Fail(StoreErrorKind::Timeout)).await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let result = append(&two.disturbed, OLD.len(), MORE).await;
    assert_eq!(code(result), ErrorCode::ServiceUnavailable);
    two.assert_object(OLD).await;
    two.assert_blobs(2).await;
    collect(&two).await;
    two.assert_object(OLD).await;
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn one_whose_commit_is_refused_frees_its_blob_and_changes_nothing() {
    for (kind, answer) in [
        (StoreErrorKind::Throttled, ErrorCode::SlowDown),
        (StoreErrorKind::Internal, ErrorCode::InternalError),
    ] {
        let two = Two::with_fault("edit", Verdict::Fail(kind)).await;
        two.other.put("bucket", "a", OLD).await.unwrap();
        assert_eq!(code(append(&two.disturbed, OLD.len(), MORE).await), answer);
        two.assert_object(OLD).await;
        two.assert_blobs(1).await;
    }
}

#[tokio::test]
async fn one_whose_body_fails_midway_leaves_the_object_as_it_was() {
    for old in [OLD, b"short"] {
        let two = Two::with_fault("none", Verdict::Pass).await;
        two.other.put("bucket", "a", old).await.unwrap();
        let before = two.other.stored_blobs().await.len();
        let body = failing(Bytes::from_static(MORE));
        let result = two.disturbed.append("bucket", "a", old.len() as u64, body).await;
        assert_eq!(code(result), ErrorCode::IncompleteBody);
        two.assert_object(old).await;
        two.assert_blobs(before).await;
    }
}

#[tokio::test]
async fn of_two_at_one_offset_the_later_frees_its_blob() {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let mut commit = gate.hold("edit");
    let held = two.start(async |store| append(&store, OLD.len(), MORE).await);
    commit.arrived().await;
    append(&two.other, OLD.len(), NEW).await.unwrap();
    commit.release();
    assert_eq!(code(held.await.unwrap()), ErrorCode::InvalidWriteOffset);
    assert_object(&two, &[OLD, NEW]).await;
    two.assert_blobs(2).await;
}

#[tokio::test]
async fn one_that_meets_another_list_keeps_it() {
    const PUBLIC: RequestedAcl = RequestedAcl::Canned(CannedAcl::PublicRead);
    for old in [OLD, b"short"] {
        let (two, gate) = Two::with_gate().await;
        two.other.put("bucket", "a", old).await.unwrap();
        let mut commit = gate.hold("edit");
        let held = two.start(async move |store| append(&store, old.len(), MORE).await);
        commit.arrived().await;
        two.other.put_object_acl("bucket", "a", PUBLIC).await.unwrap();
        commit.release();
        held.await.unwrap().unwrap();
        assert_object(&two, &[old, MORE]).await;
        let object = two.other.object("bucket", "a").await.unwrap();
        let owner = &two.other.caller.owner;
        assert_eq!(object.description.acl, PUBLIC.of_object(owner, owner));
    }
}

#[tokio::test]
async fn one_that_meets_an_overwrite_of_the_same_length_appends_to_that_or_is_to_be_tried_again() {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let mut commit = gate.hold("edit");
    let held = two.start(async |store| append(&store, OLD.len(), MORE).await);
    commit.arrived().await;
    two.other.put("bucket", "a", NEW).await.unwrap();
    commit.release();
    held.await.unwrap().unwrap();
    assert_object(&two, &[NEW, MORE]).await;
    two.assert_blobs(2).await;

    // What lay in the record is in the blob that was written: it is of no use with another body.
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "a", &b"short"[..]).await.unwrap();
    let mut commit = gate.hold("edit");
    let held = two.start(async |store| append(&store, 5, MORE).await);
    commit.arrived().await;
    two.other.put("bucket", "a", &b"other"[..]).await.unwrap();
    commit.release();
    assert_eq!(code(held.await.unwrap()), ErrorCode::SlowDown);
    two.assert_object(b"other").await;
    two.assert_blobs(0).await;
}

#[tokio::test]
async fn one_that_meets_a_copy_of_the_object_leaves_the_copy_its_bytes() {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let mut commit = gate.hold("edit");
    let held = two.start(async |store| append(&store, OLD.len(), MORE).await);
    commit.arrived().await;
    two.other.copy(("bucket", "a"), ("bucket", "copy")).await.unwrap();
    commit.release();
    held.await.unwrap().unwrap();
    assert!(two.other.object("bucket", "a").await.unwrap().shared);
    two.other.delete("bucket", "a").await.unwrap();
    collect(&two).await;
    collect(&two).await;
    assert_eq!(two.other.get("bucket", "copy").await.unwrap(), OLD);
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn hundreds_of_them_are_read_back_and_collected_to_what_is_named() {
    const PIECES: usize = 520;
    let two = Two::with_fault("none", Verdict::Pass).await;
    let mut whole = Vec::new();
    for piece in 0..PIECES {
        let bytes = format!("piece {piece:04} of {PIECES}, ");
        let body = incoming(Bytes::from(bytes.clone()));
        two.other
            .append("bucket", "a", whole.len() as u64, body)
            .await
            .unwrap();
        whole.extend(bytes.into_bytes());
        if piece % 100 == 40 {
            assert_eq!(two.other.get("bucket", "a").await.unwrap(), whole, "{piece}");
        }
    }
    let object = two.other.object("bucket", "a").await.unwrap();
    assert!(
        matches!(object.manifest, Manifest::Paged(_)),
        "{:?}",
        object.manifest
    );
    assert_eq!(object.etag.as_str().rsplit('-').next(), Some("520"));
    collect(&two).await;
    assert_eq!(two.other.get("bucket", "a").await.unwrap(), whole);
    // The pieces, and the last one of the layouts.
    two.assert_blobs(PIECES + 1).await;
    two.other.delete("bucket", "a").await.unwrap();
    collect(&two).await;
    two.assert_blobs(0).await;
}
