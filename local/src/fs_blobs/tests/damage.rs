//! Files that are not what was written: no read ever passes on a wrong byte.

use std::os::unix::fs::symlink;

use bleepstore_core::ports::StoreErrorKind;
use futures_util::TryStreamExt;

use super::*;
use crate::fs_blobs::frames::FRAME;

/// A store with one blob of these bytes, and the blob's file.
async fn holding(root: &Path, blob: &BlobRef, bytes: &[u8]) -> (FsBlobs, PathBuf) {
    let store = FsBlobs::open(root).unwrap();
    store.write(blob, of(bytes), None).await.unwrap();
    (store, Folders::new(root).path(blob, Form::Checked))
}

/// What a read passes on, and the error that ends it.
async fn read(store: &FsBlobs, blob: &BlobRef, range: Range<u64>) -> (Vec<u8>, Option<StoreError>) {
    let mut passed = Vec::new();
    let mut pieces = match store.read(blob, range).await {
        Ok(BlobRead::Found(pieces)) => pieces,
        Ok(BlobRead::Missing) => panic!("the blob is missing"),
        Err(error) => return (passed, Some(error)),
    };
    loop {
        match pieces.try_next().await {
            Ok(Some(piece)) => passed.extend_from_slice(&piece),
            Ok(None) => return (passed, None),
            Err(error) => return (passed, Some(error)),
        }
    }
}

/// Checks that nothing can be read of a range, and returns why.
async fn refused(store: &FsBlobs, blob: &BlobRef, range: Range<u64>) -> String {
    let (passed, error) = read(store, blob, range).await;
    let error = error.unwrap();
    assert_eq!(
        (passed.len(), error.kind),
        (0, StoreErrorKind::Corrupt),
        "{error}"
    );
    error.to_string()
}

fn flip(path: &Path, at: usize) {
    let mut file = fs::read(path).unwrap();
    file[at] ^= 0x10;
    fs::write(path, file).unwrap();
}

#[tokio::test]
async fn a_flipped_bit_of_the_body_is_told_from_what_was_written_and_its_neighbours_are_read() {
    let root = tempfile::tempdir().unwrap();
    let (blob, bytes) = (blob(1, [1, 2, 3]), noise(10 * FRAME + 77));
    let (store, path) = holding(root.path(), &blob, &bytes).await;
    flip(&path, 5 * FRAME + 1_000);
    let frame = FRAME as u64;
    let why = refused(&store, &blob, 5 * frame + 2_000..5 * frame + 2_001).await;
    let file = path.display();
    assert_eq!(
        why,
        format!(
            "Corrupt: {file} is damaged: the bytes from 327680 to 393215 of its body, or their checksum, are damaged"
        )
    );
    for good in [
        0..1,
        0..5 * frame,
        5 * frame - 1..5 * frame,
        6 * frame..10 * frame + 77,
        10 * frame + 76..10 * frame + 77,
    ] {
        let (passed, error) = read(&store, &blob, good.clone()).await;
        assert!(error.is_none());
        assert!(
            passed == bytes[good.start as usize..good.end as usize],
            "{good:?}"
        );
    }
    // The first piece is whole, and the next one is not passed on.
    let (passed, error) = read(&store, &blob, 0..10 * frame).await;
    assert!(passed == bytes[..4 * FRAME]);
    assert_eq!(error.unwrap().kind, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_flipped_bit_of_the_table_costs_one_frame_and_one_of_the_footer_all() {
    let root = tempfile::tempdir().unwrap();
    let (blob, bytes) = (blob(1, [1, 2, 3]), noise(3 * FRAME));
    let (store, path) = holding(root.path(), &blob, &bytes).await;
    flip(&path, 3 * FRAME + ENTRY);
    let frame = FRAME as u64;
    refused(&store, &blob, frame..frame + 1).await;
    assert!(read(&store, &blob, 0..frame).await.0 == bytes[..FRAME]);
    assert!(read(&store, &blob, 2 * frame..3 * frame).await.0 == bytes[2 * FRAME..]);
    flip(&path, 3 * FRAME + 3 * ENTRY + 20);
    let why = refused(&store, &blob, 0..1).await;
    assert!(why.contains("its footer is damaged"), "{why}");
}

#[tokio::test]
async fn two_files_that_were_exchanged_are_each_refused() {
    let root = tempfile::tempdir().unwrap();
    let (one, other) = (blob(1, [1, 2, 3]), blob(2, [1, 2, 3]));
    let (store, path) = holding(root.path(), &one, b"one").await;
    store.write(&other, of(b"two"), None).await.unwrap();
    let others = Folders::new(root.path()).path(&other, Form::Checked);
    let aside = root.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    fs::rename(&others, &path).unwrap();
    fs::rename(&aside, &others).unwrap();
    let why = refused(&store, &one, 0..3).await;
    assert!(why.ends_with(&format!("it is the file of blob {other}")), "{why}");
    refused(&store, &other, 0..3).await;
}

#[tokio::test]
async fn a_symbolic_link_is_no_blob_whatever_it_leads_to() {
    let root = tempfile::tempdir().unwrap();
    let (blob, plain) = (blob(1, [1, 2, 3]), blob(1, [1, 2, 4]));
    let (store, path) = holding(root.path(), &blob, b"hello").await;
    let elsewhere = root.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    let why = refused(&store, &blob, 0..5).await;
    assert!(why.ends_with("it is a symbolic link"), "{why}");
    let longer = root.path().join("longer");
    fs::write(&longer, b"longer than it").unwrap();
    let path = write_plain(root.path(), &plain, b"");
    fs::remove_file(&path).unwrap();
    symlink(&longer, &path).unwrap();
    refused(&store, &plain, 0..5).await;
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&store, &plain, 0..5).await;
    // They are there, and what they lead to is not what they hold.
    let page = store.scan(None, 10).await.unwrap();
    assert_eq!(
        page.blobs
            .iter()
            .map(|entry| (entry.blob, entry.size))
            .collect::<Vec<_>>(),
        [(blob, 0), (plain, 0)]
    );
}

#[tokio::test]
async fn a_file_that_was_cut_or_grew_is_refused_whatever_its_length_is() {
    let root = tempfile::tempdir().unwrap();
    let (blob, bytes) = (blob(1, [1, 2, 3]), noise(FRAME + 10));
    let (store, path) = holding(root.path(), &blob, &bytes).await;
    let whole = fs::read(&path).unwrap();
    let cut = (0..FOOTER + 20).map(|less| &whole[..whole.len() - 1 - less]);
    for file in cut.chain([&whole[..FRAME], &whole[..1], &whole[..0]]) {
        fs::write(&path, file).unwrap();
        refused(&store, &blob, 0..1).await;
    }
    for more in [1, 4, 5, FOOTER, FRAME, FRAME + ENTRY] {
        let mut longer = whole.clone();
        longer.resize(whole.len() + more, 0);
        fs::write(&path, longer).unwrap();
        refused(&store, &blob, 0..1).await;
    }
    fs::write(&path, whole).unwrap();
    refused(&store, &blob, FRAME as u64..FRAME as u64 + 11).await;
    assert!(read(&store, &blob, 0..FRAME as u64 + 10).await.0 == bytes);
}

/// The tables of larger blobs are read piece by piece.
#[tokio::test]
async fn the_table_of_a_large_blob_is_read_as_far_as_it_is_needed() {
    let root = tempfile::tempdir().unwrap();
    let (blob, length) = (blob(1, [1, 2, 3]), (300 << 20) + 5);
    let store = FsBlobs::open(root.path()).unwrap();
    let piece = Bytes::from(noise(1 << 20));
    let mut pieces: Vec<_> = (0..300).map(|_| Ok(piece.clone())).collect();
    pieces.push(Ok(piece.slice(..5)));
    store.write(&blob, body(pieces), None).await.unwrap();
    let BlobRead::Found(mut pieces) = store.read(&blob, 0..length).await.unwrap() else {
        panic!("the blob is missing");
    };
    let mut read = 0;
    while let Some(found) = pieces.try_next().await.unwrap() {
        let at = read % (1 << 20);
        assert!(found == piece[at..at + found.len()], "at {read}");
        read += found.len();
    }
    assert_eq!(read as u64, length);
    assert_eq!(bytes_of(&store, &blob, length - 7..length).await.len(), 7);
}

/// Whatever is done to the file, what is passed on is what was written.
#[tokio::test]
async fn no_damage_makes_a_read_pass_on_a_wrong_byte() {
    let root = tempfile::tempdir().unwrap();
    let (blob, bytes) = (blob(1, [1, 2, 3]), noise(6 * FRAME + 4_321));
    let (store, path) = holding(root.path(), &blob, &bytes).await;
    let whole = fs::read(&path).unwrap();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut refusals = 0;
    for _ in 0..400 {
        let mut file = whole.clone();
        for _ in 0..=random(3) {
            // A disk fails in blocks, a cable in bits; the end of the file is where most can go wrong.
            let (from, to) = (random(file.len()), random(file.len()));
            let near_end = file.len() - 1 - random(100.min(file.len()));
            match random(6) {
                0 => file[from] ^= 1 << random(8),
                1 => file[near_end] ^= 1 << random(8),
                2 => {
                    let block = from / 4_096 * 4_096;
                    let end = (block + 4_096).min(file.len());
                    file[block..end].fill(0);
                }
                3 => {
                    let length = random(9_000).min(file.len() - from).min(file.len() - to);
                    file.copy_within(from..from + length, to);
                }
                4 => file.truncate(from.max(1)),
                _ => file.extend(std::iter::repeat_n(random(256) as u8, random(70_000))),
            }
        }
        fs::write(&path, &file).unwrap();
        let start = random(bytes.len());
        let end = start + 1 + random(bytes.len() - start);
        let (passed, error) = read(&store, &blob, start as u64..end as u64).await;
        assert!(bytes[start..end].starts_with(&passed), "{start}..{end}");
        assert_eq!(passed.len() == end - start, error.is_none());
        refusals += usize::from(error.is_some());
    }
    assert!((200..400).contains(&refusals), "{refusals} refusals");
}
