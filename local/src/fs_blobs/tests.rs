use std::fs::{self, File};
use std::sync::atomic::Ordering;

use bleepstore_core::model::{BlobId, BucketId, ErrorCode, S3Error, StoreId};
use bleepstore_core::ports::StoreErrorKind;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use super::frames::{ENTRY, FOOTER};
use super::*;
use crate::files::faulty::Faulty;

mod damage;
mod scrubbing;

fn blob(bucket: u8, start: [u8; 3]) -> BlobRef {
    let mut id = [0; 16];
    id[..3].copy_from_slice(&start);
    BlobRef {
        bucket: BucketId::from_bytes([bucket; 16]),
        blob: BlobId::from_bytes(id),
    }
}

fn body(pieces: Vec<Result<Bytes, S3Error>>) -> BodyStream {
    stream::iter(pieces).boxed()
}

fn of(bytes: &[u8]) -> BodyStream {
    body(vec![Ok(Bytes::copy_from_slice(bytes))])
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

async fn bytes_of(store: &FsBlobs, blob: &BlobRef, range: Range<u64>) -> Vec<u8> {
    match store.read(blob, range).await.unwrap() {
        BlobRead::Found(pieces) => pieces.try_collect::<Vec<_>>().await.unwrap().concat(),
        BlobRead::Missing => panic!("the blob is missing"),
    }
}

/// The file that release 0.1 would have written.
fn write_plain(root: &Path, blob: &BlobRef, bytes: &[u8]) -> PathBuf {
    let path = Folders::new(root).path(blob, Form::Plain);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// Every file below `root`, as paths relative to it.
fn files_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_blob_lies_in_the_folders_of_its_first_two_bytes() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let blob = blob(0x11, [0x0a, 0xff, 0x77]);
    assert_eq!(store.write(&blob, of(b"hello"), Some(5)).await.unwrap(), 5);
    let path = format!("blobs/{}/0a/ff/{}.c1", blob.bucket, blob.blob);
    let file = fs::read(root.path().join(&path)).unwrap();
    assert!(file.starts_with(b"hello"));
    assert_eq!(file.len(), 5 + ENTRY + FOOTER);
    assert_eq!(files_below(root.path()), [path]);
}

#[tokio::test]
async fn a_body_of_many_buffers_reads_back_whole_and_in_ranges() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let bytes = noise(3_000_001);
    let pieces = bytes
        .chunks(65_537)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)));
    let blob = blob(1, [1, 2, 3]);
    let written = store.write(&blob, body(pieces.collect()), None).await.unwrap();
    assert_eq!(written, 3_000_001);
    assert_eq!(bytes_of(&store, &blob, 0..3_000_001).await, bytes);
    assert_eq!(
        bytes_of(&store, &blob, 262_143..524_290).await,
        &bytes[262_143..524_290]
    );
    assert_eq!(
        bytes_of(&store, &blob, 3_000_000..3_000_001).await,
        &bytes[3_000_000..]
    );
}

#[tokio::test]
async fn a_body_that_fails_leaves_no_file() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    for sent in [0, 10, 2_000_000] {
        let failing = body(vec![
            Ok(Bytes::from(noise(sent))),
            Err(ErrorCode::IncompleteBody.into()),
        ]);
        let error = store.write(&blob(1, [1, 2, 3]), failing, None).await.unwrap_err();
        assert!(matches!(error, WriteError::Body(error) if error.code == ErrorCode::IncompleteBody));
        assert_eq!(files_below(root.path()), [""; 0]);
    }
}

#[tokio::test]
async fn a_write_that_is_dropped_leaves_no_file() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let endless = stream::iter([Ok(Bytes::from(noise(1_000_000)))])
        .chain(stream::pending())
        .boxed();
    let blob = blob(1, [1, 2, 3]);
    let mut write = store.write(&blob, endless, None).boxed();
    while files_below(root.path()).is_empty() {
        assert!((&mut write).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(write);
    // The removal goes through the same pool of threads as these empty tasks.
    for _ in 0..10_000 {
        if files_below(root.path()).is_empty() {
            return;
        }
        spawn_blocking(|| ()).await.unwrap();
    }
    panic!("the file is still there");
}

#[tokio::test]
async fn opening_removes_what_unfinished_writes_left() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let blob = blob(1, [1, 2, 3]);
    store.write(&blob, of(b"kept"), None).await.unwrap();
    fs::write(root.path().join("tmp/left"), b"half").unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    assert_eq!(fs::read_dir(root.path().join("tmp")).unwrap().count(), 0);
    assert_eq!(bytes_of(&store, &blob, 0..4).await, b"kept");
}

#[tokio::test]
async fn a_blob_that_is_deleted_while_it_is_read_is_read_to_its_end() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let (blob, bytes) = (blob(1, [1, 2, 3]), noise(2_000_000));
    store.write(&blob, of(&bytes), None).await.unwrap();
    let BlobRead::Found(pieces) = store.read(&blob, 0..2_000_000).await.unwrap() else {
        panic!("the blob is missing");
    };
    for outcome in store.delete(&[blob, blob]).await {
        assert_eq!(outcome.blob, blob);
        outcome.result.unwrap();
    }
    assert_eq!(pieces.try_collect::<Vec<_>>().await.unwrap().concat(), bytes);
    assert!(matches!(
        store.read(&blob, 0..1).await.unwrap(),
        BlobRead::Missing
    ));
}

#[tokio::test]
async fn a_plain_file_that_was_cut_short_is_corrupt_and_not_a_short_read() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let blob = blob(1, [1, 2, 3]);
    write_plain(root.path(), &blob, b"hello");
    let path = root.path().join(&files_below(root.path())[0]);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(4)
        .unwrap();
    let error = store.read(&blob, 0..5).await.err().unwrap();
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_scan_walks_the_fan_out_in_order_and_leaves_out_what_is_not_a_blob() {
    let root = tempfile::tempdir().unwrap();
    let store = FsBlobs::open(root.path()).unwrap();
    let mut blobs = vec![
        blob(2, [0, 0, 0]),
        blob(1, [0xff, 0, 1]),
        blob(1, [0, 0xff, 1]),
        blob(1, [0, 0xff, 0]),
        blob(1, [0, 1, 0xff]),
        blob(1, [1, 0, 0]),
    ];
    for blob in &blobs {
        store.write(blob, of(b"abc"), None).await.unwrap();
    }
    let owner = OwnerRecord::new(StoreId::from_bytes([7; 16]), 3);
    store.set_owner(&owner).await.unwrap();
    fs::write(root.path().join("blobs/README"), b"").unwrap();
    fs::create_dir(
        root.path()
            .join("blobs")
            .join(blobs[0].bucket.to_string())
            .join("+1"),
    )
    .unwrap();
    blobs.sort();
    for limit in [1, 2, 3, 100] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = store.scan(after.as_ref(), limit).await.unwrap();
            assert!(page.blobs.len() <= limit);
            found.extend(page.blobs);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.iter().map(|entry| entry.blob).collect::<Vec<_>>(), blobs);
        assert!(
            found
                .iter()
                .all(|entry| entry.size == 3 && entry.created.millis() > 0)
        );
    }
    assert_eq!(store.owner().await.unwrap(), Some(owner));
}

#[tokio::test]
async fn the_common_write_syncs_one_folder() {
    let root = tempfile::tempdir().unwrap();
    let files = Arc::new(Faulty::default());
    let store = FsBlobs::open_with(root.path(), Box::new(Arc::clone(&files))).unwrap();
    let synced = |start| {
        files.synced.lock().unwrap().clear();
        let store = store.clone();
        let files = Arc::clone(&files);
        async move {
            store.write(&blob(1, start), of(b"x"), None).await.unwrap();
            files.synced.lock().unwrap().len()
        }
    };
    assert_eq!(synced([1, 1, 1]).await, 4, "blobs, bucket, 01, then 01/01");
    assert_eq!(synced([1, 1, 2]).await, 1, "01/01");
    assert_eq!(synced([1, 2, 1]).await, 2, "01, then 01/02");
}

#[tokio::test]
async fn a_write_that_fails_at_any_step_is_not_seen_and_leaves_no_file() {
    let mut steps = 0;
    for failing in 0.. {
        let root = tempfile::tempdir().unwrap();
        let files = Arc::new(Faulty::default());
        let store = FsBlobs::open_with(root.path(), Box::new(Arc::clone(&files))).unwrap();
        files.left.store(failing, Ordering::Relaxed);
        let result = store.write(&blob(1, [1, 2, 3]), of(&noise(300_000)), None).await;
        files.left.store(usize::MAX, Ordering::Relaxed);
        let Err(error) = result else {
            steps = failing;
            break;
        };
        assert!(
            matches!(&error, WriteError::Store(error) if error.kind == StoreErrorKind::Unavailable),
            "step {failing}: {error}"
        );
        assert_eq!(files_below(root.path()), [""; 0], "step {failing}");
        assert_eq!(store.scan(None, 10).await.unwrap().blobs, []);
    }
    // create, two writes, three folders made and their parents synced, sync, rename, sync of the folder.
    assert_eq!(steps, 12);
}

#[tokio::test]
async fn an_owner_record_that_cannot_be_replaced_stays() {
    let root = tempfile::tempdir().unwrap();
    let files = Arc::new(Faulty::default());
    let store = FsBlobs::open_with(root.path(), Box::new(Arc::clone(&files))).unwrap();
    assert_eq!(store.owner().await.unwrap(), None);
    let record = |epoch| OwnerRecord::new(StoreId::from_bytes([7; 16]), epoch);
    store.set_owner(&record(1)).await.unwrap();
    for failing in 0..5 {
        files.left.store(failing, Ordering::Relaxed);
        store.set_owner(&record(2)).await.unwrap_err();
        files.left.store(usize::MAX, Ordering::Relaxed);
        let epoch = store.owner().await.unwrap().unwrap().epoch;
        assert!(epoch == 1 || failing == 4, "step {failing}");
        assert_eq!(files_below(root.path()), ["blobs/owner.json"]);
    }
}

#[tokio::test]
#[allow(
    clippy::await_holding_lock,
    reason = "what takes it runs on a thread of its own"
)]
async fn a_deletion_is_over_once_it_is_queued_and_its_blob_is_not_seen() {
    let root = tempfile::tempdir().unwrap();
    let files = Arc::new(Faulty::default());
    let store = FsBlobs::open_with(root.path(), Box::new(Arc::clone(&files))).unwrap();
    let (gone, kept) = (blob(1, [1, 2, 3]), blob(1, [1, 2, 4]));
    for blob in [gone, kept] {
        store.write(&blob, of(b"hello"), None).await.unwrap();
    }
    let removing = files.removing.lock().unwrap();
    for _ in 0..2 {
        let outcomes = store.delete(&[gone]).now_or_never().unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    }
    assert_eq!(files_below(root.path()).len(), 2);
    assert!(matches!(
        store.read(&gone, 0..5).await.unwrap(),
        BlobRead::Missing
    ));
    let page = store.scan(None, 1).await.unwrap();
    assert_eq!(
        page.blobs.iter().map(|entry| entry.blob).collect::<Vec<_>>(),
        [kept]
    );
    drop(removing);
    store.close().await;
    assert_eq!(files_below(root.path()).len(), 1);
    store.write(&gone, of(b"again"), None).await.unwrap();
    assert_eq!(bytes_of(&store, &gone, 0..5).await, b"again");
}

#[tokio::test]
async fn a_full_queue_of_deletions_has_the_next_one_wait_for_the_disk() {
    let root = tempfile::tempdir().unwrap();
    let files = Arc::new(Faulty::default());
    let store = FsBlobs::open_with(root.path(), Box::new(Arc::clone(&files))).unwrap();
    let name = |n: usize| blob(1, [(n >> 8) as u8, n as u8, 1]);
    let removing = files.removing.lock().unwrap();
    // One of them may be under way already.
    let waits = (0..deletions::MOST + 2).find_map(|n| {
        let name = [name(n)];
        let store = store.clone();
        let mut deletion = async move { store.delete(&name).await }.boxed();
        let waits = (&mut deletion).now_or_never().is_none();
        waits.then_some((n, deletion))
    });
    let (queued, waiting) = waits.unwrap();
    assert!(queued >= deletions::MOST, "{queued}");
    drop(removing);
    assert!(waiting.await[0].result.is_ok());
    store.close().await;
    assert!(!store.disk.deletions.hides(&name(0)));
}
