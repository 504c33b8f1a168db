//! Opening, and what a crash leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use bleepstore_core::memory::{Change, Journal};
use bleepstore_core::model::{Release, WriteCondition};
use bleepstore_core::ports::{BucketIndex, StoreErrorKind};

use super::super::line::write_record;
use super::{OnFaulty, OpenError, length, open_with_bucket, rows_in, temporary};
use crate::files::faulty::Faulty;
use crate::jsonl::JsonlMetadata;
use crate::sample_rows::{bucket, get, inline, put, put_if};

#[tokio::test]
async fn a_log_that_is_opened_again_has_everything_whether_it_was_closed_or_not() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    let record = inline("a/é", b"hello");
    put(&store, &record).await;
    let rows = store.rows().clone();
    assert_eq!(rows_in(&path), rows, "not closed");
    store.close().await.unwrap();
    assert_eq!(rows_in(&path), rows, "closed");
    let refused = put_if(&store, &inline("k", b"x"), &WriteCondition::Any).await;
    assert_eq!(refused.unwrap_err().kind, StoreErrorKind::Unavailable);
    drop(store);

    let store = JsonlMetadata::open(&path).unwrap();
    assert_eq!(store.bucket(&bucket().name).await.unwrap(), Some(bucket()));
    assert_eq!(get(&store, "a/é").await, Some(record));
}

#[test]
fn a_new_log_is_its_header_and_for_its_owner_alone() {
    let (folder, path) = temporary();
    JsonlMetadata::open(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let end = format!(
        "\",\"format\":\"bleepstore-metadata\",\"version\":1,\"written_by\":\"{}\"}}\n",
        Release::CURRENT
    );
    assert!(text.starts_with("{\"crc\":\"") && text.ends_with(&end), "{text}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing else is left"
    );
}

/// The bytes of a log with a last record, and how many of them are before it.
async fn log_with_last_record() -> (Vec<u8>, usize) {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    put(&store, &inline("first", b"x")).await;
    let before = length(&path) as usize;
    put(&store, &inline("last", b"a body")).await;
    (fs::read(&path).unwrap(), before)
}

#[tokio::test]
async fn a_last_record_that_is_cut_off_at_any_byte_is_removed_before_anything_is_appended() {
    let (log, before) = log_with_last_record().await;
    let (_folder, path) = temporary();
    for cut in before..log.len() {
        fs::write(&path, &log[..cut]).unwrap();
        let rows = rows_in(&path);
        assert_eq!(length(&path), before as u64, "cut at {cut}");
        assert_eq!(rows.count(), 2, "cut at {cut}: the bucket and the first object");
    }
    let store = JsonlMetadata::open(&path).unwrap();
    assert_eq!(get(&store, "last").await, None);
    put(&store, &inline("next", b"y")).await;
    drop(store);
    assert_eq!(rows_in(&path).count(), 3);
}

#[tokio::test]
async fn an_unfinished_write_may_have_holes_and_whole_lines_after_them() {
    let (log, before) = log_with_last_record().await;
    let (_folder, path) = temporary();
    for hole in [
        before..before + 30,
        before + 40..log.len() - 1,
        log.len() - 9..log.len() - 1,
    ] {
        let mut torn = log.clone();
        torn[hole.clone()].fill(0);
        // Of the same write: when it was written, nothing of the line before it was known to be durable.
        write_record(
            &mut torn,
            before as u64,
            &[Change::CredentialGone("key".to_owned())],
        )
        .unwrap();
        fs::write(&path, &torn).unwrap();
        assert_eq!(rows_in(&path).count(), 2, "{hole:?}");
        assert_eq!(length(&path), before as u64, "{hole:?}");
    }
}

/// Expects that the log is refused for this line, and is left as it is.
#[track_caller]
fn assert_corrupt(path: &std::path::Path, log: &[u8], expected: u64, text: &str) {
    fs::write(path, log).unwrap();
    let error = JsonlMetadata::open(path).err().expect("the log is refused");
    assert_eq!(
        error.to_string(),
        format!("line {expected} is damaged: {text}; nothing was changed")
    );
    assert_eq!(fs::read(path).unwrap(), log);
}

#[tokio::test]
async fn a_damaged_line_that_was_durable_is_named_and_nothing_is_changed() {
    let (log, before) = log_with_last_record().await;
    let (_folder, path) = temporary();
    let header = log.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let second = header + log[header..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for (at, line) in [
        (header + 60, 2),
        (second - 2, 2),
        (second + 60, 3),
        (before - 2, 3),
    ] {
        let mut damaged = log.clone();
        damaged[at] ^= 4;
        assert_corrupt(&path, &damaged, line, "its CRC is another");
    }
    let mut joined = log.clone();
    joined.remove(second - 1);
    assert_corrupt(&path, &joined, 2, "its CRC is another");
    let mut without_opening = log;
    without_opening[header] = b'[';
    assert_corrupt(&path, &without_opening, 2, "it does not start with its CRC");
}

#[tokio::test]
async fn the_last_line_of_a_log_that_was_closed_is_known_to_be_durable() {
    let (log, before) = log_with_last_record().await;
    let (_folder, path) = temporary();
    fs::write(&path, &log).unwrap();
    for _ in 0..2 {
        JsonlMetadata::open(&path).unwrap().close().await.unwrap();
    }
    let mut closed = fs::read(&path).unwrap();
    assert_eq!(
        closed[log.len()..].split(|byte| *byte == b'\n').count(),
        2,
        "one line was added"
    );
    closed[before + 60] ^= 1;
    assert_corrupt(&path, &closed, 4, "its CRC is another");
}

#[tokio::test]
async fn a_second_header_and_an_unknown_record_are_refused() {
    let (log, _) = log_with_last_record().await;
    let (_folder, path) = temporary();
    let header = log.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let doubled = [&log[..header], &log].concat();
    assert_corrupt(&path, &doubled, 2, "it is a second header");
    assert_corrupt(
        &path,
        &[&log, &log[..header]].concat(),
        5,
        "it is a second header",
    );
}

#[test]
fn a_log_of_a_later_version_is_refused_and_not_touched() {
    let (folder, path) = temporary();
    JsonlMetadata::open(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let rest = ",\"format\":\"bleepstore-metadata\",\"version\":2,\"written_by\":\"9.8.7\"}";
    let crc = bleepstore_core::digest::crc64nvme(rest.as_bytes());
    let later = format!("{{\"crc\":\"{crc:016x}\"{rest}\nsomething else\n");
    fs::write(&path, &later).unwrap();
    let refused = JsonlMetadata::open(&path).err().unwrap();
    assert_eq!(
        refused.to_string(),
        format!(
            "the log is in format 2, which bleepstore 9.8.7 wrote, and this is bleepstore {}, which knows format 1 at \
             most: use bleepstore 9.8.7 or a later one; nothing was changed",
            Release::CURRENT
        )
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), later);
    for foreign in [
        "",
        "something else\n",
        &text[..text.len() - 1],
        &later.replace("n\":2", "n\":1"),
    ] {
        fs::write(&path, foreign).unwrap();
        let refused = JsonlMetadata::open(&path).err().unwrap();
        assert!(matches!(refused, OpenError::Foreign(_)), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A later program may add kinds of changes, and members to rows, without another version of the log.
#[test]
fn a_log_with_a_line_of_a_later_program_is_refused_and_not_touched() {
    let (folder, path) = temporary();
    JsonlMetadata::open(&path).unwrap();
    let log = fs::read_to_string(&path).unwrap();
    let store =
        "\"store\":\"07070707070707070707070707070707\",\"epoch\":1,\"active\":true,\"gc_cursor\":null";
    for (change, expected) in [
        (
            format!("{{\"moved_store\":{{{store},\"format\":8,\"written_by\":\"9.8.7\"}}}}"),
            "line 2: the store is in format 8, which bleepstore 9.8.7 wrote, and this is",
        ),
        (
            format!("{{\"store\":{{{store},\"lease\":1}}}}"),
            "line 2: a row holds what this is too old to know (unknown field `lease`",
        ),
        (
            "{\"lease\":{}}".to_owned(),
            "line 2: a row holds what this is too old to know (unknown variant `lease`",
        ),
    ] {
        let rest = format!(",\"synced\":{},\"changes\":[{change}]}}", log.len());
        let crc = bleepstore_core::digest::crc64nvme(rest.as_bytes());
        let later = format!("{log}{{\"crc\":\"{crc:016x}\"{rest}\n");
        fs::write(&path, &later).unwrap();
        let line = JsonlMetadata::open(&path).err().unwrap().to_string();
        assert!(line.starts_with(expected), "{line}");
        assert_eq!(fs::read_to_string(&path).unwrap(), later);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn a_start_that_fails_at_any_step_is_made_up_for_by_the_next() {
    let (log, before) = log_with_last_record().await;
    let mut steps = Vec::new();
    for torn in [false, true] {
        for failing in 0.. {
            let (_folder, path) = temporary();
            if torn {
                fs::write(&path, &log[..log.len() - 1]).unwrap();
            }
            let files = Arc::new(Faulty::default());
            files.fail_once_after(failing);
            let opened = OnFaulty::open_with(&path, Arc::clone(&files), 1 << 20);
            let rows = if torn { 2 } else { 0 };
            assert_eq!(rows_in(&path).count(), rows, "step {failing}");
            if torn {
                assert_eq!(length(&path), before as u64);
            }
            match opened.err() {
                Some(OpenError::Io { .. }) => steps.push(files.failed.lock().unwrap()[0]),
                Some(other) => panic!("step {failing}: {other}"),
                None => break,
            }
        }
    }
    let create = ["create", "append", "sync", "rename"];
    let settle = ["sync", "sync_dir"];
    assert_eq!(steps, [&create[..], &settle, &["truncate"], &settle].concat());
}
