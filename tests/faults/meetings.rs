//! Requests about one object or bucket that meet between two calls.

use std::sync::Arc;

use bleepstore_core::model::{ErrorCode, Owner};
use bleepstore_core::ops::{
    Caller, CreateBucket, GcOptions, Pairing, collect_round, create_bucket, pair_stores,
};
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::{REGION, name};
use futures_util::FutureExt;

use super::{NEW, OLD, Two, code};

#[tokio::test]
async fn a_copy_keeps_its_bytes_when_the_source_goes_before_it_is_committed() {
    for overwritten in [false, true] {
        let (two, gate) = Two::with_gate().await;
        two.other.put("bucket", "source", OLD).await.unwrap();
        // The mark of the source comes before it.
        let mut commit = gate.hold_nth("edit", 1);
        let copy = two.start(async |store| store.copy(("bucket", "source"), ("bucket", "a")).await);
        commit.arrived().await;
        if overwritten {
            two.other.put("bucket", "source", NEW).await.unwrap();
        } else {
            two.other.delete("bucket", "source").await.unwrap();
        }
        // The source's bytes are old enough to go, and no record names them now.
        let options = GcOptions {
            force: true,
            ..GcOptions::default()
        };
        two.other.clock.advance(options.grace);
        collect_round(&two.other.context.ports, &options).await.unwrap();
        commit.release();
        copy.await.unwrap().unwrap();
        two.assert_object(OLD).await;
    }
}

#[tokio::test]
async fn a_copy_whose_source_was_replaced_before_it_was_marked_copies_the_new_one() {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "source", OLD).await.unwrap();
    let mut mark = gate.hold("edit");
    let copy = two.start(async |store| store.copy(("bucket", "source"), ("bucket", "a")).await);
    mark.arrived().await;
    two.other.put("bucket", "source", NEW).await.unwrap();
    mark.release();
    copy.await.unwrap().unwrap();
    two.assert_object(NEW).await;
    two.assert_blobs(1).await;
}

#[tokio::test]
async fn a_get_whose_blob_goes_before_the_first_byte_serves_the_new_object() {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let mut read = gate.hold("read");
    let get = two.start(async |store| store.get("bucket", "a").await);
    read.arrived().await;
    two.other.put("bucket", "a", NEW).await.unwrap();
    read.release();
    assert_eq!(get.await.unwrap().unwrap(), NEW);
}

#[tokio::test]
async fn a_get_whose_object_is_deleted_before_the_first_byte_finds_no_key() {
    let (two, gate) = Two::with_gate().await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let mut read = gate.hold("read");
    let get = two.start(async |store| store.get("bucket", "a").await);
    read.arrived().await;
    two.other.delete("bucket", "a").await.unwrap();
    read.release();
    assert_eq!(code(get.await.unwrap()), ErrorCode::NoSuchKey);
}

#[tokio::test]
async fn a_put_that_finds_its_bucket_deleted_or_created_again_leaves_nothing() {
    for again in [false, true] {
        let (two, gate) = Two::with_gate().await;
        let mut commit = gate.hold("edit");
        let put = two.start(async |store| store.put("bucket", "a", NEW).await);
        commit.arrived().await;
        two.other.delete_bucket("bucket").await.unwrap();
        if again {
            two.other.create_bucket("bucket").await.unwrap();
        }
        commit.release();
        assert_eq!(code(put.await.unwrap()), ErrorCode::NoSuchBucket);
        assert!(two.other.object("bucket", "a").await.is_none());
        two.assert_blobs(0).await;
    }
}

#[tokio::test]
async fn a_bucket_that_gets_an_object_before_its_deletion_is_decided_is_not_empty() {
    let (two, gate) = Two::with_gate().await;
    let mut decision = gate.hold("delete_bucket");
    let delete = two.start(async |store| store.delete_bucket("bucket").await);
    decision.arrived().await;
    two.other.put("bucket", "a", NEW).await.unwrap();
    decision.release();
    assert_eq!(code(delete.await.unwrap()), ErrorCode::BucketNotEmpty);
    two.assert_object(NEW).await;
}

#[tokio::test]
async fn a_start_asks_both_stores_for_their_records_at_the_same_time() {
    let (two, gate) = Two::with_gate().await;
    let (mut record, mut owner) = (gate.hold("record_at"), gate.hold("owner"));
    let start = two.start(async |store| pair_stores(&store.context.ports).await);
    record.arrived().await;
    assert_eq!(
        owner.arrived().now_or_never(),
        Some(()),
        "the blob store was not asked"
    );
    owner.release();
    record.release();
    assert_eq!(start.await.unwrap().unwrap(), Pairing::Matched);
}

#[tokio::test]
async fn a_name_that_another_account_has_is_taken() {
    let two = Two::new(Arc::new(PassThrough)).await;
    let owner = Owner {
        id: "f".repeat(64),
        display_name: "another".to_owned(),
    };
    let another = Caller {
        owner,
        ..two.other.caller.clone()
    };
    let context = &two.other.context;
    let input = CreateBucket {
        region: REGION.to_owned(),
        ..CreateBucket::default()
    };
    let result = create_bucket(context, &another, &name("bucket"), input).await;
    assert_eq!(code(result), ErrorCode::BucketAlreadyExists);
    two.other.put("bucket", "a", NEW).await.unwrap();
    two.assert_object(NEW).await;
}
