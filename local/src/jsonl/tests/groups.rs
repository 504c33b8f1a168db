//! Changes that share a sync, and disks that fail.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bleepstore_core::memory::Journal;
use bleepstore_core::model::{CommitId, Manifest, WriteCondition};
use bleepstore_core::ports::{Edit, EditOutcome, Expect, ObjectIndex, StoreErrorKind};
use bytes::Bytes;
use futures_util::future::join_all;

use super::{OnFaulty, create_bucket, length, rows_in, temporary};
use crate::jsonl::JsonlMetadata;
use crate::sample_rows::{bucket, get, inline, object, put, put_if, remove};

async fn open(path: &std::path::Path) -> OnFaulty {
    let on = OnFaulty::open(path).unwrap();
    create_bucket(&on.store).await;
    on
}

/// Waits until the writer has appended something and is about to sync it.
async fn until_longer(path: &std::path::Path, than: u64) {
    while length(path) <= than {
        tokio::task::yield_now().await;
    }
}

async fn until_waiting(store: &JsonlMetadata, changes: usize) {
    while store.writer.waiting() < changes {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_wait_at_the_same_moment_share_a_sync() {
    let (_folder, path) = temporary();
    let on = Arc::new(open(&path).await);
    let (before, start) = (on.store.syncs(), length(&path));
    let spawn = |key: String| {
        let on = Arc::clone(&on);
        tokio::spawn(async move { put(&on.store, &inline(&key, b"x")).await })
    };
    let held = on.files.syncing.lock().unwrap();
    let mut puts = vec![spawn("first".to_owned())];
    // Not across an await: the lock is the thread's.
    let waiting = async {
        until_longer(&path, start).await;
        puts.extend((0..100).map(|n| spawn(format!("k{n:03}"))));
        until_waiting(&on.store, 100).await;
    };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(waiting));
    drop(held);
    for put in join_all(puts).await {
        assert_eq!(put.unwrap(), None);
    }
    assert_eq!(on.store.syncs() - before, 2, "the first, then all the others");
    assert_eq!(rows_in(&path), *on.store.rows());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_seen_once_it_is_durable_and_not_before() {
    let (_folder, path) = temporary();
    let on = Arc::new(open(&path).await);
    let start = length(&path);
    let create = || {
        let on = Arc::clone(&on);
        let absent = WriteCondition::IfAbsent;
        tokio::spawn(async move { put_if(&on.store, &inline("k", b"x"), &absent).await.unwrap() })
    };
    let held = on.files.syncing.lock().unwrap();
    let (first, second) = (create(), create());
    let seen = async {
        until_longer(&path, start).await;
        get(&on.store, "k").await
    };
    let seen = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(seen));
    assert_eq!(seen, None, "a crash could still undo it");
    assert!(!first.is_finished() && !second.is_finished());
    drop(held);
    let outcomes = [first.await.unwrap(), second.await.unwrap()];
    let won = |outcome: &&EditOutcome| matches!(outcome, EditOutcome::Applied { .. });
    assert_eq!(
        outcomes.iter().filter(won).count(),
        1,
        "the other one saw it: {outcomes:?}"
    );
    assert_eq!(get(&on.store, "k").await, Some(inline("k", b"x")));
}

#[tokio::test]
async fn a_full_disk_refuses_the_change_and_goes_on_once_there_is_room() {
    for halves in [false, true] {
        let (_folder, path) = temporary();
        let on = open(&path).await;
        let kept = inline("kept", b"old");
        put(&on.store, &kept).await;
        let before = length(&path);
        on.files.halves.store(halves, Ordering::Relaxed);

        for change in ["replace", "remove", "create"] {
            on.files.fail_once_after(0);
            let any = WriteCondition::Any;
            let result = match change {
                "replace" => put_if(&on.store, &inline("kept", b"new"), &any).await,
                "remove" => remove(&on.store, "kept").await,
                _ => {
                    let body = Manifest::Inline(Bytes::from(vec![7; 16 * 1024]));
                    put_if(&on.store, &object("other", body), &any).await
                }
            };
            assert_eq!(result.unwrap_err().kind, StoreErrorKind::Unavailable, "{change}");
            assert_eq!(get(&on.store, "kept").await, Some(kept.clone()), "{change}");
            assert_eq!(length(&path), before, "{change}");
            assert_eq!(rows_in(&path), *on.store.rows(), "{change}");
        }
        // What was refused is not there for conditions either.
        let mut next = inline("kept", b"next");
        next.commit_id = CommitId::from_bytes([8; 16]);
        let bucket = bucket();
        let over_old = Edit::put(&bucket, &next, Expect::Row(Some(kept.tag())));
        let outcome = on.store.edit(&over_old).await.unwrap();
        assert!(matches!(outcome, EditOutcome::Applied { displaced: Some(old) } if *old == kept));
        let absent = put_if(&on.store, &inline("other", b"x"), &WriteCondition::IfAbsent).await;
        assert!(matches!(absent, Ok(EditOutcome::Applied { displaced: None })));
        assert_eq!(rows_in(&path), *on.store.rows());
        assert_eq!(on.reasons(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_does_not_fit_is_refused_as_a_whole() {
    let (_folder, path) = temporary();
    let on = Arc::new(open(&path).await);
    let start = length(&path);
    let spawn = |key: &'static str| {
        let on = Arc::clone(&on);
        tokio::spawn(async move { put_if(&on.store, &inline(key, b"x"), &WriteCondition::Any).await })
    };
    let held = on.files.syncing.lock().unwrap();
    let first = spawn("first");
    let mut group = Vec::new();
    let waiting = async {
        until_longer(&path, start).await;
        group.extend(["a", "b", "c"].map(spawn));
        until_waiting(&on.store, 3).await;
    };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(waiting));
    // The sync of the first, then the append of the others.
    on.files.fail_once_after(1);
    drop(held);
    first.await.unwrap().unwrap();
    for change in group {
        assert_eq!(
            change.await.unwrap().unwrap_err().kind,
            StoreErrorKind::Unavailable
        );
    }
    assert_eq!(on.store.rows().count(), 2);
    assert_eq!(rows_in(&path), *on.store.rows());
}

#[tokio::test]
async fn after_a_failed_sync_or_a_write_that_cannot_be_taken_back_nothing_is_acknowledged() {
    // The sync; the removal of half of an append.
    for (failing, once, halves, expected) in [
        (1, true, false, vec!["sync"]),
        (0, false, true, vec!["append", "truncate"]),
    ] {
        let (_folder, path) = temporary();
        let on = open(&path).await;
        put(&on.store, &inline("kept", b"x")).await;
        on.files.halves.store(halves, Ordering::Relaxed);
        on.files.once.store(once, Ordering::Relaxed);
        on.files.left.store(failing, Ordering::Relaxed);
        let lost = put_if(&on.store, &inline("k", b"x"), &WriteCondition::Any).await;
        assert_eq!(lost.unwrap_err().kind, StoreErrorKind::Timeout);
        on.store.writer.ended().await;
        on.files.left.store(usize::MAX, Ordering::Relaxed);
        let refused = put_if(&on.store, &inline("later", b"x"), &WriteCondition::Any).await;
        assert_eq!(refused.unwrap_err().kind, StoreErrorKind::Unavailable);
        assert_eq!(get(&on.store, "k").await, None);
        assert_eq!(*on.files.failed.lock().unwrap(), expected);
        let OnFaulty { store, reasons, .. } = on;
        drop(store);
        let reasons = reasons.lock().unwrap().clone();
        assert_eq!(reasons.len(), 1);
        assert!(
            reasons[0].starts_with("the log could not be made durable"),
            "{reasons:?}"
        );

        let store = JsonlMetadata::open(&path).unwrap();
        assert_eq!(get(&store, "kept").await, Some(inline("kept", b"x")));
        assert_eq!(get(&store, "later").await, None);
    }
}

#[tokio::test]
async fn a_refused_condition_writes_nothing() {
    let (_folder, path) = temporary();
    let on = open(&path).await;
    let before = fs::read(&path).unwrap();
    let syncs = on.store.syncs();
    let refused = put_if(&on.store, &inline("k", b"x"), &WriteCondition::IfPresent).await;
    assert_eq!(refused.unwrap(), EditOutcome::Refused { head: None });
    assert_eq!((fs::read(&path).unwrap(), on.store.syncs()), (before, syncs));
}
