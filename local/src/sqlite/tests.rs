use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};

use bleepstore_core::model::{
    BlobId, BlobRef, Bucket, BucketId, BucketName, BucketState, CommitId, ETag, Extent, Layout, Manifest,
    ObjectHeaders, ObjectKey, ObjectKind, ObjectRecord, Owner, PartBoundary, PartNumber, Revision, Timestamp,
    WriteCondition,
};
use bleepstore_core::ports::{
    BucketIndex, CommitOutcome, CreateBucketOutcome, KeyRange, ObjectIndex, RemoveOutcome, StoreErrorKind,
};
use bytes::Bytes;
use futures_util::future::join_all;

use super::*;

fn bucket() -> Bucket {
    Bucket {
        name: BucketName::new("pictures").unwrap(),
        id: BucketId::from_bytes([1; 16]),
        owner: Owner::root(),
        region: "us-east-1".into(),
        created: Timestamp::from_seconds(1),
        state: BucketState::Active,
        revision: Revision(1),
        layout: Bucket::LAYOUT,
    }
}

fn object(key: &str, manifest: Manifest) -> ObjectRecord {
    ObjectRecord {
        bucket: bucket().id,
        key: ObjectKey::new(key).unwrap(),
        commit_id: CommitId::from_bytes([9; 16]),
        kind: ObjectKind::Object,
        etag: ETag::from_md5([3; 16]),
        size: 5,
        last_modified: Timestamp::from_seconds(2),
        owner: Owner::root(),
        headers: ObjectHeaders {
            user_metadata: vec![("colour".into(), "blå".into())],
            ..ObjectHeaders::default()
        },
        checksum: None,
        shared: false,
        manifest,
    }
}

fn inline(key: &str, body: &'static [u8]) -> ObjectRecord {
    object(key, Manifest::Inline(Bytes::from_static(body)))
}

async fn open_with_bucket(path: &Path) -> SqliteMetadata {
    let store = SqliteMetadata::open(path).unwrap();
    let created = store.create_bucket(&bucket()).await.unwrap();
    assert_eq!(created, CreateBucketOutcome::Created);
    store
}

async fn put(store: &SqliteMetadata, record: &ObjectRecord) -> Option<ObjectRecord> {
    let outcome = store.commit(&bucket(), record, &WriteCondition::Any, None).await;
    match outcome.unwrap() {
        CommitOutcome::Committed { superseded } => superseded,
        other => panic!("not committed: {other:?}"),
    }
}

async fn get(store: &SqliteMetadata, key: &str) -> Option<ObjectRecord> {
    let key = ObjectKey::new(key).unwrap();
    store.lookup(&bucket().name, &key).await.unwrap().object
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.sqlite");
    (folder, path)
}

fn count(path: &Path, table: &str) -> i64 {
    let db = schema::open_reader(path).unwrap();
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn a_database_that_is_closed_and_opened_again_has_everything() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    let record = inline("a/é", b"hello");
    put(&store, &record).await;
    store.close().await.unwrap();
    let log = path.with_extension("sqlite-wal");
    assert!(
        fs::metadata(log).map_or(0, |log| log.len()) == 0,
        "the log is empty"
    );
    drop(store);

    let store = SqliteMetadata::open(&path).unwrap();
    assert_eq!(store.bucket(&bucket().name).await.unwrap(), Some(bucket()));
    assert_eq!(get(&store, "a/é").await, Some(record));
}

#[tokio::test]
async fn a_closed_store_refuses_changes_without_applying_them() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    store.close().await.unwrap();
    let refused = store
        .commit(&bucket(), &inline("k", b"x"), &WriteCondition::Any, None)
        .await;
    assert_eq!(refused.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert_eq!(get(&store, "k").await, None);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let (folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    put(&store, &inline("k", b"hello")).await;
    // The files as a crash leaves them: the change is in the log only.
    let crashed = folder.path().join("crashed.sqlite");
    fs::copy(&path, &crashed).unwrap();
    let log = |path: &Path| path.with_extension("sqlite-wal");
    assert!(fs::metadata(log(&path)).unwrap().len() > 0);
    fs::copy(log(&path), log(&crashed)).unwrap();

    let store = SqliteMetadata::open(&crashed).unwrap();
    assert_eq!(get(&store, "k").await, Some(inline("k", b"hello")));
}

#[test]
fn a_database_of_a_newer_schema_is_refused_and_not_touched() {
    let (folder, path) = temporary();
    drop(schema::open_writer(&path).unwrap());
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA user_version = 99; CREATE TABLE later (x); PRAGMA journal_mode = DELETE;")
        .unwrap();
    drop(db);
    let before = fs::read(&path).unwrap();
    let refused = SqliteMetadata::open(&path).err().unwrap();
    assert!(matches!(refused, OpenError::NewerSchema { found: 99, known: 1 }));
    assert_eq!(
        refused.to_string(),
        "the database has schema version 99, and this version of bleepstore knows 1 at most"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no log was begun"
    );
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_not_touched() {
    let (_folder, path) = temporary();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(
        SqliteMetadata::open(&path).err(),
        Some(OpenError::Foreign)
    ));
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::write(
        &path,
        "a text that is longer than the header of a database, so that it cannot be an empty one",
    )
    .unwrap();
    assert!(matches!(
        SqliteMetadata::open(&path).err(),
        Some(OpenError::Sqlite(_))
    ));
}

#[test]
fn migrations_lead_from_an_empty_file_to_the_latest_version_and_are_not_run_twice() {
    let (_folder, path) = temporary();
    for _ in 0..2 {
        let db = schema::open_writer(&path).unwrap();
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 1);
        let mode: String = db.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        let synchronous: i64 = db.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), synchronous), ("wal", 2), "2 is FULL");
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_of_the_file_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = temporary();
    let _db = schema::open_writer(&path).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

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

async fn until_waiting(store: &SqliteMetadata, changes: usize) {
    while store.writer.waiting() < changes {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_wait_at_the_same_moment_share_a_transaction() {
    let (_folder, path) = temporary();
    let store = Arc::new(open_with_bucket(&path).await);
    let release = hold(&store).await;
    let before = store.transactions();
    let puts: Vec<_> = (0..100)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { put(&store, &inline(&format!("k{n:03}"), b"x")).await })
        })
        .collect();
    until_waiting(&store, 100).await;
    drop(release);
    for put in join_all(puts).await {
        assert_eq!(put.unwrap(), None);
    }
    // The one that held the writer, then all the others.
    assert_eq!(store.transactions() - before, 2);
    let page = store
        .scan_objects(&bucket(), &KeyRange::default(), 1000)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_sqlite_gives_up_the_transaction_the_whole_group_is_refused() {
    let (_folder, path) = temporary();
    let store = Arc::new(open_with_bucket(&path).await);
    let release = hold(&store).await;
    let first = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            store
                .commit(&bucket(), &inline("k", b"x"), &WriteCondition::Any, None)
                .await
        }
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
    assert_eq!(get(&store, "k").await, None);
    put(&store, &inline("k", b"x")).await;
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
        let result = store.commit(&bucket(), &record, &WriteCondition::Any, None).await;
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

#[tokio::test]
async fn an_inline_body_goes_with_its_row() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    assert_eq!(put(&store, &inline("k", b"one")).await, None);
    assert_eq!(count(&path, "bodies"), 1);
    let superseded = put(&store, &inline("k", b"two")).await.unwrap();
    assert_eq!(superseded.manifest, Manifest::empty(), "the body is left out");
    assert_eq!(count(&path, "bodies"), 1);
    assert_eq!(get(&store, "k").await, Some(inline("k", b"two")));
    put(&store, &inline("k", b"")).await;
    assert_eq!(count(&path, "bodies"), 0);
    assert_eq!(get(&store, "k").await, Some(inline("k", b"")));
    put(&store, &inline("k", b"three")).await;
    let removed = store
        .remove(
            &bucket(),
            &ObjectKey::new("k").unwrap(),
            &WriteCondition::Any,
            None,
        )
        .await;
    assert!(matches!(
        removed,
        Ok(RemoveOutcome::Removed { superseded: Some(_) })
    ));
    assert_eq!(count(&path, "bodies"), 0);
}

#[tokio::test]
async fn limits_are_exact() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    let blob = BlobRef {
        bucket: bucket().id,
        blob: BlobId::from_bytes([5; 16]),
    };
    let layout = |extents, parts: u64| {
        let part = |number| PartBoundary {
            number: PartNumber::new(number).unwrap(),
            length: 1,
            checksum: None,
        };
        Manifest::Extents(Layout {
            extents: vec![Extent::whole(blob, 1, u64::MAX); extents],
            parts: (1..=parts).map(part).collect(),
        })
    };
    let body = |length| Manifest::Inline(Bytes::from(vec![1; length]));
    for (fits, manifest) in [
        (true, body(INLINE_LIMIT as usize)),
        (false, body(INLINE_LIMIT as usize + 1)),
        (true, layout(LAYOUT_LIMIT / 2, LAYOUT_LIMIT as u64 / 2)),
        (false, layout(LAYOUT_LIMIT / 2, LAYOUT_LIMIT as u64 / 2 + 1)),
    ] {
        let record = object("k", manifest);
        let result = store.commit(&bucket(), &record, &WriteCondition::Any, None).await;
        if fits {
            result.unwrap();
            assert_eq!(get(&store, "k").await, Some(record));
        } else {
            assert_eq!(result.unwrap_err().kind, StoreErrorKind::Internal);
        }
    }
}

#[tokio::test]
async fn a_listing_reads_neither_json_nor_bodies_and_no_other_keys() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    put(&store, &inline("a", b"x")).await;
    put(&store, &inline("b/1", b"x")).await;
    put(&store, &inline("c", b"x")).await;
    store
        .change(|db| {
            // A key that cannot be read, which a scan of the whole bucket would meet.
            let unreadable = "UPDATE objects SET detail = 'unreadable';
                 UPDATE objects SET key = x'fe' WHERE key = CAST('c' AS BLOB);
                 DELETE FROM bodies;";
            Ok(db.execute_batch(unreadable)?)
        })
        .await
        .unwrap();
    let range = KeyRange {
        prefix: "b/".into(),
        ..KeyRange::default()
    };
    let page = store.scan_objects(&bucket(), &range, 10).await.unwrap();
    assert_eq!(page.items, [inline("b/1", b"x").summary()]);
    let key = ObjectKey::new("b/1").unwrap();
    let unreadable = store.lookup(&bucket().name, &key).await.unwrap_err();
    assert_eq!(unreadable.kind, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn every_range_read_is_a_search_of_an_index_without_a_sort() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    for select in [objects::SCAN, uploads::SCAN, uploads::SCAN_PARTS, buckets::SCAN] {
        let plan: Vec<String> = store
            .query(move |db| {
                let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {select}"))?;
                let mut rows = explain.raw_query();
                let mut plan = Vec::new();
                while let Some(row) = rows.next()? {
                    plan.push(row.get(3)?);
                }
                Ok(plan)
            })
            .await
            .unwrap();
        assert_eq!(plan.len(), 1, "{plan:?}");
        assert!(plan[0].starts_with("SEARCH"), "{plan:?}");
    }
}
