//! What an operator does to whole stores: export and import, migration, checks.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{ETag, UploadId};
use bleepstore_core::ops::pair_stores;
use bleepstore_core::ports::{BlobStore, MetadataStore, Ports};
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::{Deployment, incoming};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::{NOW, Samples};
use bytes::Bytes;

mod clouds;
mod copies;
mod damage;
mod fsck;
mod import;
mod keys;
mod local;
mod migrate;
mod program;
mod schedule;
mod undelete;
mod undelete_programs;
mod versions;

/// Longer than every grace.
const LONG: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// The least part that is not the last.
const PART: usize = 5 << 20;

/// A store in memory that takes small bodies inline and spills layouts of more than four entries.
async fn small() -> Deployment {
    Deployment::in_memory(8, 4, Arc::new(PassThrough)).await
}

/// A pair of stores that nothing was ever done with.
fn fresh(inline_limit: u64, layout_limit: usize) -> Ports {
    let clock = Arc::new(ManualClock::at(NOW));
    Ports {
        metadata: Arc::new(MemoryMetadata::new(inline_limit, layout_limit)),
        blobs: Arc::new(MemoryBlobs::new(clock.clone())),
        clock,
        entropy: Arc::new(SeededEntropy::unpredictable()),
    }
}

/// The same metadata store over other bytes, or the other way round.
fn pair(metadata: &Arc<dyn MetadataStore>, blobs: &Arc<dyn BlobStore>, like: &Ports) -> Ports {
    Ports {
        metadata: metadata.clone(),
        blobs: blobs.clone(),
        ..like.clone()
    }
}

/// Requests over these stores.
async fn serving(ports: &Ports) -> Deployment {
    let clock = Arc::new(ManualClock::at(NOW));
    let (metadata, blobs) = (ports.metadata.clone(), ports.blobs.clone());
    let mut store = Deployment::over(metadata, blobs, clock, Arc::new(PassThrough)).await;
    // Its own would give the ids of the store before it once more.
    store.context.ports.entropy = Arc::new(SeededEntropy::unpredictable());
    store
}

/// A store with an id of its own, which those of [`small`] do not have.
async fn another() -> Deployment {
    let ports = fresh(8, 4);
    pair_stores(&ports).await.unwrap();
    serving(&ports).await
}

/// One of everything: an empty body, one inline, one in a blob, a copy that shares it, an object whose layout spills,
/// an upload with two parts, a second bucket, and two credentials, one of them of a user.
async fn fill(store: &Deployment) -> UploadId {
    store.create_bucket("photos").await.unwrap();
    store.create_bucket("empty").await.unwrap();
    store.put("photos", "nothing", "").await.unwrap();
    store.put("photos", "inline", "inline").await.unwrap();
    store.put("photos", "a/é", "in a blob of its own").await.unwrap();
    store.copy(("photos", "a/é"), ("photos", "copy")).await.unwrap();
    let whole = store.begin("photos", "many parts").await.unwrap();
    let mut parts: Vec<(u64, ETag)> = Vec::new();
    for number in 1..=3 {
        let body = incoming(part(number));
        let part = store.part(("photos", "many parts"), whole, number, body).await;
        parts.push((number, part.unwrap().etag));
    }
    store
        .complete(("photos", "many parts"), whole, &parts)
        .await
        .unwrap();
    let open = store.begin("photos", "unfinished").await.unwrap();
    for number in [1, 7] {
        let body = incoming(Bytes::from(vec![b'u'; 100]));
        store
            .part(("photos", "unfinished"), open, number, body)
            .await
            .unwrap();
    }
    let samples = Samples::new(SeededEntropy::new(7));
    for credential in [samples.credential("AKONE"), samples.limited_credential("AKTWO")] {
        assert!(store.metadata.create_credential(&credential).await.unwrap());
    }
    open
}

fn part(number: u64) -> Bytes {
    let length = if number == 3 { 10 } else { PART };
    Bytes::from(vec![b'0' + u8::try_from(number).unwrap(); length])
}

/// Reads everything that [`fill`] wrote and finishes its upload.
async fn reads_back_whole(store: &Deployment, open: UploadId) {
    for (key, body) in [
        ("nothing", ""),
        ("inline", "inline"),
        ("a/é", "in a blob of its own"),
        ("copy", "in a blob of its own"),
    ] {
        assert_eq!(store.get("photos", key).await.unwrap(), body, "{key}");
    }
    let many = store.get("photos", "many parts").await.unwrap();
    assert!(many == [part(1), part(2), part(3)].concat());
    assert_eq!(
        store
            .head("photos", "many parts")
            .await
            .unwrap()
            .manifest
            .parts_count(),
        3
    );
    let page = store.metadata.scan_credentials(None, 10).await.unwrap();
    let samples = Samples::new(SeededEntropy::new(7));
    assert_eq!(
        page.items,
        [samples.credential("AKONE"), samples.limited_credential("AKTWO")]
    );
    let found = store
        .metadata
        .lookup_upload(&bleepstore_tests::deployment::name("photos"), open)
        .await
        .unwrap();
    let parts = store
        .metadata
        .scan_parts(&found.upload.unwrap(), None, 10)
        .await
        .unwrap()
        .items;
    let listed: Vec<(u64, ETag)> = parts
        .iter()
        .skip(1)
        .map(|part| (part.number.get().into(), part.etag.clone()))
        .collect();
    assert_eq!(parts.len(), 2);
    store
        .complete(("photos", "unfinished"), open, &listed)
        .await
        .unwrap();
    assert_eq!(store.get("photos", "unfinished").await.unwrap(), vec![b'u'; 100]);
    // A copy and its source can go on their own.
    store.delete("photos", "a/é").await.unwrap();
    assert_eq!(store.get("photos", "copy").await.unwrap(), "in a blob of its own");
}
