//! Access control lists and writes by other accounts that meet other requests.

use std::sync::Arc;

use bleepstore_core::model::{CannedAcl, ErrorCode, Owner, RequestedAcl, WriteCondition};
use bleepstore_core::ops::Caller;
use bleepstore_tests::decorators::Gate;
use bleepstore_tests::deployment::{Deployment, incoming};
use bytes::Bytes;

use super::{NEW, OLD, Two, code};

const PUBLIC_READ: RequestedAcl = RequestedAcl::Canned(CannedAcl::PublicRead);
const PUBLIC_WRITE: RequestedAcl = RequestedAcl::Canned(CannedAcl::PublicReadWrite);

fn caller(letter: &str) -> Caller {
    Caller::of(Owner {
        id: letter.repeat(64),
        display_name: letter.to_owned(),
    })
}

/// A bucket in which every account creates objects: seen by its owner, by an account whose calls can be held, and by a
/// third.
async fn shared_bucket() -> (Two, Arc<Gate>, Arc<Deployment>, Deployment) {
    let (two, gate) = Two::with_gate().await;
    two.other.put_bucket_acl("bucket", PUBLIC_WRITE).await.unwrap();
    let mut held = two.other.beside(gate.clone());
    held.caller = caller("c");
    let mut third = two
        .other
        .beside(Arc::new(bleepstore_tests::decorators::PassThrough));
    third.caller = caller("d");
    (two, gate, Arc::new(held), third)
}

#[tokio::test]
async fn a_list_that_meets_an_overwrite_becomes_the_new_objects_and_undoes_nothing() {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let mut commit = gate.hold("edit");
    let put = two.start(async |store| store.put_object_acl("bucket", "a", PUBLIC_READ).await);
    commit.arrived().await;
    two.other.put("bucket", "a", NEW).await.unwrap();
    commit.release();
    put.await.unwrap().unwrap();
    two.assert_object(NEW).await;
    let object = two.other.object("bucket", "a").await.unwrap();
    let owner = &two.other.caller.owner;
    assert_eq!(object.description.acl, PUBLIC_READ.of_object(owner, owner));
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn a_list_that_meets_a_deletion_finds_no_object() {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let mut commit = gate.hold("edit");
    let put = two.start(async |store| store.put_object_acl("bucket", "a", PUBLIC_READ).await);
    commit.arrived().await;
    two.other.delete("bucket", "a").await.unwrap();
    commit.release();
    assert_eq!(code(put.await.unwrap()), ErrorCode::NoSuchKey);
    two.assert_no_object().await;
}

#[tokio::test]
async fn a_list_that_meets_a_mark_keeps_it() {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "source", OLD).await.unwrap();
    let mut commit = gate.hold("edit");
    let put = two.start(async |store| store.put_object_acl("bucket", "source", PUBLIC_READ).await);
    commit.arrived().await;
    two.other
        .copy(("bucket", "source"), ("bucket", "a"))
        .await
        .unwrap();
    commit.release();
    put.await.unwrap().unwrap();
    let object = two.other.object("bucket", "source").await.unwrap();
    assert!(object.shared && !object.description.acl.is_private());
    two.other.delete("bucket", "source").await.unwrap();
    two.assert_object(OLD).await;
}

#[tokio::test]
async fn of_two_lists_of_a_bucket_that_meet_the_later_stands() {
    let (two, gate) = Two::with_gate().await;
    let mut update = gate.hold("update_bucket");
    let put = two.start(async |store| store.put_bucket_acl("bucket", PUBLIC_READ).await);
    update.arrived().await;
    two.other.put_bucket_acl("bucket", PUBLIC_WRITE).await.unwrap();
    update.release();
    put.await.unwrap().unwrap();
    let bucket = two.other.bucket_row("bucket").await.unwrap();
    assert_eq!(bucket.acl, PUBLIC_READ.of_bucket(&bucket.owner));
}

#[tokio::test]
async fn a_put_of_a_new_key_never_overwrites_what_another_account_put_meanwhile() {
    let (two, gate, held, third) = shared_bucket().await;
    let mut commit = gate.hold("edit");
    let put = tokio::spawn(async move { held.put("bucket", "a", NEW).await });
    commit.arrived().await;
    third.put("bucket", "a", OLD).await.unwrap();
    commit.release();
    assert_eq!(code(put.await.unwrap()), ErrorCode::AccessDenied);
    assert_eq!(third.get("bucket", "a").await.unwrap(), OLD);
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn a_put_over_ones_own_object_never_overwrites_another_accounts() {
    let (two, gate, held, third) = shared_bucket().await;
    held.put("bucket", "a", OLD).await.unwrap();
    let mut commit = gate.hold("edit");
    let put = tokio::spawn(async move { held.put("bucket", "a", NEW).await });
    commit.arrived().await;
    two.other.delete("bucket", "a").await.unwrap();
    third.put("bucket", "a", OLD).await.unwrap();
    commit.release();
    assert_eq!(code(put.await.unwrap()), ErrorCode::AccessDenied);
    assert_eq!(third.get("bucket", "a").await.unwrap(), OLD);
}

#[tokio::test]
async fn a_put_that_meets_a_deletion_of_ones_own_object_is_made() {
    let (two, gate, held, _) = shared_bucket().await;
    held.put("bucket", "a", OLD).await.unwrap();
    let mut commit = gate.hold("edit");
    let hers = held.clone();
    let put = tokio::spawn(async move { hers.put("bucket", "a", NEW).await });
    commit.arrived().await;
    two.other.delete("bucket", "a").await.unwrap();
    commit.release();
    put.await.unwrap().unwrap();
    assert_eq!(held.get("bucket", "a").await.unwrap(), NEW);
}

#[tokio::test]
async fn the_condition_of_a_put_is_decided_on_what_is_replaced() {
    let (_, gate, held, _) = shared_bucket().await;
    let etag = held.put("bucket", "a", OLD).await.unwrap();
    let mut commit = gate.hold("edit");
    let hers = held.clone();
    let put = tokio::spawn(async move {
        let condition = WriteCondition::IfMatch(etag);
        hers.put_if("bucket", "a", NEW, condition).await
    });
    commit.arrived().await;
    held.put("bucket", "a", &b"another"[..]).await.unwrap();
    commit.release();
    assert_eq!(code(put.await.unwrap()), ErrorCode::PreconditionFailed);
    assert_eq!(held.get("bucket", "a").await.unwrap(), &b"another"[..]);
}

#[tokio::test]
async fn a_deletion_never_removes_what_another_account_put_meanwhile() {
    let (two, gate, held, third) = shared_bucket().await;
    held.put("bucket", "a", OLD).await.unwrap();
    let mut remove = gate.hold("edit");
    let delete = tokio::spawn(async move { held.delete("bucket", "a").await });
    remove.arrived().await;
    two.other.delete("bucket", "a").await.unwrap();
    third.put("bucket", "a", NEW).await.unwrap();
    remove.release();
    assert_eq!(code(delete.await.unwrap()), ErrorCode::AccessDenied);
    assert_eq!(third.get("bucket", "a").await.unwrap(), NEW);
}

#[tokio::test]
async fn a_completion_never_overwrites_what_another_account_put_meanwhile() {
    let (_, gate, held, third) = shared_bucket().await;
    let place = ("bucket", "a");
    let upload = held.begin("bucket", "a").await.unwrap();
    let body = incoming(Bytes::from_static(NEW));
    let part = held.part(place, upload, 1, body).await.unwrap();
    let parts = [(1, part.etag)];
    let mut publish = gate.hold("edit");
    let (hers, listed) = (held.clone(), parts.clone());
    let complete = tokio::spawn(async move { hers.complete(place, upload, &listed).await });
    publish.arrived().await;
    third.put("bucket", "a", OLD).await.unwrap();
    publish.release();
    assert_eq!(code(complete.await.unwrap()), ErrorCode::AccessDenied);
    assert_eq!(third.get("bucket", "a").await.unwrap(), OLD);
    // The upload is open again, and can be completed once the key is free.
    third.delete("bucket", "a").await.unwrap();
    held.complete(place, upload, &parts).await.unwrap();
    assert_eq!(held.get("bucket", "a").await.unwrap(), NEW);
}

#[tokio::test]
async fn a_rename_never_overwrites_or_takes_what_another_account_put_meanwhile() {
    for taken in ["a", "source"] {
        let (_two, gate, held, third) = shared_bucket().await;
        held.put("bucket", "source", OLD).await.unwrap();
        let mut rename = gate.hold("edit");
        let renames = {
            let store = held.clone();
            tokio::spawn(async move { store.rename("bucket", "source", "a").await })
        };
        rename.arrived().await;
        if taken == "source" {
            held.delete("bucket", "source").await.unwrap();
        }
        third.put("bucket", taken, NEW).await.unwrap();
        rename.release();
        assert_eq!(code(renames.await.unwrap()), ErrorCode::AccessDenied);
        assert_eq!(third.get("bucket", taken).await.unwrap(), NEW);
    }
}
