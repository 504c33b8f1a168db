//! Rules of writing blobs: all or nothing.

use std::sync::Arc;

use bleepstore_core::model::{BlobRef, ErrorCode, S3Error};
use bleepstore_core::ports::BodyStream;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::Notify;

use super::{BlobFixture, body, body_error};
use crate::race::race;

/// Cuts a body into pieces of odd and of no length.
fn in_pieces(bytes: &Bytes) -> Vec<Result<Bytes, S3Error>> {
    let mut pieces = vec![Ok(Bytes::new())];
    let mut rest = bytes.clone();
    for length in [1, 0, 4093, 65_537, 131_071].into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        pieces.push(Ok(rest.split_to(length.min(rest.len()))));
    }
    pieces
}

/// From nothing to 8 MiB, however the pieces are cut.
pub async fn bodies_of_any_length_come_back(f: BlobFixture) {
    for length in [0, 1, (1 << 20) + 1, 8 << 20] {
        let (blob, bytes) = (f.fresh(), f.bytes(length));
        let length = length as u64;
        let written = f
            .store
            .write(&blob, body(in_pieces(&bytes)), Some(length))
            .await
            .unwrap();
        assert_eq!(written, length);
        if length > 0 {
            assert!(
                f.read(&blob, 0..length).await.as_ref() == Some(&bytes),
                "{length} bytes come back"
            );
        }
        let sizes: Vec<u64> = f
            .scan(blob.bucket, 10)
            .await
            .iter()
            .map(|entry| entry.size)
            .collect();
        assert_eq!(sizes, [length]);
    }
}

/// More than a store sends or keeps in one piece.
const LONG: usize = (20 << 20) + 1;

/// Also a range across the place where pieces of 8 MiB meet.
pub async fn a_long_body_comes_back(f: BlobFixture) {
    let (blob, bytes) = (f.fresh(), f.bytes(LONG));
    f.write(&blob, &bytes).await;
    let found = f.read(&blob, 0..LONG as u64).await;
    assert!(found.as_ref() == Some(&bytes), "the bytes come back");
    let across = f.read(&blob, (8 << 20) - 1..(8 << 20) + 1).await;
    assert_eq!(across, Some(bytes.slice((8 << 20) - 1..(8 << 20) + 1)));
}

/// Though most of it may have been sent.
pub async fn a_long_body_that_fails_at_its_end_leaves_nothing(f: BlobFixture) {
    let blob = f.fresh();
    let failing = body([Ok(f.bytes(LONG)), Err(S3Error::new(ErrorCode::BadDigest))]);
    let error = body_error(f.store.write(&blob, failing, Some(LONG as u64)).await);
    assert_eq!(error.code, ErrorCode::BadDigest);
    f.assert_absent(&blob).await;
}

/// A wrong hint and none.
pub async fn the_body_decides_the_length_not_the_hint(f: BlobFixture) {
    let bytes = f.bytes(70_000);
    for hint in [None, Some(0), Some(69_999), Some(70_001), Some(1 << 40)] {
        let blob = f.fresh();
        let written = f
            .store
            .write(&blob, body([Ok(bytes.clone())]), hint)
            .await
            .unwrap();
        assert_eq!(written, 70_000, "{hint:?}");
        assert_eq!(f.read(&blob, 0..70_000).await.as_ref(), Some(&bytes), "{hint:?}");
    }
}

/// A body of `bytes` that then says so, and goes on with `rest` once it may.
fn held(bytes: Bytes, rest: Bytes, reached: Arc<Notify>, go_on: Arc<Notify>) -> BodyStream {
    let rest = stream::once(async move {
        reached.notify_one();
        go_on.notified().await;
        Ok(rest)
    });
    stream::iter([Ok(bytes)]).chain(rest).boxed()
}

/// Neither to read nor to scan, however much has arrived; and at once when the write has returned.
pub async fn nothing_is_seen_of_a_blob_before_it_is_whole(f: BlobFixture) {
    let (blob, bytes) = (f.fresh(), f.bytes(300_001));
    let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let body = held(
        bytes.slice(..300_000),
        bytes.slice(300_000..),
        Arc::clone(&reached),
        Arc::clone(&go_on),
    );
    let writing = tokio::spawn({
        let store = Arc::clone(&f.store);
        async move { store.write(&blob, body, Some(300_001)).await.unwrap() }
    });
    reached.notified().await;
    f.assert_absent(&blob).await;
    go_on.notify_one();
    assert_eq!(writing.await.unwrap(), 300_001);
    assert_eq!(f.read(&blob, 0..300_001).await, Some(bytes));
    assert_eq!(f.scan(blob.bucket, 10).await.len(), 1);
}

/// The body's own error comes back, with its code.
pub async fn a_body_that_fails_midway_leaves_nothing(f: BlobFixture) {
    for code in [ErrorCode::IncompleteBody, ErrorCode::BadDigest] {
        let blob = f.fresh();
        let failing = body([Ok(f.bytes(300_000)), Ok(f.bytes(1)), Err(S3Error::new(code))]);
        let error = body_error(f.store.write(&blob, failing, Some(300_002)).await);
        assert_eq!(error.code, code);
        f.assert_absent(&blob).await;
    }
}

/// Also when the hint says that there is nothing to wait for.
pub async fn a_body_that_fails_at_once_leaves_nothing(f: BlobFixture) {
    for hint in [None, Some(0), Some(10)] {
        let blob = f.fresh();
        let failing = body([Err(S3Error::new(ErrorCode::XAmzContentSHA256Mismatch))]);
        let error = body_error(f.store.write(&blob, failing, hint).await);
        assert_eq!(error.code, ErrorCode::XAmzContentSHA256Mismatch);
        f.assert_absent(&blob).await;
    }
}

/// The client has gone away and the request is dropped.
pub async fn a_write_that_is_dropped_leaves_nothing(f: BlobFixture) {
    let blob = f.fresh();
    let reached = Arc::new(Notify::new());
    let body = held(
        f.bytes(300_000),
        Bytes::new(),
        Arc::clone(&reached),
        Arc::default(),
    );
    let writing = tokio::spawn({
        let store = Arc::clone(&f.store);
        async move { store.write(&blob, body, Some(300_000)).await.unwrap() }
    });
    reached.notified().await;
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    f.assert_absent(&blob).await;
}

/// Sixteen bodies whose pieces arrive in turn.
pub async fn writers_do_not_disturb_each_other(f: BlobFixture) {
    let bodies: Vec<(BlobRef, Bytes)> = (0..16)
        .map(|index| (f.fresh(), f.bytes(100_000 + index)))
        .collect();
    let writes = bodies.iter().map(|(blob, bytes)| {
        let (store, blob) = (Arc::clone(&f.store), *blob);
        let pieces = stream::iter(in_pieces(bytes)).then(|piece| async {
            tokio::task::yield_now().await;
            piece
        });
        async move { store.write(&blob, pieces.boxed(), None).await.unwrap() }
    });
    let written = race(writes.collect()).await;
    for ((blob, bytes), written) in bodies.iter().zip(written) {
        assert_eq!(written, bytes.len() as u64);
        assert_eq!(f.read(blob, 0..written).await.as_ref(), Some(bytes));
    }
}

/// The same id under two buckets, and two ids under one.
pub async fn blobs_are_told_apart_by_bucket_and_by_id(f: BlobFixture) {
    let first = f.fresh();
    let blobs = [
        first,
        f.samples.blob(first.bucket),
        BlobRef {
            blob: first.blob,
            ..f.fresh()
        },
    ];
    for (blob, text) in blobs.iter().zip(["one", "two", "three"]) {
        f.write(blob, &Bytes::from(text)).await;
    }
    for (blob, text) in blobs.iter().zip(["one", "two", "three"]) {
        assert_eq!(f.read(blob, 0..text.len() as u64).await, Some(Bytes::from(text)));
    }
    f.store.delete(&blobs[..1]).await;
    assert_eq!(f.read(&blobs[0], 0..1).await, None);
    assert_eq!(f.read(&blobs[1], 0..3).await, Some(Bytes::from("two")));
    assert_eq!(f.read(&blobs[2], 0..5).await, Some(Bytes::from("three")));
}
