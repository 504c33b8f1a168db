//! Cloud Storage that fails in the middle: nothing is lost, sent twice, or seen too early.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::{ErrorCode, S3Error};
use bleepstore_core::ports::{BlobRead, BlobStore, StoreError, StoreErrorKind, WriteError};
use bleepstore_gcp::gcs_blobs::{GcsBlobs, GcsSettings};
use bleepstore_gcp::tokens::AccessTokens;
use bleepstore_tests::blob_conformance::{body, collect};
use bleepstore_tests::clock::SkippingClock;
use bleepstore_tests::emulators::gcs_settings;
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::NOW;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use self::server::Fate::{
    BegunAt, CutAfter, Damaged, HalfSent, Refused, RefusedAfter, SentWith, Served, StoredUpTo, Unanswered,
};
use self::server::{Fate, Server};
use crate::scripted::{BLOB, watched_body};

mod server;

const PART: u64 = 8 << 20;

/// Two parts and a byte.
const LARGE: u64 = 2 * PART + 1;

const START: &str = "POST resumable";
const FIRST: &str = "PUT bytes 0-8388607/*";
const SECOND: &str = "PUT bytes 8388608-16777215/*";
const LAST: &str = "PUT bytes 16777216-16777216/16777217";
const ASK: &str = "PUT bytes */*";
const CANCEL: &str = "DELETE session";

/// A store over a server, on a clock on which nobody waits.
struct Scene {
    server: Server,
    clock: Arc<SkippingClock>,
    store: GcsBlobs,
}

impl Scene {
    fn new(script: impl IntoIterator<Item = Fate>) -> Self {
        let server = Server::start(script);
        let clock = Arc::new(SkippingClock::at(NOW));
        let settings = GcsSettings {
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            ..gcs_settings(server.endpoint(), "bucket").unwrap()
        };
        let store = GcsBlobs::new(settings, AccessTokens::fixed("emulated")).unwrap();
        Self { server, clock, store }
    }

    async fn write(&self, length: u64) -> Result<u64, WriteError> {
        let last = usize::try_from(length % 65_536).unwrap();
        let pieces = (0..length / 65_536).map(|piece| vec![piece as u8; 65_536]);
        let pieces = pieces.chain([vec![7; last]]).map(|piece| Ok(Bytes::from(piece)));
        self.store.write(&BLOB, stream::iter(pieces).boxed(), None).await
    }

    async fn write_fails(&self, length: u64) -> StoreError {
        match self.write(length).await {
            Err(WriteError::Store(error)) => error,
            other => panic!("{other:?}"),
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

#[tokio::test]
async fn a_large_body_is_sent_once_in_parts() {
    let scene = Scene::new([]);
    assert_eq!(scene.write(LARGE).await.unwrap(), LARGE);
    scene.assert_seen(&[START, FIRST, SECOND, LAST]);
    let state = scene.server.state();
    assert!(state.object.is_some());
    assert_eq!(state.stored, LARGE);
}

#[tokio::test]
async fn a_part_that_was_cut_off_goes_on_after_what_was_stored() {
    let scene = Scene::new([Served, Served, CutAfter(3 << 20)]);
    assert_eq!(scene.write(LARGE).await.unwrap(), LARGE);
    scene.assert_seen(&[START, FIRST, SECOND, ASK, "PUT bytes 11534336-16777215/*", LAST]);
    assert_eq!(scene.waits(), 1);
    let state = scene.server.state();
    assert_eq!((state.object.is_some(), state.stored), (true, LARGE));
}

#[tokio::test]
async fn a_part_that_was_refused_midway_goes_on_after_what_was_stored() {
    for status in [408, 429, 500, 502, 503, 504] {
        let scene = Scene::new([Served, RefusedAfter(262_144, status)]);
        assert_eq!(scene.write(LARGE).await.unwrap(), LARGE, "{status}");
        scene.assert_seen(&[START, FIRST, ASK, "PUT bytes 262144-8388607/*", SECOND, LAST]);
        assert_eq!(scene.waits(), 1);
    }
}

#[tokio::test]
async fn a_part_that_was_stored_in_part_goes_on_at_once() {
    let scene = Scene::new([Served, StoredUpTo(262_144), StoredUpTo(262_144)]);
    assert_eq!(scene.write(LARGE).await.unwrap(), LARGE);
    let rest = ["PUT bytes 262144-8388607/*", "PUT bytes 524288-8388607/*"];
    scene.assert_seen(&[START, FIRST, rest[0], rest[1], SECOND, LAST]);
    assert_eq!(scene.waits(), 0);
}

#[tokio::test]
async fn a_part_of_which_nothing_was_stored_is_sent_again_after_a_wait() {
    let scene = Scene::new([Served, StoredUpTo(0), Refused(503, "")]);
    assert_eq!(scene.write(LARGE).await.unwrap(), LARGE);
    scene.assert_seen(&[START, FIRST, FIRST, ASK, FIRST, SECOND, LAST]);
    assert_eq!(scene.waits(), 2);
}

#[tokio::test]
async fn a_part_that_was_stored_before_the_answer_was_lost_is_not_sent_again() {
    let scene = Scene::new([Served, Unanswered]);
    assert_eq!(scene.write(LARGE).await.unwrap(), LARGE);
    scene.assert_seen(&[START, FIRST, ASK, SECOND, LAST]);
    assert_eq!(
        scene.server.state().arrived,
        LARGE + 42,
        "42 of them describe the object"
    );
}

#[tokio::test]
async fn an_upload_that_was_complete_before_the_answer_was_lost_is_complete() {
    let scene = Scene::new([Served, Served, Served, Unanswered]);
    assert_eq!(scene.write(LARGE).await.unwrap(), LARGE);
    scene.assert_seen(&[START, FIRST, SECOND, LAST, "PUT bytes */16777217"]);
}

#[tokio::test]
async fn an_upload_that_has_all_bytes_but_goes_on_is_completed() {
    let scene = Scene::new([Served, Served, Served, StoredUpTo(1)]);
    assert_eq!(scene.write(LARGE).await.unwrap(), LARGE);
    scene.assert_seen(&[START, FIRST, SECOND, LAST, "PUT bytes */16777217"]);
    assert!(scene.server.state().object.is_some());
}

#[tokio::test]
async fn an_upload_whose_session_is_gone_fails_and_leaves_no_blob() {
    for status in [404, 410] {
        let scene = Scene::new([Served, Served, Refused(status, "")]);
        assert_eq!(scene.write_fails(LARGE).await.kind, StoreErrorKind::Unavailable);
        scene.assert_seen(&[START, FIRST, SECOND, CANCEL]);
        assert_eq!((scene.waits(), &scene.server.state().object), (0, &None));
    }
}

#[tokio::test]
async fn an_upload_that_lost_bytes_fails_instead_of_leaving_a_gap() {
    // The second part is refused; then the server says that it has nothing.
    let scene = Scene::new([Served, Served, Refused(503, ""), Refused(308, "")]);
    assert_eq!(scene.write_fails(LARGE).await.kind, StoreErrorKind::Unavailable);
    scene.assert_seen(&[START, FIRST, SECOND, ASK, CANCEL]);
    // And then that it has more than was sent.
    let scene = Scene::new([Served, Refused(308, "range: bytes=0-8388608\r\n")]);
    assert_eq!(scene.write_fails(LARGE).await.kind, StoreErrorKind::Unavailable);
    scene.assert_seen(&[START, FIRST, CANCEL]);
}

#[tokio::test]
async fn an_upload_gives_up_after_six_failures_in_a_row_with_longer_and_longer_waits() {
    let scene = Scene::new(std::iter::once(Served).chain(vec![Refused(503, ""); 6]));
    assert_eq!(scene.write_fails(LARGE).await.kind, StoreErrorKind::Unavailable);
    scene.assert_seen(&[START, FIRST, ASK, ASK, ASK, ASK, ASK, CANCEL]);
    let slept = scene.clock.take_waits();
    for (wait, ceiling) in slept.iter().zip([200, 400, 800, 1_600, 3_200]) {
        let ceiling = Duration::from_millis(ceiling);
        assert!(ceiling / 2 <= *wait && *wait <= ceiling, "{slept:?}");
    }
    assert_eq!(slept.len(), 5);
}

#[tokio::test]
async fn what_is_stored_between_failures_begins_their_count_anew() {
    let failing = [RefusedAfter(262_144, 503), Served];
    let script = std::iter::once(Served).chain(std::iter::repeat_n(failing, 12).flatten());
    let scene = Scene::new(script);
    assert_eq!(scene.write(LARGE).await.unwrap(), LARGE);
    assert_eq!(scene.waits(), 12);
    assert_eq!(scene.server.state().stored, LARGE);
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_and_one_that_is_too_long_is_the_clients() {
    let scene = Scene::new([Refused(429, "retry-after: 4\r\n")]);
    assert_eq!(scene.write(1).await.unwrap(), 1);
    assert_eq!(scene.clock.take_waits(), [Duration::from_secs(4)]);
    let scene = Scene::new([Refused(429, "retry-after: 60\r\n")]);
    let error = scene.write_fails(1).await;
    assert_eq!(
        (error.kind, error.retry_after),
        (StoreErrorKind::Throttled, Some(Duration::from_secs(60)))
    );
    scene.assert_seen(&["POST media"]);
}

#[tokio::test]
async fn a_small_body_is_sent_again_until_it_is_stored() {
    let scene = Scene::new([Refused(503, ""), CutAfter(5), Unanswered]);
    assert_eq!(scene.write(10).await.unwrap(), 10);
    scene.assert_seen(&["POST media"; 4]);
    assert_eq!(scene.server.state().stored, 10);
    let scene = Scene::new(vec![Refused(500, ""); 6]);
    assert_eq!(scene.write_fails(10).await.kind, StoreErrorKind::Timeout);
    scene.assert_seen(&["POST media"; 6]);
    let scene = Scene::new([Refused(403, "")]);
    assert_eq!(scene.write_fails(10).await.kind, StoreErrorKind::Internal);
    scene.assert_seen(&["POST media"]);
}

#[tokio::test]
async fn an_upload_whose_begin_was_not_answered_is_begun_again() {
    let scene = Scene::new([Unanswered]);
    assert_eq!(scene.write(LARGE).await.unwrap(), LARGE);
    scene.assert_seen(&[START, START, FIRST, SECOND, LAST]);
}

#[tokio::test]
async fn bytes_that_were_damaged_on_their_way_are_removed() {
    let scene = Scene::new([Damaged]);
    assert_eq!(scene.write_fails(10).await.kind, StoreErrorKind::Unavailable);
    scene.assert_seen(&["POST media", "DELETE object"]);
    let scene = Scene::new([Served, Served, Served, Damaged]);
    assert_eq!(scene.write_fails(LARGE).await.kind, StoreErrorKind::Unavailable);
    scene.assert_seen(&[START, FIRST, SECOND, LAST, "DELETE object"]);
    assert_eq!(scene.server.state().object, None);
}

#[tokio::test]
async fn an_upload_whose_body_fails_is_cancelled() {
    let scene = Scene::new([]);
    let large = Bytes::from(vec![1; usize::try_from(LARGE).unwrap()]);
    let failing = body([Ok(large), Err(S3Error::new(ErrorCode::BadDigest))]);
    match scene.store.write(&BLOB, failing, None).await {
        Err(WriteError::Body(error)) => assert_eq!(error.code, ErrorCode::BadDigest),
        other => panic!("{other:?}"),
    }
    scene.assert_seen(&[START, FIRST, SECOND, CANCEL]);
    assert_eq!(scene.server.state().object, None);
}

#[tokio::test]
async fn no_byte_goes_to_a_session_that_is_not_at_the_endpoint() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let there = elsewhere.local_addr().unwrap();
    for location in [
        format!("http://{there}/upload/storage/v1/b/bucket/o?upload_id=1"),
        format!("//{there}/upload"),
        "/upload".to_owned(),
        String::new(),
    ] {
        let scene = Scene::new([BegunAt(location)]);
        assert_eq!(scene.write_fails(LARGE).await.kind, StoreErrorKind::Internal);
        scene.assert_seen(&[START]);
    }
    let none = elsewhere.accept().unwrap_err();
    assert_eq!(none.kind(), std::io::ErrorKind::WouldBlock);
}

/// A write holds the part that is sent and the one that arrives, whatever the length of the body.
#[tokio::test]
async fn a_body_of_200_mb_is_never_held_in_memory() {
    let scene = Scene::new([]);
    let server = scene.server.shared();
    let body = watched_body(3_200, 2 * PART, move || server.lock().unwrap().stored);
    let written = scene.store.write(&BLOB, body, None).await.unwrap();
    assert_eq!(written, 3_200 << 16);
    assert_eq!(scene.server.state().stored, written);
}

async fn read(scene: &Scene) -> Result<Bytes, StoreError> {
    scene.server.state().download = b"0123456789".to_vec();
    match scene.store.read(&BLOB, 2..8).await? {
        BlobRead::Found(stream) => collect(stream).await,
        BlobRead::Missing => panic!("it is there"),
    }
}

#[tokio::test]
async fn a_download_is_asked_for_again_until_it_begins() {
    let scene = Scene::new([Refused(503, ""), Unanswered, Refused(429, "")]);
    assert_eq!(read(&scene).await.unwrap(), "234567");
    scene.assert_seen(&["GET object"; 4]);
    let scene = Scene::new(vec![Refused(429, ""); 6]);
    assert_eq!(read(&scene).await.unwrap_err().kind, StoreErrorKind::Throttled);
    scene.assert_seen(&["GET object"; 6]);
}

#[tokio::test]
async fn a_download_that_is_cut_off_is_an_error_and_never_short() {
    let scene = Scene::new([HalfSent]);
    assert_eq!(read(&scene).await.unwrap_err().kind, StoreErrorKind::Unavailable);
    scene.assert_seen(&["GET object"]);
}

#[tokio::test]
async fn bytes_that_are_not_those_of_the_range_are_corrupt() {
    let scene = Scene::new([SentWith("content-encoding: gzip\r\n")]);
    assert_eq!(read(&scene).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    let scene = Scene::new([Refused(416, "")]);
    assert_eq!(read(&scene).await.unwrap_err().kind, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_blob_is_missing_only_where_the_bucket_is_there() {
    let missing = Scene::new([Refused(404, "")]);
    missing.server.state().download = b"{}".to_vec();
    assert!(matches!(
        missing.store.read(&BLOB, 0..1).await,
        Ok(BlobRead::Missing)
    ));
    missing.assert_seen(&["GET object", "GET bucket"]);
    let deleted = Scene::new([Refused(404, ""), Refused(404, "")]);
    let outcomes = deleted.store.delete(&[BLOB]).await;
    assert_eq!(
        outcomes[0].result.as_ref().unwrap_err().kind,
        StoreErrorKind::Internal
    );
    deleted.assert_seen(&["DELETE object", "GET bucket"]);
}
