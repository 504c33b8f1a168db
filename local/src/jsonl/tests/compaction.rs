//! Writing the log anew.

use std::fs;
use std::path::Path;
use std::sync::{Arc, RwLock};

use bleepstore_core::memory::Journal;
use bleepstore_core::model::Manifest;
use bytes::Bytes;

use super::super::compaction::Compaction;
use super::super::log::Log;
use super::{OnFaulty, create_bucket, length, open_with_bucket, rows_in, temporary};
use crate::files::FileOps;
use crate::files::faulty::Faulty;
use crate::jsonl::{JsonlMetadata, OpenError};
use crate::sample_rows::{event, inline, object, put, put_and_tell, remove};

/// Makes a log of some rows, most of whose lines no longer count.
async fn wasteful(path: &Path) {
    let store = open_with_bucket(path).await;
    for n in 0..60 {
        put(&store, &inline(&format!("k{}", n % 3), b"x")).await;
    }
    for n in 0..3 {
        let record = inline("k0", b"told");
        put_and_tell(&store, &record, &[event(&record, n)]).await;
    }
}

/// Compacts a log on these files while nothing else happens.
fn compact(path: &Path, files: &Arc<Faulty>) -> Result<(), String> {
    let files: Arc<dyn FileOps> = Arc::new(Arc::clone(files));
    let (mut log, replayed) = Log::open(Arc::clone(&files), path).unwrap();
    let durable = Arc::new(RwLock::new(replayed.rows));
    let mut compaction = Compaction::new(files, 1, 1);
    compaction.go_on(&mut log, &durable)?;
    assert!(compaction.is_running());
    while compaction.is_running() {
        std::thread::yield_now();
        compaction.go_on(&mut log, &durable)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_compacted_log_has_the_same_rows_once_and_is_sealed() {
    let (folder, path) = temporary();
    wasteful(&path).await;
    let rows = rows_in(&path);
    compact(&path, &Arc::default()).unwrap();
    assert_eq!(rows_in(&path), rows);
    let mut log = fs::read(&path).unwrap();
    let lines = log.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(
        lines,
        rows.count() + 2,
        "the header, the rows, and that all of it is durable"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    // No part of it can be taken for an unfinished write.
    let last_row = log[..log.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    log[last_row - 2] ^= 1;
    fs::write(&path, &log).unwrap();
    let refused = JsonlMetadata::open(&path).err().unwrap();
    assert!(matches!(refused, OpenError::Corrupt { .. }), "{refused}");
}

#[tokio::test]
async fn a_compaction_that_fails_at_any_step_loses_nothing() {
    let mut steps = Vec::new();
    for failing in 0.. {
        let (folder, path) = temporary();
        wasteful(&path).await;
        let (rows, before) = (rows_in(&path), length(&path));
        let files = Arc::new(Faulty::default());
        // Opening syncs the log and its folder.
        files.fail_once_after(2 + failing);
        let compacted = compact(&path, &files);
        let failed = files.failed.lock().unwrap().first().copied();
        assert_eq!(compacted.is_err(), failed == Some("sync_dir"), "step {failing}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "step {failing}");
        assert_eq!(rows_in(&path), rows, "step {failing}");
        let Some(failed) = failed else {
            break;
        };
        assert_eq!(length(&path) < before, failed == "sync_dir", "step {failing}");
        steps.push(failed);
    }
    let draft = ["create", "append", "append", "sync"];
    let end = ["append", "sync", "rename", "sync_dir"];
    assert_eq!(steps, [draft, end].concat());
}

#[tokio::test]
async fn what_an_interrupted_compaction_left_is_removed_by_the_next_start() {
    let (folder, path) = temporary();
    wasteful(&path).await;
    let (rows, log) = (rows_in(&path), fs::read(&path).unwrap());
    fs::write(folder.path().join("metadata.jsonl.new"), &log[..log.len() / 2]).unwrap();
    assert_eq!(rows_in(&path), rows);
    assert_eq!(fs::read(&path).unwrap(), log);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_go_on_while_the_log_is_compacted_and_none_is_lost() {
    let (_folder, path) = temporary();
    let files = Arc::new(Faulty::default());
    let on = Arc::new(OnFaulty::open_with(&path, files, 20_000).unwrap());
    create_bucket(&on.store).await;
    let work = |task: usize| {
        let on = Arc::clone(&on);
        tokio::spawn(async move {
            for n in 0..400 {
                let key = format!("{task}/{}", n * n % 23);
                if n % 5 == 0 {
                    remove(&on.store, &key).await.unwrap();
                } else {
                    let body = Bytes::from(vec![n as u8; 3 * n]);
                    put(&on.store, &object(&key, Manifest::Inline(body))).await;
                }
            }
        })
    };
    for task in [0, 1, 2, 3].map(work) {
        task.await.unwrap();
    }
    let rows = on.store.rows().clone();
    assert_eq!(rows_in(&path), rows);
    // The folder is synced by the start and by each compaction.
    let compactions = on.files.synced.lock().unwrap().len() - 1;
    assert!(compactions > 2, "{compactions} compactions");
    on.store.close().await.unwrap();
    assert_eq!(rows_in(&path), rows);
}
