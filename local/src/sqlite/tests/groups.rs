//! Changes that share a transaction.

use std::sync::{Arc, Mutex, mpsc};

use bleepstore_core::model::{Manifest, WriteCondition};
use bleepstore_core::ports::{BucketIndex, KeyRange, ObjectIndex, StoreErrorKind};
use bytes::Bytes;
use futures_util::future::join_all;
use rusqlite::Connection;

use super::super::SqliteMetadata;
use super::super::error::Failure;
use super::{bucket, get, inline, object, open_with_bucket, put, put_if, temporary};
use crate::group_commit::Fatal;

/// Keeps the writer busy until the sender is dropped, so that what is queued meanwhile is one group.
async fn hold(store: &Arc<SqliteMetadata>) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (began, begun) = tokio::sync::oneshot::channel();
    let holding = Arc::clone(store);
    tokio::spawn(async move {
        let wait = move |_: &Connection| {
            began.send(()).unwrap();
            held.recv().unwrap_err();
            Ok(())
        };
        holding.change(wait).await.unwrap();
    });
    begun.await.unwrap();
    release
}

/// The tests run on one thread: on two, a change may have its place in the queue and not be in it yet.
async fn until_waiting(store: &SqliteMetadata, changes: usize) {
    while store.writer.waiting() < changes {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn changes_that_wait_at_the_same_moment_share_a_transaction() {
    let (_folder, path) = temporary();
    let store = Arc::new(open_with_bucket(&path).await);
    let release = hold(&store).await;
    let (before, changes) = (store.transactions(), store.group_sizes().sum());
    let puts: Vec<_> = (0..100)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { put(store.as_ref(), &inline(&format!("k{n:03}"), b"x")).await })
        })
        .collect();
    until_waiting(&store, 100).await;
    drop(release);
    for put in join_all(puts).await {
        assert_eq!(put.unwrap(), None);
    }
    // The one that held the writer, then all the others.
    assert_eq!(store.transactions() - before, 2);
    assert_eq!(store.group_sizes().sum() - changes, 101);
    let page = store
        .scan_objects(&bucket(), &KeyRange::default(), 1000)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 100);
}

#[tokio::test]
async fn a_change_that_fails_undoes_nothing_of_its_group() {
    let (_folder, path) = temporary();
    let store = Arc::new(open_with_bucket(&path).await);
    let release = hold(&store).await;
    let before = store.transactions();
    let spawn = |fails: bool, key: &'static str| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let change = move |db: &Connection| {
                let insert = "INSERT INTO credentials (access_key, detail) VALUES (CAST(? AS BLOB), '{}')";
                db.execute(insert, [key])?;
                if fails {
                    Err(Failure::unreadable("a test"))
                } else {
                    Ok(())
                }
            };
            store.change(change).await
        })
    };
    let mut changes = Vec::new();
    for (n, (fails, key)) in [(false, "first"), (true, "second"), (false, "third")]
        .into_iter()
        .enumerate()
    {
        changes.push(spawn(fails, key));
        until_waiting(&store, n + 1).await;
    }
    drop(release);
    let results: Vec<_> = join_all(changes).await.into_iter().map(Result::unwrap).collect();
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().kind, StoreErrorKind::Corrupt);
    assert_eq!(store.transactions() - before, 2);
    let keys = store
        .query(|db| {
            let mut select = db.prepare("SELECT CAST(access_key AS TEXT) FROM credentials ORDER BY 1")?;
            let keys: Result<Vec<String>, _> = select.query_map([], |row| row.get(0))?.collect();
            Ok(keys?)
        })
        .await
        .unwrap();
    assert_eq!(keys, ["first", "third"]);
}

#[tokio::test]
async fn when_sqlite_gives_up_the_transaction_the_whole_group_is_refused() {
    let (_folder, path) = temporary();
    let store = Arc::new(open_with_bucket(&path).await);
    let release = hold(&store).await;
    let first = tokio::spawn({
        let store = Arc::clone(&store);
        async move { put_if(store.as_ref(), &inline("k", b"x"), &WriteCondition::Any).await }
    });
    until_waiting(&store, 1).await;
    let second = tokio::spawn({
        let store = Arc::clone(&store);
        // As SQLite does by itself on an I/O error.
        async move { store.change(|db| Ok(db.execute_batch("ROLLBACK")?)).await }
    });
    until_waiting(&store, 2).await;
    drop(release);
    assert!(second.await.unwrap().is_err());
    first.await.unwrap().unwrap_err();
    assert_eq!(get(store.as_ref(), "k").await, None);
    put(store.as_ref(), &inline("k", b"x")).await;
}

#[tokio::test]
async fn a_full_database_refuses_the_change_and_goes_on() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    let limit = |pages: i64| store.change(move |db| Ok(db.pragma_update(None, "max_page_count", pages)?));
    limit(1).await.unwrap(); // No less than the database has already.
    let mut refused = None;
    for n in 0..100 {
        let record = object(
            &format!("k{n}"),
            Manifest::Inline(Bytes::from(vec![7; 16 * 1024])),
        );
        let result = put_if(&store, &record, &WriteCondition::Any).await;
        if let Err(error) = result {
            refused = Some((record, error));
            break;
        }
    }
    let (record, error) = refused.unwrap();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    assert_eq!(get(&store, record.key.as_str()).await, None);
    limit(1_000_000).await.unwrap();
    put(&store, &record).await;
}

#[tokio::test]
async fn a_commit_that_cannot_be_made_durable_is_fatal_and_never_acknowledged() {
    let (_folder, path) = temporary();
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&reasons);
    let fatal: Fatal = Box::new(move |reason| heard.lock().unwrap().push(reason.to_owned()));
    let store = SqliteMetadata::open_with(&path, fatal).unwrap();
    store
        .change(|db| {
            let tables = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
                 CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);";
            Ok(db.execute_batch(tables)?)
        })
        .await
        .unwrap();
    // A deferred constraint makes the COMMIT itself fail.
    let lost = store
        .change(|db| Ok(db.execute_batch("INSERT INTO child VALUES (1)")?))
        .await;
    assert_eq!(lost.unwrap_err().kind, StoreErrorKind::Timeout);
    let refused = store.create_bucket(&bucket()).await;
    assert!(matches!(
        refused.unwrap_err().kind,
        StoreErrorKind::Unavailable | StoreErrorKind::Timeout
    ));
    store.writer.ended().await;
    let reasons = reasons.lock().unwrap();
    assert_eq!(reasons.len(), 1);
    assert!(
        reasons[0].starts_with("the database could not be made durable"),
        "{reasons:?}"
    );
}
