//! Plain files and the checked ones that take their place.

use std::time::{Duration, SystemTime};

use bleepstore_core::digest::crc64nvme;
use bleepstore_core::ports::Clock;
use bleepstore_http::SystemClock;

use super::*;
use crate::fs_blobs::frames::FRAME;

fn at_once() -> Pace {
    Pace {
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        bytes_per_second: None,
    }
}

fn stated(bytes: &[u8]) -> Stated {
    Stated {
        length: bytes.len() as u64,
        crc64nvme: crc64nvme(bytes),
    }
}

async fn scanned(store: &FsBlobs) -> Vec<(BlobRef, u64)> {
    let page = store.scan(None, 10).await.unwrap();
    page.blobs.iter().map(|entry| (entry.blob, entry.size)).collect()
}

#[tokio::test]
async fn plain_files_are_read_scanned_and_deleted_as_ever() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let (old, new) = (blob(1, [1, 2, 3]), blob(1, [1, 2, 4]));
    let bytes = noise(5 * FRAME + 9);
    write_plain(root.path(), &old, &bytes);
    store.write(&new, of(b"new"), None).await.unwrap();
    assert!(bytes_of(&store, &old, 0..bytes.len() as u64).await == bytes);
    assert!(bytes_of(&store, &old, 100..FRAME as u64 + 100).await == bytes[100..FRAME + 100]);
    assert_eq!(scanned(&store).await, [(old, bytes.len() as u64), (new, 3)]);
    for outcome in store.delete(&[old, new]).await {
        outcome.result.unwrap();
    }
    assert_eq!(files_below(root.path()), [""; 0]);
}

#[tokio::test]
async fn a_plain_file_that_is_what_was_stated_makes_way_for_a_checked_one_of_its_age() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    for length in [0, 1, FRAME, 5 * FRAME + 9] {
        let (blob, bytes) = (blob(1, [1, 2, 3]), noise(length));
        let plain = write_plain(root.path(), &blob, &bytes);
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        File::options()
            .write(true)
            .open(&plain)
            .unwrap()
            .set_modified(written)
            .unwrap();
        assert_eq!(store.verify(&blob, &at_once()).await.unwrap(), Verified::Plain);
        let rewritten = store.rewrite(&blob, stated(&bytes), &at_once()).await.unwrap();
        assert_eq!(rewritten, Some(length as u64));
        let checked = format!("blobs/{}/01/02/{}.c1", blob.bucket, blob.blob);
        assert_eq!(files_below(root.path()), [checked]);
        let page = store.scan(None, 10).await.unwrap();
        assert_eq!(page.blobs[0].created.millis(), 1_600_000_000_000);
        assert_eq!(scanned(&store).await, [(blob, length as u64)]);
        if length > 0 {
            assert!(bytes_of(&store, &blob, 0..length as u64).await == bytes);
        }
        let verified = store.verify(&blob, &at_once()).await.unwrap();
        assert_eq!(verified, Verified::Whole(length as u64));
        store.disk.delete(&blob).unwrap();
    }
}

#[tokio::test]
async fn a_plain_file_that_is_not_what_was_stated_stays_and_gets_no_checksums() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let (blob, bytes) = (blob(1, [1, 2, 3]), noise(2 * FRAME));
    write_plain(root.path(), &blob, &bytes);
    let before = files_below(root.path());
    for wrong in [
        stated(&bytes[1..]),
        stated(&noise(1)),
        Stated {
            crc64nvme: 7,
            ..stated(&bytes)
        },
    ] {
        let error = store.rewrite(&blob, wrong, &at_once()).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(&blob.blob.to_string()), "{error}");
        let error = store.compare(&blob, wrong, &at_once()).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Corrupt, "{error}");
        assert_eq!(files_below(root.path()), before);
    }
    assert_eq!(
        store.compare(&blob, stated(&bytes), &at_once()).await.unwrap(),
        Some(bytes.len() as u64)
    );
    assert_eq!(files_below(root.path()), before);
}

/// Wherever it breaks off, the blob is there once, and the next round ends the work.
#[tokio::test]
async fn a_rewrite_that_fails_at_any_step_leaves_the_blob_and_can_be_done_again() {
    let (blob, bytes) = (blob(1, [1, 2, 3]), noise(300_000));
    let mut steps = 0;
    for failing in 0.. {
        let root = tempfile::tempdir().unwrap();
        write_plain(root.path(), &blob, &bytes);
        let files = Arc::new(Faulty::default());
        let store = FsBlobs::open_with(root.path(), Box::new(Arc::clone(&files))).unwrap();
        files.left.store(failing, Ordering::Relaxed);
        let result = store.rewrite(&blob, stated(&bytes), &at_once()).await;
        files.left.store(usize::MAX, Ordering::Relaxed);
        assert!(
            bytes_of(&store, &blob, 0..300_000).await == bytes,
            "step {failing}"
        );
        assert_eq!(scanned(&store).await, [(blob, 300_000)], "step {failing}");
        assert!(fs::read_dir(root.path().join("tmp")).unwrap().next().is_none());
        if result.is_ok() {
            steps = failing;
            break;
        }
        if store.verify(&blob, &at_once()).await.unwrap() == Verified::Plain {
            store.rewrite(&blob, stated(&bytes), &at_once()).await.unwrap();
        }
        assert_eq!(files_below(root.path()).len(), 1, "step {failing}");
        let verified = store.verify(&blob, &at_once()).await.unwrap();
        assert_eq!(verified, Verified::Whole(300_000));
    }
    // create, two writes, its time, two syncs of the file with the rename between them and that of the folder.
    assert_eq!(steps, 7);
}

#[tokio::test]
async fn of_a_blob_with_both_files_the_checked_one_is_read_and_a_deletion_takes_both() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let blob = blob(1, [1, 2, 3]);
    store.write(&blob, of(b"checked"), None).await.unwrap();
    write_plain(root.path(), &blob, b"plain, and longer");
    assert_eq!(bytes_of(&store, &blob, 0..7).await, b"checked");
    assert_eq!(scanned(&store).await, [(blob, 7)]);
    for outcome in store.delete(&[blob, blob]).await {
        outcome.result.unwrap();
    }
    assert_eq!(files_below(root.path()), [""; 0]);
    // What is left of a rewrite goes once the checked file is known to be whole.
    store.write(&blob, of(b"checked"), None).await.unwrap();
    let plain = write_plain(root.path(), &blob, b"checked");
    assert_eq!(store.verify(&blob, &at_once()).await.unwrap(), Verified::Whole(7));
    assert!(!plain.exists());
    // A plain file mends a damaged checked one, if it is what a record says.
    write_plain(root.path(), &blob, b"checked");
    let checked = Folders::new(root.path()).path(&blob, Form::Checked);
    let mut file = fs::read(&checked).unwrap();
    file[2] ^= 1;
    fs::write(&checked, file).unwrap();
    assert_eq!(store.verify(&blob, &at_once()).await.unwrap(), Verified::Plain);
    store
        .rewrite(&blob, stated(b"checked"), &at_once())
        .await
        .unwrap();
    assert_eq!(bytes_of(&store, &blob, 0..7).await, b"checked");
    assert_eq!(files_below(root.path()).len(), 1);
}

/// The plain file goes while the checked one is written beside it.
#[tokio::test]
#[allow(
    clippy::await_holding_lock,
    reason = "what takes it runs on a thread of its own"
)]
async fn a_blob_that_is_deleted_while_it_is_rewritten_stays_deleted() {
    let root = tempfile::tempdir().unwrap();
    let files = Arc::new(Faulty::default());
    let store = FsBlobs::open_with(root.path(), Box::new(Arc::clone(&files))).unwrap();
    let (blob, bytes) = (blob(1, [1, 2, 3]), noise(300_000));
    let plain = write_plain(root.path(), &blob, &bytes);
    let syncing = files.syncing.lock().unwrap();
    let rewriting = tokio::spawn({
        let store = store.clone();
        let stated = stated(&bytes);
        async move { store.rewrite(&blob, stated, &at_once()).await }
    });
    while fs::read_dir(root.path().join("tmp")).unwrap().next().is_none() {
        tokio::task::yield_now().await;
    }
    for outcome in store.delete(&[blob]).await {
        outcome.result.unwrap();
    }
    while plain.exists() {
        tokio::task::yield_now().await;
    }
    drop(syncing);
    rewriting.await.unwrap().unwrap();
    assert_eq!(files_below(root.path()), [""; 0]);
    assert!(matches!(
        store.read(&blob, 0..1).await.unwrap(),
        BlobRead::Missing
    ));
}

#[tokio::test]
async fn a_file_in_another_blobs_folder_is_a_stray_and_no_blob() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let blob = blob(1, [1, 2, 3]);
    store.write(&blob, of(b"here"), None).await.unwrap();
    let path = Folders::new(root.path()).path(&blob, Form::Checked);
    let stray = path.with_file_name(format!("ff{}.c1", &blob.blob.to_string()[2..]));
    fs::copy(&path, &stray).unwrap();
    let (page, strays) = store.scan_files(None, 10).await.unwrap();
    assert_eq!(page.blobs.len(), 1);
    assert_eq!(strays, [stray]);
}
