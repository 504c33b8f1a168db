//! Rules of reading and deleting blobs.

use std::sync::Arc;

use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::BlobRead;
use bytes::Bytes;
use futures_util::StreamExt;

use super::{BlobFixture, collect};
use crate::race::{race, race_two};

/// At the edges, across likely piece boundaries, single bytes and all of it.
pub async fn a_range_gives_its_bytes_and_no_others(f: BlobFixture) {
    let (blob, bytes) = (f.fresh(), f.bytes(1_000_003));
    f.write(&blob, &bytes).await;
    let length = 1_000_003;
    let ranges = [
        0..1,
        0..length,
        length - 1..length,
        1..length,
        0..length - 1,
        65_535..65_537,
        4096..8192,
        123_456..654_321,
    ];
    for range in ranges {
        let expected =
            bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap());
        assert!(f.read(&blob, range.clone()).await == Some(expected), "{range:?}");
    }
}

/// In a bucket that has blobs and in one that has none.
pub async fn a_missing_blob_is_missing(f: BlobFixture) {
    let blob = f.fresh();
    f.write(&blob, &Bytes::from("here")).await;
    assert_eq!(f.read(&f.samples.blob(blob.bucket), 0..4).await, None);
    assert_eq!(f.read(&f.fresh(), 0..4).await, None);
}

/// Different ranges of one blob at once.
pub async fn readers_do_not_disturb_each_other(f: BlobFixture) {
    let (blob, bytes) = (f.fresh(), f.bytes(500_000));
    f.write(&blob, &bytes).await;
    let f = Arc::new(f);
    let reads = (0..16_u64).map(|index| {
        let f = Arc::clone(&f);
        async move { f.read(&blob, index * 1000..500_000 - index).await.unwrap() }
    });
    for (index, found) in race(reads.collect()).await.into_iter().enumerate() {
        assert!(found == bytes[index * 1000..500_000 - index], "reader {index}");
    }
}

/// At once, to readers and to scans.
pub async fn a_deleted_blob_is_missing(f: BlobFixture) {
    let blob = f.fresh();
    f.write(&blob, &Bytes::from("gone")).await;
    let outcomes = f.store.delete(&[blob]).await;
    assert!(outcomes.len() == 1 && outcomes[0].blob == blob && outcomes[0].result.is_ok());
    f.assert_absent(&blob).await;
}

/// Present, missing and deleted before, together.
pub async fn deleting_is_idempotent_with_an_outcome_per_blob(f: BlobFixture) {
    let bucket = f.fresh().bucket;
    let mut blobs: Vec<BlobRef> = (0..30).map(|_| f.samples.blob(bucket)).collect();
    for blob in &blobs[..20] {
        f.write(blob, &Bytes::from("x")).await;
    }
    blobs.sort();
    for _ in 0..2 {
        let outcomes = f.store.delete(&blobs).await;
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
        let mut named: Vec<BlobRef> = outcomes.iter().map(|outcome| outcome.blob).collect();
        named.sort();
        assert_eq!(named, blobs);
        assert_eq!(f.scan(bucket, 1000).await, []);
    }
}

/// An empty list is no error.
pub async fn deleting_nothing_has_no_outcomes(f: BlobFixture) {
    assert!(f.store.delete(&[]).await.is_empty());
}

/// Before the first piece, after it, and at any moment: all the bytes come, or an error ends the stream.
pub async fn a_blob_deleted_while_it_is_read_never_reads_short(f: BlobFixture) {
    let bytes = f.bytes(4 << 20);
    let length = bytes.len() as u64;
    for pieces_first in 0..2 {
        let blob = f.fresh();
        f.write(&blob, &bytes).await;
        let BlobRead::Found(mut stream) = f.store.read(&blob, 0..length).await.unwrap() else {
            panic!("the blob is there");
        };
        let mut found = Vec::new();
        for _ in 0..pieces_first {
            found.extend_from_slice(&stream.next().await.unwrap().unwrap());
        }
        f.store.delete(&[blob]).await;
        if let Ok(rest) = collect(stream).await {
            found.extend_from_slice(&rest);
            assert!(
                found == bytes,
                "deleted after {pieces_first} pieces: {} bytes",
                found.len()
            );
        }
    }
    for _ in 0..10 {
        let blob = f.fresh();
        f.write(&blob, &bytes.slice(..200_000)).await;
        let (reader, remover) = (Arc::clone(&f.store), Arc::clone(&f.store));
        let reading = async move {
            match reader.read(&blob, 0..200_000).await.unwrap() {
                BlobRead::Found(stream) => collect(stream).await.ok(),
                BlobRead::Missing => None,
            }
        };
        let (found, _) = race_two(reading, async move { remover.delete(&[blob]).await }).await;
        assert!(found.is_none_or(|found| found == bytes[..200_000]));
    }
}
