//! Requests that displace an object, which is copied before they come to it: the copy keeps its bytes.

use std::sync::Arc;

use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{CannedAcl, ObjectRecord, Owner, RequestedAcl, S3Error};
use bleepstore_core::ops::{Caller, GcOptions, collect_round};
use bleepstore_core::ports::MetadataStore;
use bleepstore_local::jsonl::JsonlMetadata;
use bleepstore_local::sqlite::SqliteMetadata;
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::decorators::{Gate, PassThrough};
use bleepstore_tests::deployment::{Deployment, incoming};
use bleepstore_tests::samples::NOW;
use bytes::Bytes;

use super::Two;

/// What displaces the object.
#[derive(Clone, Copy, Debug)]
enum Displacing {
    Delete,
    Put,
    Copy,
    Complete,
    Rename,
}

/// Where the request is when the copy is made.
#[derive(Clone, Copy, Debug)]
enum At {
    /// It has looked up the object, which is not shared.
    LookedUp,
    /// It is about to change this row: the first, or the second where it marks an object of its own before.
    Edit(usize),
}

const MEETINGS: [(Displacing, At); 7] = [
    (Displacing::Delete, At::LookedUp),
    (Displacing::Delete, At::Edit(0)),
    (Displacing::Put, At::LookedUp),
    (Displacing::Put, At::Edit(0)),
    (Displacing::Copy, At::Edit(1)),
    (Displacing::Complete, At::Edit(0)),
    (Displacing::Rename, At::Edit(0)),
];

/// Displaces the object `source`, where it needs one by the bytes of the object `new`.
async fn displace(store: &Deployment, displacing: Displacing, new: Bytes) -> Result<(), S3Error> {
    let place = ("bucket", "source");
    match displacing {
        Displacing::Delete => store.delete("bucket", "source").await,
        Displacing::Put => store.put("bucket", "source", new).await.map(drop),
        Displacing::Copy => store.copy(("bucket", "new"), place).await.map(drop),
        Displacing::Rename => store.rename("bucket", "new", "source").await,
        Displacing::Complete => {
            let upload = store.begin("bucket", "source").await?;
            let part = store.part(place, upload, 1, incoming(new)).await?;
            let completed = store.complete(place, upload, &[(1, part.etag)]).await;
            completed.map(drop)
        }
    }
}

/// A request that meets a copy of the object that it displaces. It is made by the bucket's owner or by somebody else,
/// who displaces nothing but what was looked up.
async fn meet(other: Deployment, (displacing, at): (Displacing, At), by_owner: bool) {
    let length = usize::try_from(other.metadata.inline_limit()).unwrap() + 1;
    let (old, new) = (Bytes::from(vec![b'o'; length]), Bytes::from(vec![b'n'; length]));
    let gate = Gate::new();
    let mut two = Two::over(other, gate.clone()).await;
    if !by_owner {
        let public = RequestedAcl::Canned(CannedAcl::PublicReadWrite);
        two.other.put_bucket_acl("bucket", public).await.unwrap();
        two.other.caller = stranger();
        let mut disturbed = two.other.beside(gate.clone());
        disturbed.caller = stranger();
        two.disturbed = Arc::new(disturbed);
    }
    two.other.put("bucket", "source", old.clone()).await.unwrap();
    two.other.put("bucket", "new", new.clone()).await.unwrap();
    let mut held = match at {
        At::LookedUp => gate.hold_answer("lookup"),
        At::Edit(nth) => gate.hold_nth("edit", nth),
    };
    let body = new.clone();
    let request = two.start(async move |store| displace(&store, displacing, body).await);
    held.arrived().await;
    let source: ObjectRecord = two.other.object("bucket", "source").await.unwrap();
    assert!(!source.shared);
    let copied = two.other.copy(("bucket", "source"), ("bucket", "a")).await;
    assert!(copied.unwrap().shared);
    held.release();
    request.await.unwrap().unwrap();
    let left = two.other.get("bucket", "source").await.ok();
    let replaced = !matches!(displacing, Displacing::Delete);
    assert_eq!(left, replaced.then_some(new), "{displacing:?} {at:?}");
    assert_copied(&two, &old).await;
}

/// The copy reads all of its bytes, also when what nothing names has gone.
async fn assert_copied(two: &Two, old: &Bytes) {
    let options = GcOptions {
        force: true,
        ..GcOptions::default()
    };
    assert_eq!(two.other.get("bucket", "a").await.unwrap(), old);
    two.other.clock.advance(options.grace * 2);
    let collected = collect_round(&two.other.context.ports, &options).await;
    collected.unwrap();
    assert_eq!(two.other.get("bucket", "a").await.unwrap(), old);
}

fn stranger() -> Caller {
    let owner = Owner {
        id: "c".repeat(64),
        display_name: "c".to_owned(),
    };
    Caller::of(owner)
}

/// Every meeting, each over a new store.
async fn meet_everywhere(open: impl Fn(&std::path::Path) -> Arc<dyn MetadataStore>) {
    for meeting in MEETINGS {
        for by_owner in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let metadata = open(&folder.path().join("metadata"));
            let clock = Arc::new(ManualClock::at(NOW));
            let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
            let store = Deployment::over(metadata, blobs, clock, Arc::new(PassThrough)).await;
            meet(store.holding(folder), meeting, by_owner).await;
        }
    }
}

#[tokio::test]
async fn in_memory_a_copy_keeps_its_bytes_whatever_displaces_its_source_meanwhile() {
    meet_everywhere(|_| Arc::new(MemoryMetadata::new(16, 100))).await;
}

#[tokio::test]
async fn on_sqlite_a_copy_keeps_its_bytes_whatever_displaces_its_source_meanwhile() {
    meet_everywhere(|path| Arc::new(SqliteMetadata::open(path).unwrap())).await;
}

#[tokio::test]
async fn on_a_log_a_copy_keeps_its_bytes_whatever_displaces_its_source_meanwhile() {
    meet_everywhere(|path| Arc::new(JsonlMetadata::open(path).unwrap())).await;
}
