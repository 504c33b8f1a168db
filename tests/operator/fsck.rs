//! That a check finds each defect, and nothing where there is none.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::model::{BlobRef, ErrorCode, Manifest, ObjectRecord};
use bleepstore_core::ops::{
    Finding, FsckOptions, FsckReport, GcOptions, Progress, check_slice, collect_round,
};
use bleepstore_core::ports::{
    BlobPage, BlobRead, BlobStore, BodyStream, DeleteOutcome, OwnerRecord, Ports, StoreError, StoreResult,
    WriteError,
};
use bleepstore_tests::deployment::{Deployment, incoming};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::{LONG, fill, small};

async fn check(store: &Deployment, options: FsckOptions) -> FsckReport {
    let mut total = FsckReport::default();
    let mut cursor = None;
    loop {
        total += check_slice(&store.context.ports, &options, cursor, &Progress::default())
            .await
            .unwrap();
        cursor = total.next;
        if cursor.is_none() {
            return total;
        }
    }
}

fn thorough() -> FsckOptions {
    FsckOptions {
        verify_checksums: true,
        ..FsckOptions::default()
    }
}

/// What the findings are called, and the records that they are about.
async fn findings(store: &Deployment, options: FsckOptions) -> Vec<String> {
    let report = check(store, options).await;
    let text = |finding: &Finding| match finding.named_by() {
        Some(named_by) => format!("{} {named_by}", finding.name()),
        None => finding.name().to_owned(),
    };
    let mut found: Vec<String> = report.findings.iter().map(text).collect();
    found.sort();
    found
}

async fn first_blob(store: &Deployment, key: &str) -> BlobRef {
    store
        .object("photos", key)
        .await
        .unwrap()
        .manifest
        .blobs()
        .next()
        .unwrap()
}

/// Puts other bytes in the place of a blob's.
async fn replace(store: &Deployment, blob: BlobRef, bytes: &'static [u8]) {
    store.blobs.delete(&[blob]).await;
    let body = stream::iter([Ok(Bytes::from_static(bytes))]).boxed();
    store.blobs.write(&blob, body, None).await.unwrap();
}

#[tokio::test]
async fn a_whole_store_has_no_findings_and_every_named_blob_is_read() {
    let store = small().await;
    fill(&store).await;
    let report = check(&store, thorough()).await;
    assert_eq!(report.findings, []);
    assert_eq!((report.records, report.blobs), (7, report.verified));
    assert_eq!(report.blobs.blobs, store.stored_blobs().await.len());
    assert_eq!(check(&store, FsckOptions::default()).await.verified.blobs, 0);
}

#[tokio::test]
async fn slices_of_any_size_find_the_same() {
    for slice in [1, 2, 3, 100] {
        let store = small().await;
        fill(&store).await;
        let blob = first_blob(&store, "copy").await;
        store.blobs.delete(&[blob]).await;
        let options = FsckOptions { slice, ..thorough() };
        let expected = ["missing photos/a/é", "missing photos/copy"];
        assert_eq!(findings(&store, options).await, expected, "slices of {slice}");
    }
}

#[tokio::test]
async fn a_missing_blob_is_found_for_an_object_a_layout_and_a_part() {
    let store = small().await;
    let open = fill(&store).await;
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
    let lost = [
        first_blob(&store, "a/é").await,
        first_blob(&store, "many parts").await,
        parts[1].extents[0].blob,
    ];
    store.blobs.delete(&lost).await;
    let expected = [
        "missing photos/a/é".to_owned(),
        "missing photos/copy".to_owned(),
        "missing photos/many parts".to_owned(),
        format!("missing photos/unfinished, part 7 of upload {open}"),
    ];
    assert_eq!(findings(&store, FsckOptions::default()).await, expected);
}

#[tokio::test]
async fn a_blob_of_another_length_is_found() {
    let store = small().await;
    fill(&store).await;
    store.put("photos", "short", "not inline at all").await.unwrap();
    replace(&store, first_blob(&store, "short").await, b"cut").await;
    assert_eq!(
        findings(&store, FsckOptions::default()).await,
        ["wrong-length photos/short"]
    );
}

#[tokio::test]
async fn damaged_bytes_are_found_by_a_check_that_reads_them() {
    let store = small().await;
    fill(&store).await;
    store.put("photos", "damaged", "not inline at all").await.unwrap();
    replace(&store, first_blob(&store, "damaged").await, b"not inline at ALL").await;
    assert_eq!(findings(&store, FsckOptions::default()).await, [""; 0]);
    assert_eq!(
        findings(&store, thorough()).await,
        ["wrong-checksum photos/damaged"]
    );
}

/// Inline bodies are read by a check that reads bytes, and by every request for them.
#[tokio::test]
async fn a_damaged_body_in_a_record_is_found_and_not_served() {
    let store = small().await;
    fill(&store).await;
    let record = store.object("photos", "inline").await.unwrap();
    let damaged = ObjectRecord {
        manifest: Manifest::Inline(Bytes::from_static(b"inlinE")),
        ..record.clone()
    };
    store.put_record("photos", &damaged).await;
    assert_eq!(findings(&store, FsckOptions::default()).await, [""; 0]);
    for slice in [1, 100] {
        let options = FsckOptions { slice, ..thorough() };
        assert_eq!(findings(&store, options).await, ["damaged-body photos/inline"]);
    }
    let refused = store.get("photos", "inline").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InternalError);
    let copied = store.copy(("photos", "inline"), ("photos", "copied")).await;
    assert_eq!(copied.unwrap_err().code, ErrorCode::InternalError);
}

/// What cannot be read of one blob says nothing of the others. Where that is a layout, it is found as the object's,
/// too.
#[tokio::test]
async fn a_check_goes_on_where_blobs_cannot_be_read() {
    let store = small().await;
    fill(&store).await;
    store.put("photos", "damaged", "not inline at all").await.unwrap();
    replace(&store, first_blob(&store, "damaged").await, b"not inline at ALL").await;
    let unreadable = [
        first_blob(&store, "a/é").await,
        first_blob(&store, "many parts").await,
    ];
    let ports = Ports {
        blobs: Arc::new(AroundReads {
            inner: store.blobs.clone(),
            unreadable,
        }),
        ..store.context.ports.clone()
    };
    let checked = check_slice(&ports, &thorough(), None, &Progress::default()).await;
    let mut found: Vec<&str> = checked
        .as_ref()
        .unwrap()
        .findings
        .iter()
        .map(Finding::name)
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        ["bad-layout", "unreadable", "unreadable", "wrong-checksum"]
    );
}

/// Some blobs lie where the disk gives nothing.
struct AroundReads {
    inner: Arc<dyn BlobStore>,
    unreadable: [BlobRef; 2],
}

#[async_trait]
impl BlobStore for AroundReads {
    async fn write(&self, blob: &BlobRef, body: BodyStream, hint: Option<u64>) -> Result<u64, WriteError> {
        self.inner.write(blob, body, hint).await
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        if self.unreadable.contains(blob) {
            return Err(StoreError::internal("input/output error"));
        }
        self.inner.read(blob, range).await
    }

    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        self.inner.delete(blobs).await
    }

    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        self.inner.scan(after, limit).await
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        self.inner.owner().await
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        self.inner.set_owner(owner).await
    }
}

#[tokio::test]
async fn a_damaged_layout_is_found() {
    let store = small().await;
    fill(&store).await;
    let Manifest::Spilled(spilled) = store.object("photos", "many parts").await.unwrap().manifest else {
        panic!("the layout did not spill");
    };
    let length = usize::try_from(spilled.extent.length).unwrap();
    replace(
        &store,
        spilled.extent.blob,
        Box::leak(vec![b'x'; length].into_boxed_slice()),
    )
    .await;
    assert_eq!(
        findings(&store, FsckOptions::default()).await,
        ["bad-layout photos/many parts"]
    );
}

#[tokio::test]
async fn a_size_that_is_not_the_layouts_is_found() {
    let store = small().await;
    fill(&store).await;
    let record = store.object("photos", "copy").await.unwrap();
    let wrong = ObjectRecord {
        size: record.size + 1,
        ..record.clone()
    };
    store.put_record("photos", &wrong).await;
    assert_eq!(
        findings(&store, FsckOptions::default()).await,
        ["bad-layout photos/copy"]
    );
}

/// Garbage is a finding from the grace on, and not any more once gc took it away.
#[tokio::test]
async fn an_orphan_is_found_once_it_is_older_than_the_grace() {
    let store = small().await;
    fill(&store).await;
    let upload = store.begin("photos", "aborted").await.unwrap();
    let body = incoming(Bytes::from_static(b"nobody names this"));
    store.part(("photos", "aborted"), upload, 1, body).await.unwrap();
    store.abort(("photos", "aborted"), upload).await.unwrap();
    assert_eq!(findings(&store, FsckOptions::default()).await, [""; 0]);
    let at_once = FsckOptions {
        grace: Duration::ZERO,
        ..FsckOptions::default()
    };
    assert_eq!(findings(&store, at_once).await, ["orphan"]);
    store.clock.advance(LONG);
    assert_eq!(findings(&store, FsckOptions::default()).await, ["orphan"]);
    let options = GcOptions {
        force: true,
        ..GcOptions::default()
    };
    collect_round(&store.context.ports, &options).await.unwrap();
    assert_eq!(findings(&store, FsckOptions::default()).await, [""; 0]);
}

/// What was shared and is gone stays for a mark that was under way.
#[tokio::test]
async fn a_retired_manifest_is_neither_an_orphan_nor_missed() {
    let store = small().await;
    fill(&store).await;
    store.delete("photos", "a/é").await.unwrap();
    store.delete("photos", "copy").await.unwrap();
    let old_enough = FsckOptions {
        grace: Duration::from_secs(1),
        ..FsckOptions::default()
    };
    store.clock.advance(Duration::from_secs(2));
    assert_eq!(findings(&store, FsckOptions::default()).await, [""; 0]);
    // With a grace of a second it is a root for a second, as it is to gc.
    assert_eq!(findings(&store, old_enough).await, ["orphan"]);
}

#[tokio::test]
async fn a_store_that_does_not_own_its_bytes_is_found() {
    let store = small().await;
    let record = store.metadata.store_record().await.unwrap().unwrap();
    let mut importing = record;
    importing.active = false;
    assert!(
        store
            .metadata
            .swap_store_record(Some(&record), &importing)
            .await
            .unwrap()
    );
    assert_eq!(findings(&store, FsckOptions::default()).await, ["not-owned"]);
}
