//! Opening, closing and crashing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, mpsc};

use bleepstore_core::model::{Release, StoreId, WriteCondition};
use bleepstore_core::ports::{BucketIndex, RecordPlace, StoreErrorKind, StoreIndex, StoreRecord};
use rusqlite::Connection;

use super::super::{OpenError, SqliteMetadata, schema};
use super::{bucket, get, inline, open_with_bucket, put, put_if, temporary};

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
    let refused = put_if(&store, &inline("k", b"x"), &WriteCondition::Any).await;
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
    assert!(matches!(refused, OpenError::TooNew(_)));
    assert_eq!(
        refused.to_string(),
        format!(
            "the database is in format 99, and this is bleepstore {}, which knows format 4 at most: use the release that \
             wrote it, or a later one; nothing was changed",
            Release::CURRENT
        )
    );
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no log was begun"
    );
}

/// A later program keeps the record where this one can find it, whatever else it brings.
#[test]
fn a_database_of_a_later_format_is_refused_and_says_who_wrote_it() {
    let (_folder, path) = temporary();
    let db = schema::open_writer(&path).unwrap();
    schema::raise(&db, schema::MOVED_RECORD).unwrap();
    let record = r#"{"store":"07070707070707070707070707070707","active":true,"format":8,"written_by":"9.8.7","more":[]}"#;
    db.execute("INSERT INTO moved_store VALUES (1, ?)", [record])
        .unwrap();
    db.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    for (version, what) in [
        (2, "the store is in format 8"),
        (3, "the store is in format 8"),
        (4, "the store is in format 8"),
        (5, "the database is in format 5"),
    ] {
        db.pragma_update(None, "user_version", version).unwrap();
        let before = fs::read(&path).unwrap();
        let refused = SqliteMetadata::open(&path).err().unwrap();
        let line = refused.to_string();
        assert!(matches!(refused, OpenError::TooNew(_)), "{line}");
        assert!(
            line.starts_with(&format!("{what}, which bleepstore 9.8.7 wrote, ")),
            "{line}"
        );
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

/// So that a program of release 0.1 opens what this one has made and used.
#[tokio::test]
async fn a_new_database_has_the_first_schema_until_a_feature_needs_another() {
    let (_folder, path) = temporary();
    let version = || {
        let db = Connection::open(&path).unwrap();
        db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let store = SqliteMetadata::open(&path).unwrap();
    let record = StoreRecord::new(StoreId::from_bytes([7; 16]));
    assert!(store.swap_store_record(None, &record).await.unwrap());
    assert_eq!(store.record_at(RecordPlace::Moved).await.unwrap(), None);
    assert_eq!(version(), 1);
    let swapped = store.swap_record_at(RecordPlace::Moved, None, &record).await;
    assert!(swapped.unwrap());
    assert_eq!(version(), 2);
    store.close().await.unwrap();
    let store = SqliteMetadata::open(&path).unwrap();
    assert_eq!(store.record_at(RecordPlace::Moved).await.unwrap(), Some(record));
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

#[test]
fn only_the_owner_of_the_file_can_read_it() {
    let (folder, path) = temporary();
    let _db = schema::open_writer(&path).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_start_that_was_cut_off_before_the_schema_is_made_up_for() {
    let (_folder, path) = temporary();
    fs::write(&path, b"").unwrap();
    let store = open_with_bucket(&path).await;
    put(&store, &inline("k", b"hello")).await;
}

/// A new database gets its write-ahead log by a change that has a journal beside it, as databases without such a log do.
#[tokio::test]
async fn a_first_start_that_was_killed_within_a_change_is_made_up_for() {
    let (folder, path) = temporary();
    let db = Connection::open(&path).unwrap();
    // A cache of one page, so that the change is in both files before it ends.
    db.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA cache_size = 1;
         BEGIN;
         CREATE TABLE half (bytes BLOB);
         INSERT INTO half VALUES (zeroblob(1000000));",
    )
    .unwrap();
    let killed = folder.path().join("killed.sqlite");
    let journal = |path: &Path| path.with_extension("sqlite-journal");
    fs::copy(&path, &killed).unwrap();
    fs::copy(journal(&path), journal(&killed)).unwrap();

    let store = open_with_bucket(&killed).await;
    put(&store, &inline("k", b"hello")).await;
    assert!(!journal(&killed).exists());
}

#[test]
fn a_missing_folder_is_reported_and_not_made() {
    let (folder, _) = temporary();
    let path = folder.path().join("missing/metadata.sqlite");
    assert!(matches!(
        SqliteMetadata::open(&path).err(),
        Some(OpenError::Create(_))
    ));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_is_emptied_although_somebody_reads() {
    let (_folder, path) = temporary();
    let store = Arc::new(open_with_bucket(&path).await);
    let log = path.with_extension("sqlite-wal");
    let (release, held) = mpsc::channel::<()>();
    let (began, begun) = tokio::sync::oneshot::channel();
    let reader = tokio::spawn({
        let store = Arc::clone(&store);
        let read = move |db: &Connection| {
            db.query_row("SELECT count(*) FROM buckets", [], |row| row.get::<_, i64>(0))?;
            began.send(()).unwrap();
            held.recv().unwrap_err();
            Ok(())
        };
        async move { store.query(read).await }
    });
    begun.await.unwrap();
    let fill = "INSERT INTO store (id, detail) VALUES (1, hex(zeroblob(35000000)))";
    store.change(move |db| Ok(db.execute(fill, [])?)).await.unwrap();
    assert!(fs::metadata(&log).unwrap().len() > 70_000_000);
    drop(release);
    reader.await.unwrap().unwrap();
    put(store.as_ref(), &inline("k", b"x")).await;
    assert!(fs::metadata(&log).unwrap().len() < 1_000_000);
}
