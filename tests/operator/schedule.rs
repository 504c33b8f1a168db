//! Garbage collection that a server does by itself.

use std::time::Duration;

use bleepstore_core::ports::Ports;
use bleepstore_local::garbage::collect_on_schedule;
use bleepstore_tests::deployment::incoming;
use bytes::Bytes;

use super::{LONG, small};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn what_is_old_enough_goes_when_the_interval_has_passed() {
    let store = small().await;
    store.create_bucket("bucket").await.unwrap();
    for index in 0..9 {
        store
            .put("bucket", &index.to_string(), "not an inline body")
            .await
            .unwrap();
    }
    let upload = store.begin("bucket", "aborted").await.unwrap();
    let body = incoming(Bytes::from_static(b"garbage"));
    store.part(("bucket", "aborted"), upload, 1, body).await.unwrap();
    store.abort(("bucket", "aborted"), upload).await.unwrap();
    store.clock.advance(LONG);
    let ports = Ports {
        clock: store.clock.clone(),
        ..store.context.ports.clone()
    };
    let schedule = tokio::spawn(collect_on_schedule(ports, HOUR, |_| ()));
    settle().await;
    assert_eq!(store.stored_blobs().await.len(), 10);
    store.clock.advance(HOUR);
    settle().await;
    assert_eq!(store.stored_blobs().await.len(), 9);
    assert_eq!(store.get("bucket", "0").await.unwrap(), "not an inline body");
    schedule.abort();
}

/// Lets the schedule do all that it can before its clock moves on: the stores in memory never wait.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}
