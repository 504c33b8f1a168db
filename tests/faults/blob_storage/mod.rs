//! Blob Storage that fails in the middle: nothing is lost, doubled, or seen too early.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_azure::azure_blobs::{AzureBlobSettings, AzureBlobs, BlobIdentity};
use bleepstore_core::model::{BlobId, BlobRef, ErrorCode, S3Error};
use bleepstore_core::ports::{BlobRead, BlobStore, StoreError, StoreErrorKind, WriteError};
use bleepstore_core::remote::blob_object;
use bleepstore_tests::blob_conformance::{body, collect};
use bleepstore_tests::clock::SkippingClock;
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::NOW;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use self::server::Fate::{Answered, CutAfter, Refused, SentOnly, SentWhole, SentWith, Served, Unanswered};
use self::server::{Fate, Piece, Server};
use crate::scripted::{BLOB, watched_body};

mod server;

const BLOCK: usize = 8 << 20;

/// Two blocks and a byte.
const LARGE: usize = 2 * BLOCK + 1;

const FIRST: &str = "PUT 00000000";
const SECOND: &str = "PUT 00000001";
const LAST: &str = "PUT 00000002";
const COMMIT: &str = "PUT list";

const NO_BLOB: &str = "x-ms-error-code: BlobNotFound\r\n";
const NO_CONTAINER: &str = "x-ms-error-code: ContainerNotFound\r\n";

/// A store over a server, on a clock on which nobody waits.
struct Scene {
    server: Server,
    clock: Arc<SkippingClock>,
    store: AzureBlobs,
}

impl Scene {
    fn new(script: impl IntoIterator<Item = Fate>) -> Self {
        let server = Server::start(script);
        let clock = Arc::new(SkippingClock::at(NOW));
        let settings = AzureBlobSettings {
            endpoint: server.endpoint(),
            container: "container".to_owned(),
            identity: BlobIdentity::Sas("sv=1&sig=secret".to_owned()),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        let store = AzureBlobs::new(settings).unwrap();
        Self { server, clock, store }
    }

    async fn write(&self, length: usize) -> Result<u64, WriteError> {
        let bytes = sample(length);
        let pieces = (0..length)
            .step_by(65_536)
            .map(move |start| Ok(bytes.slice(start..length.min(start + 65_536))));
        self.store.write(&BLOB, stream::iter(pieces).boxed(), None).await
    }

    /// Writes what is stored once, whole and in order.
    async fn assert_written(&self, length: usize) {
        assert_eq!(self.write(length).await.unwrap(), length as u64);
        let expected: Vec<Piece> = sample(length).chunks(BLOCK).map(Piece::of).collect();
        assert_eq!(self.server.state().blob.as_ref(), Some(&expected));
    }

    /// Fails to write, upon which there is no blob.
    async fn write_fails(&self, length: usize) -> StoreError {
        let error = match self.write(length).await {
            Err(WriteError::Store(error)) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(self.server.state().blob, None);
        assert!(!error.to_string().contains("secret"), "{error}");
        error
    }

    async fn read(&self) -> Result<Bytes, StoreError> {
        self.server.state().download = b"0123456789".to_vec();
        match self.store.read(&BLOB, 2..8).await? {
            BlobRead::Found(stream) => collect(stream).await,
            BlobRead::Missing => panic!("it is there"),
        }
    }

    #[track_caller]
    fn assert_seen(&self, expected: &[&str]) {
        assert_eq!(self.server.state().seen, expected);
    }

    fn waits(&self) -> usize {
        self.clock.take_waits().len()
    }
}

/// Bytes of which no two blocks are the same.
fn sample(length: usize) -> Bytes {
    (0..length).map(|at| (at / 65_536 % 251) as u8).collect()
}

#[tokio::test]
async fn a_large_body_is_staged_once_in_blocks_and_then_committed() {
    let scene = Scene::new([]);
    scene.assert_written(LARGE).await;
    scene.assert_seen(&[FIRST, SECOND, LAST, COMMIT]);
    assert_eq!(scene.server.state().arrived, LARGE as u64);
}

#[tokio::test]
async fn a_block_that_was_cut_off_is_staged_again_and_no_other() {
    let scene = Scene::new([Served, CutAfter(3 << 20), CutAfter(0)]);
    scene.assert_written(LARGE).await;
    scene.assert_seen(&[FIRST, SECOND, SECOND, SECOND, LAST, COMMIT]);
    assert_eq!(scene.waits(), 2);
}

#[tokio::test]
async fn a_block_that_was_refused_is_staged_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        let scene = Scene::new([Served, Refused(status, "")]);
        scene.assert_written(LARGE).await;
        scene.assert_seen(&[FIRST, SECOND, SECOND, LAST, COMMIT]);
        assert_eq!(scene.waits(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_block_whose_answer_was_lost_is_in_the_blob_once() {
    let scene = Scene::new([Served, Unanswered]);
    scene.assert_written(LARGE).await;
    scene.assert_seen(&[FIRST, SECOND, SECOND, LAST, COMMIT]);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_sent_again() {
    let scene = Scene::new([Served, Served, Served, Unanswered]);
    scene.assert_written(LARGE).await;
    scene.assert_seen(&[FIRST, SECOND, LAST, COMMIT, COMMIT]);
}

#[tokio::test]
async fn a_commit_that_was_refused_is_sent_again() {
    let scene = Scene::new([Served, Served, Served, Refused(503, ""), CutAfter(10)]);
    scene.assert_written(LARGE).await;
    scene.assert_seen(&[FIRST, SECOND, LAST, COMMIT, COMMIT, COMMIT]);
    assert_eq!(scene.waits(), 2);
}

#[tokio::test]
async fn a_write_gives_up_after_six_failures_in_a_row_with_longer_and_longer_waits() {
    let scene = Scene::new(std::iter::once(Served).chain(vec![Refused(503, ""); 6]));
    assert_eq!(scene.write_fails(LARGE).await.kind, StoreErrorKind::Unavailable);
    scene.assert_seen(&[FIRST, SECOND, SECOND, SECOND, SECOND, SECOND, SECOND]);
    let slept = scene.clock.take_waits();
    for (wait, ceiling) in slept.iter().zip([200, 400, 800, 1_600, 3_200]) {
        let ceiling = Duration::from_millis(ceiling);
        assert!(ceiling / 2 <= *wait && *wait <= ceiling, "{slept:?}");
    }
    assert_eq!(slept.len(), 5);
    let served = vec![Served; 3];
    let scene = Scene::new(served.into_iter().chain(vec![Refused(500, ""); 6]));
    assert_eq!(scene.write_fails(LARGE).await.kind, StoreErrorKind::Timeout);
    assert_eq!(scene.server.state().seen[3..], [COMMIT; 6]);
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_and_one_that_is_too_long_is_the_clients() {
    let scene = Scene::new([
        Refused(429, "retry-after: 4\r\n"),
        Refused(
            503,
            "x-ms-retry-after-ms: 3000\r\nx-ms-error-code: ServerBusy\r\n",
        ),
    ]);
    scene.assert_written(1).await;
    let waits = [Duration::from_secs(4), Duration::from_secs(3)];
    assert_eq!(scene.clock.take_waits(), waits);
    for status in [429, 503] {
        let scene = Scene::new([Refused(status, "retry-after: 60\r\n")]);
        let error = scene.write_fails(1).await;
        assert_eq!(
            (error.kind, error.retry_after),
            (StoreErrorKind::Throttled, Some(Duration::from_secs(60)))
        );
        scene.assert_seen(&["PUT blob"]);
    }
}

#[tokio::test]
async fn a_small_body_is_sent_again_until_it_is_stored() {
    let scene = Scene::new([Refused(503, ""), CutAfter(5), Unanswered]);
    scene.assert_written(10).await;
    scene.assert_seen(&["PUT blob"; 4]);
    let scene = Scene::new(vec![Refused(500, ""); 6]);
    assert_eq!(scene.write_fails(10).await.kind, StoreErrorKind::Timeout);
    scene.assert_seen(&["PUT blob"; 6]);
    let scene = Scene::new([Refused(403, "")]);
    assert_eq!(scene.write_fails(10).await.kind, StoreErrorKind::Internal);
    scene.assert_seen(&["PUT blob"]);
}

#[tokio::test]
async fn bytes_that_were_damaged_on_their_way_are_sent_again() {
    let damaged = Refused(400, "x-ms-error-code: Md5Mismatch\r\n");
    let scene = Scene::new([damaged.clone()]);
    scene.assert_written(10).await;
    scene.assert_seen(&["PUT blob"; 2]);
    let scene = Scene::new([Served, damaged]);
    scene.assert_written(LARGE).await;
    scene.assert_seen(&[FIRST, SECOND, SECOND, LAST, COMMIT]);
}

#[tokio::test]
async fn blocks_of_a_body_that_fails_are_not_committed() {
    let scene = Scene::new([]);
    let failing = body([Ok(sample(LARGE)), Err(S3Error::new(ErrorCode::BadDigest))]);
    match scene.store.write(&BLOB, failing, None).await {
        Err(WriteError::Body(error)) => assert_eq!(error.code, ErrorCode::BadDigest),
        other => panic!("{other:?}"),
    }
    scene.assert_seen(&[FIRST, SECOND]);
    assert_eq!(scene.server.state().blob, None);
}

/// A write holds the block that is sent and the one that arrives, whatever the length of the body.
#[tokio::test]
async fn a_body_of_200_mb_is_never_held_in_memory() {
    let scene = Scene::new([]);
    let server = scene.server.shared();
    let body = watched_body(3_200, 2 * BLOCK as u64, move || server.lock().unwrap().arrived);
    let written = scene.store.write(&BLOB, body, None).await.unwrap();
    assert_eq!(written, 3_200 << 16);
    assert_eq!(scene.server.state().arrived, written);
}

#[tokio::test]
async fn a_download_is_asked_for_again_until_it_begins() {
    let scene = Scene::new([Refused(503, ""), Unanswered, Refused(429, "")]);
    assert_eq!(scene.read().await.unwrap(), "234567");
    scene.assert_seen(&["GET bytes=2-7"; 4]);
    let scene = Scene::new(vec![Refused(429, ""); 6]);
    assert_eq!(scene.read().await.unwrap_err().kind, StoreErrorKind::Throttled);
    scene.assert_seen(&["GET bytes=2-7"; 6]);
}

#[tokio::test]
async fn a_download_that_was_cut_off_goes_on_after_what_arrived() {
    let scene = Scene::new([SentOnly(2), SentOnly(0), Refused(503, ""), SentOnly(3)]);
    assert_eq!(scene.read().await.unwrap(), "234567");
    let rest = "GET bytes=4-7";
    scene.assert_seen(&["GET bytes=2-7", rest, rest, rest, "GET bytes=7-7"]);
    assert_eq!(scene.waits(), 4);
}

#[tokio::test]
async fn a_download_of_which_nothing_arrives_any_more_ends_in_an_error() {
    let scene = Scene::new(std::iter::once(SentOnly(2)).chain(vec![SentOnly(0); 6]));
    assert_eq!(scene.read().await.unwrap_err().kind, StoreErrorKind::Unavailable);
    assert_eq!(scene.server.state().seen.len(), 6);
    assert_eq!(scene.waits(), 5);
}

#[tokio::test]
async fn what_arrives_between_failures_begins_their_count_anew() {
    let failing = [SentOnly(1), SentOnly(0), SentOnly(0)];
    let scene = Scene::new(std::iter::repeat_n(failing, 5).flatten());
    assert_eq!(scene.read().await.unwrap(), "234567");
    assert_eq!(scene.waits(), 15);
}

#[tokio::test]
async fn a_blob_that_is_deleted_while_it_is_read_never_reads_short() {
    let scene = Scene::new([SentOnly(2), Refused(404, NO_BLOB)]);
    assert_eq!(scene.read().await.unwrap_err().kind, StoreErrorKind::Unavailable);
    scene.assert_seen(&["GET bytes=2-7", "GET bytes=4-7"]);
}

#[tokio::test]
async fn bytes_that_are_not_those_of_the_range_are_corrupt() {
    for fate in [
        SentWith("content-encoding: gzip\r\n"),
        SentWhole,
        Refused(416, "x-ms-error-code: InvalidRange\r\n"),
    ] {
        let scene = Scene::new([fate]);
        assert_eq!(scene.read().await.unwrap_err().kind, StoreErrorKind::Corrupt);
        scene.assert_seen(&["GET bytes=2-7"]);
    }
}

#[tokio::test]
async fn a_blob_is_missing_only_where_the_container_is_there() {
    let scene = Scene::new([Refused(404, NO_BLOB), Refused(404, NO_CONTAINER)]);
    let found = scene.store.read(&BLOB, 0..1).await;
    assert!(matches!(found, Ok(BlobRead::Missing)));
    let found = scene.store.read(&BLOB, 0..1).await;
    assert_eq!(found.err().unwrap().kind, StoreErrorKind::Internal);
    let scene = Scene::new([Refused(404, NO_CONTAINER)]);
    let outcomes = scene.store.delete(&[BLOB]).await;
    let result = outcomes[0].result.as_ref();
    assert_eq!(result.unwrap_err().kind, StoreErrorKind::Internal);
    scene.assert_seen(&["DELETE blob"]);
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_has_happened() {
    let scene = Scene::new([Served, Unanswered]);
    scene.assert_written(1).await;
    let outcomes = scene.store.delete(&[BLOB]).await;
    assert!(outcomes[0].result.is_ok());
    scene.assert_seen(&["PUT blob", "DELETE blob", "DELETE blob"]);
}

/// A page of a listing with these names.
fn page(names: &[&str], marker: &str) -> Fate {
    let blobs: String = names
        .iter()
        .map(|name| {
            format!(
                "<Blob><Name>{name}</Name><Properties><Content-Length>3</Content-Length>\
                 <Last-Modified>Wed, 25 Nov 2026 12:00:01 GMT</Last-Modified></Properties></Blob>"
            )
        })
        .collect();
    Answered(format!(
        "<?xml version=\"1.0\"?><EnumerationResults><Blobs>{blobs}</Blobs>\
         <NextMarker>{marker}</NextMarker></EnumerationResults>"
    ))
}

/// Pages without any blob of ours are passed over; the service ends pages where it likes.
#[tokio::test]
async fn a_scan_starts_after_a_name_and_goes_on_by_markers() {
    let blob = |id| BlobRef {
        blob: BlobId::from_bytes([id; 16]),
        ..BLOB
    };
    let (second, third) = (blob_object(&blob(2)), blob_object(&blob(3)));
    let scene = Scene::new([
        Refused(503, ""),
        page(&["blobs/notes"], "m1"),
        page(&[], "m2"),
        page(&[&second, &third, "blobs/x"], "m3"),
    ]);
    let found = scene.store.scan(Some(&blob(1)), 10).await.unwrap();
    let names: Vec<BlobRef> = found.blobs.iter().map(|entry| entry.blob).collect();
    assert_eq!((names, found.next), (vec![blob(2), blob(3)], Some(blob(3))));
    assert_eq!(found.blobs[0].size, 3);
    assert_eq!(found.blobs[0].created.millis(), 1_795_608_001_000);
    let start = format!("{}0", blob_object(&blob(1)));
    scene.assert_seen(&[
        &format!("GET container from {start}"),
        &format!("GET container from {start}"),
        &format!("GET m1 from {start}"),
        &format!("GET m2 from {start}"),
    ]);
}
