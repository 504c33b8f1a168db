//! How many calls to its stores each operation makes. Every call is a round trip in a cloud.

mod aws;
mod cosmos;
mod firestore;
mod operations;
mod served;

use std::collections::BTreeMap;
use std::sync::Arc;

use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{CannedAcl, ChecksumAlgorithm, RequestedAcl};
use bleepstore_core::ops::{self, Listing};
use bleepstore_core::ports::MetadataStore;
use bleepstore_local::fs_blobs::FsBlobs;
use bleepstore_local::sqlite::SqliteMetadata;
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::decorators::CallCounter;
use bleepstore_tests::deployment::{Deployment, incoming, name, target};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::{NOW, Samples};
use bytes::Bytes;

/// An empty bucket in stores whose calls are counted.
struct Counted {
    deployment: Deployment,
    counter: Arc<CallCounter>,
    /// A body that travels inside the record.
    small: Bytes,
    /// The shortest body that does not.
    large: Bytes,
}

impl Counted {
    async fn new(
        metadata: Arc<dyn MetadataStore>,
        over: impl AsyncFnOnce(Arc<dyn MetadataStore>, Arc<CallCounter>) -> Deployment,
    ) -> Self {
        let limit = usize::try_from(metadata.inline_limit()).unwrap();
        let counter = Arc::new(CallCounter::default());
        let deployment = over(metadata, counter.clone()).await;
        deployment.create_bucket("bucket").await.unwrap();
        counter.take();
        Self {
            deployment,
            counter,
            small: vec![b's'; limit].into(),
            large: vec![b'l'; limit + 1].into(),
        }
    }

    async fn in_memory() -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        let metadata = Arc::new(MemoryMetadata::default());
        Self::new(metadata, async |metadata, counter| {
            Deployment::over(metadata, blobs, clock, counter).await
        })
        .await
    }

    async fn on_disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let blobs = folder.path().join("blobs");
        std::fs::create_dir(&blobs).unwrap();
        let blobs = Arc::new(FsBlobs::open(&blobs).unwrap());
        let metadata = Arc::new(SqliteMetadata::open(&folder.path().join("metadata.sqlite")).unwrap());
        Self::new(metadata, async |metadata, counter| {
            let deployment = Deployment::over(metadata, blobs, clock, counter).await;
            deployment.holding(folder)
        })
        .await
    }

    /// The calls since the last look.
    #[track_caller]
    fn assert_calls(&self, expected: &[(&'static str, usize)]) {
        let expected: BTreeMap<_, _> = expected.iter().copied().collect();
        assert_eq!(self.counter.take(), expected);
    }
}

/// Each rule over both pairs of stores.
macro_rules! over_all_stores {
    ($($rule:ident)+) => {
        mod memory {
            $(#[tokio::test] async fn $rule() { super::$rule(super::Counted::in_memory().await).await; })+
        }
        mod sqlite_and_files {
            $(#[tokio::test] async fn $rule() { super::$rule(super::Counted::on_disk().await).await; })+
        }
    };
}

over_all_stores! {
    a_put_looks_up_writes_and_commits
    a_get_looks_up_and_reads
    a_head_looks_up
    attributes_look_up_and_read_no_blob
    a_delete_looks_up_removes_and_frees
    an_overwrite_frees_the_old_blob
    a_copy_touches_no_blob
    a_copy_reads_its_source_only_for_a_checksum_that_cannot_be_combined
    the_upload_of_a_part_looks_up_writes_and_records
    a_completion_touches_no_blob
    a_rename_looks_up_both_keys_retires_and_changes_once
    a_list_is_replaced_by_a_look_up_and_one_change
    a_removal_by_another_than_the_buckets_owner_looks_up_once
}

async fn a_rename_looks_up_both_keys_retires_and_changes_once(f: Counted) {
    for name in ["large", "replaced"] {
        f.deployment.put("bucket", name, f.large.clone()).await.unwrap();
    }
    f.deployment
        .put("bucket", "small", f.small.clone())
        .await
        .unwrap();
    f.counter.take();
    f.deployment.rename("bucket", "large", "renamed").await.unwrap();
    f.assert_calls(&[("lookup", 2), ("retire", 1), ("edit", 1)]);
    f.deployment
        .rename("bucket", "renamed", "replaced")
        .await
        .unwrap();
    f.assert_calls(&[("lookup", 2), ("retire", 1), ("edit", 1), ("delete", 1)]);
    // What lies in its record needs no blob, and nothing that keeps one.
    f.deployment.rename("bucket", "small", "renamed").await.unwrap();
    f.assert_calls(&[("lookup", 2), ("edit", 1)]);
    f.deployment.rename("bucket", "renamed", "renamed").await.unwrap();
    f.assert_calls(&[("lookup", 2)]);
}

async fn a_list_is_replaced_by_a_look_up_and_one_change(f: Counted) {
    f.deployment.put("bucket", "a", f.large.clone()).await.unwrap();
    f.counter.take();
    let acl = RequestedAcl::Canned(CannedAcl::PublicRead);
    f.deployment
        .put_object_acl("bucket", "a", acl.clone())
        .await
        .unwrap();
    f.assert_calls(&[("lookup", 1), ("edit", 1)]);
    f.deployment.put_bucket_acl("bucket", acl).await.unwrap();
    f.assert_calls(&[("bucket", 1), ("update_bucket", 1)]);
}

async fn a_removal_by_another_than_the_buckets_owner_looks_up_once(mut f: Counted) {
    let acl = RequestedAcl::Canned(CannedAcl::PublicReadWrite);
    f.deployment.put_bucket_acl("bucket", acl).await.unwrap();
    f.deployment.caller.owner.id = "a".repeat(64);
    f.counter.take();
    f.deployment.put("bucket", "a", f.small.clone()).await.unwrap();
    f.assert_calls(&[("lookup", 1), ("edit", 1)]);
    f.deployment.delete("bucket", "a").await.unwrap();
    f.assert_calls(&[("lookup", 1), ("edit", 1)]);
}

async fn a_put_looks_up_writes_and_commits(f: Counted) {
    f.deployment
        .put("bucket", "small", f.small.clone())
        .await
        .unwrap();
    f.assert_calls(&[("lookup", 1), ("edit", 1)]);
    f.deployment
        .put("bucket", "large", f.large.clone())
        .await
        .unwrap();
    f.assert_calls(&[("lookup", 1), ("write", 1), ("edit", 1)]);
}

async fn a_get_looks_up_and_reads(f: Counted) {
    f.deployment
        .put("bucket", "small", f.small.clone())
        .await
        .unwrap();
    f.deployment
        .put("bucket", "large", f.large.clone())
        .await
        .unwrap();
    f.counter.take();
    assert_eq!(f.deployment.get("bucket", "small").await.unwrap(), f.small);
    f.assert_calls(&[("lookup", 1)]);
    assert_eq!(f.deployment.get("bucket", "large").await.unwrap(), f.large);
    f.assert_calls(&[("lookup", 1), ("read", 1)]);
}

async fn a_head_looks_up(f: Counted) {
    f.deployment
        .put("bucket", "large", f.large.clone())
        .await
        .unwrap();
    f.counter.take();
    f.deployment.head("bucket", "large").await.unwrap();
    f.assert_calls(&[("lookup", 1)]);
}

async fn attributes_look_up_and_read_no_blob(f: Counted) {
    let place = ("bucket", "a");
    let upload = f.deployment.begin("bucket", "a").await.unwrap();
    let body = incoming(f.large.clone());
    let part = f.deployment.part(place, upload, 1, body).await.unwrap();
    let parts = [(1, part.etag)];
    f.deployment.complete(place, upload, &parts).await.unwrap();
    f.counter.take();
    let Deployment { context, caller, .. } = &f.deployment;
    let found = ops::object_attributes(context, caller, &target("bucket", "a"), &|_| Ok(true)).await;
    assert_eq!(found.unwrap().parts.len(), 1);
    f.assert_calls(&[("lookup", 1)]);
}

#[tokio::test]
async fn attributes_of_a_spilled_layout_read_its_blob_alone() {
    let counter = Arc::new(CallCounter::default());
    let deployment = Deployment::in_memory(0, 1, counter.clone()).await;
    deployment.create_bucket("bucket").await.unwrap();
    let place = ("bucket", "a");
    let upload = deployment.begin("bucket", "a").await.unwrap();
    let body = incoming(Bytes::from_static(b"part"));
    let part = deployment.part(place, upload, 1, body).await.unwrap();
    deployment
        .complete(place, upload, &[(1, part.etag)])
        .await
        .unwrap();
    counter.take();
    for (wanted, reads, parts) in [(false, 0, 0), (true, 1, 1)] {
        let Deployment { context, caller, .. } = &deployment;
        let check = |_: &_| Ok(wanted);
        let found = ops::object_attributes(context, caller, &target("bucket", "a"), &check).await;
        assert_eq!(found.unwrap().parts.len(), parts);
        let calls = counter.take();
        assert_eq!(
            (calls["lookup"], calls.get("read").copied().unwrap_or(0)),
            (1, reads)
        );
    }
}

async fn a_delete_looks_up_removes_and_frees(f: Counted) {
    f.deployment
        .put("bucket", "small", f.small.clone())
        .await
        .unwrap();
    f.deployment
        .put("bucket", "large", f.large.clone())
        .await
        .unwrap();
    f.counter.take();
    f.deployment.delete("bucket", "small").await.unwrap();
    f.assert_calls(&[("lookup", 1), ("edit", 1)]);
    f.deployment.delete("bucket", "large").await.unwrap();
    f.assert_calls(&[("lookup", 1), ("edit", 1), ("delete", 1)]);
    f.deployment.delete("bucket", "large").await.unwrap();
    f.assert_calls(&[("lookup", 1)]);
}

async fn an_overwrite_frees_the_old_blob(f: Counted) {
    f.deployment.put("bucket", "a", f.large.clone()).await.unwrap();
    f.counter.take();
    f.deployment.put("bucket", "a", f.large.clone()).await.unwrap();
    f.assert_calls(&[("lookup", 1), ("write", 1), ("edit", 1), ("delete", 1)]);
    f.deployment.put("bucket", "a", f.small.clone()).await.unwrap();
    f.assert_calls(&[("lookup", 1), ("edit", 1), ("delete", 1)]);
}

async fn a_copy_touches_no_blob(f: Counted) {
    f.deployment
        .put("bucket", "small", f.small.clone())
        .await
        .unwrap();
    f.deployment
        .put("bucket", "large", f.large.clone())
        .await
        .unwrap();
    f.counter.take();
    let copy = async |from, to| f.deployment.copy(("bucket", from), ("bucket", to)).await.unwrap();
    copy("small", "small copy").await;
    f.assert_calls(&[("lookup", 2), ("edit", 1)]);
    copy("large", "large copy").await;
    f.assert_calls(&[("lookup", 2), ("edit", 2)]);
    copy("large", "another").await;
    f.assert_calls(&[("lookup", 2), ("edit", 1)]);
    copy("large", "large").await;
    f.assert_calls(&[("lookup", 1), ("edit", 1)]);
}

async fn a_copy_reads_its_source_only_for_a_checksum_that_cannot_be_combined(f: Counted) {
    f.deployment
        .put("bucket", "large", f.large.clone())
        .await
        .unwrap();
    f.counter.take();
    let copy = async |algorithm| {
        let places = (("bucket", "large"), ("bucket", "copy"));
        let copied = f.deployment.copy_with(places.0, places.1, Some(algorithm));
        copied.await.unwrap()
    };
    let combined = copy(ChecksumAlgorithm::Crc64nvme).await;
    assert!(combined.shared && combined.checksum.is_some());
    f.assert_calls(&[("lookup", 2), ("edit", 2)]);
    let read = copy(ChecksumAlgorithm::Sha256).await;
    assert!(!read.shared && read.checksum.is_some());
    let calls = f.counter.take();
    let expected = [
        ("lookup", 2),
        ("read", 1),
        ("write", 1),
        ("retire", 1),
        ("edit", 1),
    ];
    assert_eq!(calls, BTreeMap::from(expected));
    // Its bytes are its own: they go with it.
    f.deployment.delete("bucket", "copy").await.unwrap();
    f.assert_calls(&[("lookup", 1), ("edit", 1), ("delete", 1)]);
}

async fn the_upload_of_a_part_looks_up_writes_and_records(f: Counted) {
    let place = ("bucket", "a");
    let upload = f.deployment.begin("bucket", "a").await.unwrap();
    f.assert_calls(&[("bucket", 1), ("begin_upload", 1)]);
    // However short it is: a part lies in a blob.
    let body = incoming(f.small.clone());
    f.deployment.part(place, upload, 1, body).await.unwrap();
    f.assert_calls(&[("lookup_upload", 1), ("write", 1), ("record_part", 1)]);
    f.deployment.abort(place, upload).await.unwrap();
    f.assert_calls(&[("lookup_upload", 1), ("abort", 1)]);
}

async fn a_completion_touches_no_blob(f: Counted) {
    let place = ("bucket", "a");
    let upload = f.deployment.begin("bucket", "a").await.unwrap();
    let body = incoming(f.large.clone());
    let part = f.deployment.part(place, upload, 1, body).await.unwrap();
    f.counter.take();
    let parts = [(1, part.etag)];
    let completed = f.deployment.complete(place, upload, &parts).await.unwrap();
    let calls = [
        ("lookup_upload", 1),
        ("begin_complete", 1),
        ("scan_parts", 1),
        ("edit", 1),
    ];
    f.assert_calls(&calls);
    assert_eq!(
        f.deployment.complete(place, upload, &parts).await.unwrap(),
        completed
    );
    // The row of the upload is gone, and with it who began it: the object tells.
    f.assert_calls(&[("lookup_upload", 1), ("receipt", 1), ("lookup", 1)]);
    assert_eq!(f.deployment.get("bucket", "a").await.unwrap(), f.large);
}

/// A bucket of 100 "directories" with `keys` keys between them.
async fn directories(keys: usize) -> Counted {
    let f = Counted::in_memory().await;
    let samples = Samples::new(SeededEntropy::new(1));
    let bucket = f.deployment.bucket_row("bucket").await.unwrap();
    let mut record = samples.inline(&bucket, "a", "");
    for index in 0..keys {
        let text = format!("{:02}/{:06}", index % 100, index / 100);
        record.key = bleepstore_tests::samples::key(&text);
        f.deployment.put_record("bucket", &record).await;
    }
    f
}

/// The calls of one page of 1,000.
async fn calls_of_a_page(
    f: &Counted,
    delimiter: &str,
    shown: (usize, usize),
) -> BTreeMap<&'static str, usize> {
    let input = Listing {
        bucket: name("bucket"),
        prefix: String::new(),
        delimiter: delimiter.to_owned(),
        start: None,
        limit: 1_000,
    };
    let page = ops::list_objects(&f.deployment.context, &f.deployment.caller, input)
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.common_prefixes.len()), shown);
    f.counter.take()
}

#[tokio::test]
async fn a_listing_reads_what_it_shows_and_not_what_lies_under_its_prefixes() {
    let few = directories(10_000).await;
    let many = directories(100_000).await;
    let calls = calls_of_a_page(&few, "/", (0, 100)).await;
    assert_eq!(calls_of_a_page(&many, "/", (0, 100)).await, calls);
    // One for each of the prefixes, and the one that finds nothing after the last.
    assert_eq!(calls, [("bucket", 1), ("scan_objects", 101)].into());
    let calls = calls_of_a_page(&many, "", (1_000, 0)).await;
    assert_eq!(calls, [("bucket", 1), ("scan_objects", 1)].into());
}
