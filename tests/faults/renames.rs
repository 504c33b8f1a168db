//! Renames whose stores fail, and renames that meet other requests.

use bleepstore_core::model::{ErrorCode, S3Error, WriteCondition};
use bleepstore_core::ops::{GcOptions, collect_round};
use bleepstore_core::ports::StoreErrorKind;
use bleepstore_tests::decorators::{Faults, Verdict};

use super::{NEW, OLD, Two, code};

/// The names of the object before and after.
const NAMES: (&str, &str) = ("source", "a");

#[tokio::test]
async fn a_rename_that_was_applied_though_its_answer_was_lost_succeeds() {
    let two = Two::with_fault("edit", Verdict::LoseAnswer).await;
    two.other.put("bucket", "source", NEW).await.unwrap();
    two.disturbed.rename("bucket", "source", "a").await.unwrap();
    two.assert_object(NEW).await;
    assert!(two.other.object("bucket", "source").await.is_none());
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn a_rename_that_may_yet_be_applied_is_unavailable_and_a_repeated_one_makes_it() {
    let two = Two::with_fault("edit", Verdict::Fail(StoreErrorKind::Timeout)).await;
    two.other.put("bucket", "source", NEW).await.unwrap();
    let rename = async || {
        let any = WriteCondition::Any;
        two.disturbed.rename_if("bucket", NAMES, any, Some("token")).await
    };
    assert_eq!(code(rename().await), ErrorCode::ServiceUnavailable);
    two.assert_no_object().await;
    rename().await.unwrap();
    two.assert_object(NEW).await;
}

#[tokio::test]
async fn a_repeated_rename_is_known_by_its_token_for_as_long_as_its_record_is_there() {
    // The answer is lost, and so is what is read back.
    let mut renamed = false;
    let faults = Faults::decided_by(move |method| match method {
        "edit" if !renamed => {
            renamed = true;
            Verdict::LoseAnswer
        }
        "bucket" if renamed => Verdict::Fail(StoreErrorKind::Unavailable),
        _ => Verdict::Pass,
    });
    let two = Two::new(std::sync::Arc::new(faults)).await;
    two.other.put("bucket", "source", NEW).await.unwrap();
    let rename = async |token| {
        // It does not hold any more once the rename was made.
        let absent = WriteCondition::IfAbsent;
        two.disturbed.rename_if("bucket", NAMES, absent, token).await
    };
    assert_eq!(code(rename(Some("token")).await), ErrorCode::ServiceUnavailable);
    assert_eq!(code(rename(None).await), ErrorCode::NoSuchKey);
    assert_eq!(code(rename(Some("another")).await), ErrorCode::NoSuchKey);
    rename(Some("token")).await.unwrap();
    // Also where there is an object to rename again.
    two.other.put("bucket", "source", OLD).await.unwrap();
    rename(Some("token")).await.unwrap();
    two.assert_object(NEW).await;
    let other = ("another", "a");
    let any = WriteCondition::Any;
    let another = two.other.rename_if("bucket", other, any, Some("token")).await;
    assert_eq!(code(another), ErrorCode::IdempotencyParameterMismatch);
    two.other.delete("bucket", "a").await.unwrap();
    rename(Some("token")).await.unwrap();
    two.assert_object(OLD).await;
}

/// Renames what holds `OLD` to `to`, and lets `meanwhile` happen right before the store does it.
async fn rename_and(to: &'static str, meanwhile: impl AsyncFnOnce(&Two)) -> (Two, Result<(), S3Error>) {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "source", OLD).await.unwrap();
    let mut held = gate.hold("edit");
    let rename = two.start(async move |store| store.rename("bucket", "source", to).await);
    held.arrived().await;
    meanwhile(&two).await;
    held.release();
    let renamed = rename.await.unwrap();
    (two, renamed)
}

#[tokio::test]
async fn a_rename_whose_source_is_overwritten_meanwhile_moves_the_new_object() {
    let (two, renamed) = rename_and("a", async |two| {
        two.other.put("bucket", "source", NEW).await.unwrap();
    })
    .await;
    renamed.unwrap();
    two.assert_object(NEW).await;
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn a_rename_whose_source_goes_meanwhile_finds_no_key() {
    let (two, renamed) = rename_and("a", async |two| {
        two.other.delete("bucket", "source").await.unwrap();
    })
    .await;
    assert_eq!(code(renamed), ErrorCode::NoSuchKey);
    two.assert_no_object().await;
}

#[tokio::test]
async fn a_rename_that_meets_a_copy_of_its_object_leaves_the_copys_bytes() {
    let (two, renamed) = rename_and("renamed", async |two| {
        let copied = two.other.copy(("bucket", "source"), ("bucket", "a"));
        copied.await.unwrap();
    })
    .await;
    renamed.unwrap();
    two.other.delete("bucket", "renamed").await.unwrap();
    two.assert_object(OLD).await;
}

#[tokio::test]
async fn a_rename_over_a_copy_leaves_the_sources_bytes() {
    // The copy is there, and shared, before the rename has seen it.
    let (two, renamed) = rename_and("copy", async |two| {
        two.other.put("bucket", "a", NEW).await.unwrap();
        two.other.copy(("bucket", "a"), ("bucket", "copy")).await.unwrap();
    })
    .await;
    renamed.unwrap();
    assert_eq!(two.other.get("bucket", "copy").await.unwrap(), OLD);
    two.assert_object(NEW).await;
}

#[tokio::test]
async fn a_rename_into_a_bucket_that_goes_meanwhile_leaves_nothing() {
    let (two, renamed) = rename_and("a", async |two| {
        two.other.delete("bucket", "source").await.unwrap();
        two.other.delete_bucket("bucket").await.unwrap();
        two.other.create_bucket("bucket").await.unwrap();
    })
    .await;
    assert_eq!(code(renamed), ErrorCode::NoSuchBucket);
    assert!(two.other.object("bucket", "a").await.is_none());
    two.assert_blobs(0).await;
}

#[tokio::test]
async fn a_renamed_object_frees_its_bytes_when_it_goes() {
    let (two, _) = Two::with_gate().await;
    two.other.put("bucket", "source", NEW).await.unwrap();
    two.other.put("bucket", "a", OLD).await.unwrap();
    two.other.rename("bucket", "source", "a").await.unwrap();
    two.assert_blobs(1).await;
    two.other.delete("bucket", "a").await.unwrap();
    two.assert_blobs(0).await;
    // What is kept for gc names a blob that is gone.
    let options = GcOptions::default();
    collect_round(&two.other.context.ports, &options).await.unwrap();
}
