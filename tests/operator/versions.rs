//! What tools make of versions that are not current, and of delete markers.

use bleepstore_core::model::{Operation, VersionName, Versioning};
use bleepstore_core::ops::{
    self, FsckOptions, GcOptions, Progress, Selection, Target, check_slice, collect_round, migrate,
    open_bucket, put_bucket_versioning, stats,
};
use bleepstore_core::ports::{KeyVersions, Ports, VersionRange};
use bleepstore_tests::deployment::{Deployment, name, target};
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::copies::{exported, imported};
use super::{fresh, pair, serving, small};

const KEY: &str = "a/key";
const LARGE: &str = "more bytes than this store takes inside a record";

pub(crate) async fn set(store: &Deployment, bucket: &str, versioning: Versioning) {
    let (context, caller) = (&store.context, &store.caller);
    let operation = Operation::PutBucketVersioning;
    let opened = open_bucket(context, caller, operation, &name(bucket))
        .await
        .unwrap();
    put_bucket_versioning(context, caller, opened, versioning)
        .await
        .unwrap();
}

/// A bucket with everything that versions can be: from before, with bytes of its own and shared ones, inline, a marker,
/// and a null version that is not current.
async fn versions(store: &Deployment) {
    store.create_bucket("photos").await.unwrap();
    store.create_bucket("plain").await.unwrap();
    store.put("plain", KEY, "plain").await.unwrap();
    store.put("photos", KEY, "before").await.unwrap();
    set(store, "photos", Versioning::Enabled).await;
    store.put("photos", KEY, LARGE).await.unwrap();
    store.copy(("photos", KEY), ("photos", "copy")).await.unwrap();
    store.put("photos", KEY, "two").await.unwrap();
    store.delete("photos", KEY).await.unwrap();
    store.put("photos", KEY, "three").await.unwrap();
    set(store, "photos", Versioning::Suspended).await;
    store.put("photos", "copy", "null").await.unwrap();
    set(store, "photos", Versioning::Enabled).await;
    store.delete("photos", "gone").await.unwrap();
}

pub(crate) async fn of_key(ports: &Ports, key: &str) -> KeyVersions {
    let metadata = &ports.metadata;
    let bucket = metadata.bucket(&name("photos")).await.unwrap().unwrap();
    let key = target("photos", key).key;
    metadata
        .key_versions(VersionRange::newest(&bucket, &key, 100))
        .await
        .unwrap()
}

async fn read(store: &Deployment, key: &str, version: VersionName) -> Bytes {
    let target = Target {
        version: Some(version),
        ..target("photos", key)
    };
    let select = |_: &_| Ok(Selection::Whole);
    let output = ops::get_object(&store.context, &store.caller, &target, &select)
        .await
        .unwrap();
    let pieces: Vec<Bytes> = output.body.try_collect().await.unwrap();
    pieces.concat().into()
}

/// Every version under every key: its name, what it is, and its bytes.
async fn all(ports: &Ports) -> Vec<(String, String, Option<Bytes>)> {
    let store = serving(ports).await;
    let mut all = Vec::new();
    for key in [KEY, "copy", "gone"] {
        let found = of_key(ports, key).await;
        for row in found.head.iter().chain(&found.versions) {
            let body = match row.kind {
                bleepstore_core::model::ObjectKind::Object => {
                    Some(read(&store, key, row.version_name()).await)
                }
                bleepstore_core::model::ObjectKind::DeleteMarker => None,
            };
            all.push((key.to_owned(), row.version_name().to_string(), body));
        }
    }
    all
}

pub(crate) async fn is_whole(ports: &Ports) {
    let options = FsckOptions {
        verify_checksums: true,
        ..FsckOptions::default()
    };
    let check = check_slice(ports, &options, None, &Progress::default())
        .await
        .unwrap();
    assert_eq!(check.findings, []);
}

/// The lines of an export between its header and its trailer.
fn records(export: &Bytes) -> Vec<&[u8]> {
    let lines: Vec<_> = export
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    lines[1..lines.len() - 1].to_vec()
}

#[tokio::test]
async fn versions_come_back_from_an_export_under_their_names_and_in_their_order() {
    let old = small().await;
    versions(&old).await;
    let (wanted, bytes) = (
        all(&old.context.ports).await,
        exported(&old.context.ports, true).await,
    );
    assert_eq!(wanted.len(), 5 + 2 + 1);
    for (inline_limit, layout_limit) in [(8, 4), (0, 1)] {
        let metadata = fresh(inline_limit, layout_limit).metadata;
        let new = pair(&metadata, &old.blobs, &old.context.ports);
        let report = imported(&new, &bytes).await.unwrap();
        assert_eq!((report.counts.objects, report.counts.versions), (4, 5));
        assert_eq!(all(&new).await, wanted);
        is_whole(&new).await;
        // An export of it says the same, but for its header and the trailer's hash of it.
        if inline_limit == 8 {
            assert_eq!(records(&exported(&new, true).await), records(&bytes));
        }
    }
}

#[tokio::test]
async fn a_check_reports_the_lost_bytes_of_a_version_that_is_not_current() {
    let store = small().await;
    store.create_bucket("photos").await.unwrap();
    store.put("photos", KEY, LARGE).await.unwrap();
    set(&store, "photos", Versioning::Enabled).await;
    store.put("photos", KEY, format!("{LARGE}, again")).await.unwrap();
    store.put("photos", KEY, "last").await.unwrap();
    let options = FsckOptions::default();
    let ports = &store.context.ports;
    for row in of_key(ports, KEY).await.versions {
        store
            .blobs
            .delete(&row.manifest.blobs().collect::<Vec<_>>())
            .await;
    }
    let check = check_slice(ports, &options, None, &Progress::default())
        .await
        .unwrap();
    let named: Vec<String> = check
        .findings
        .iter()
        .map(|finding| finding.name().to_owned())
        .collect();
    assert_eq!(named, ["missing", "missing"]);
}

#[tokio::test]
async fn a_migration_brings_versions_and_a_second_one_what_became_of_them() {
    let old = small().await;
    versions(&old).await;
    let new = fresh(8, 4);
    let (from, options) = (&old.context.ports, Default::default());
    migrate(from, &new, options, &Progress::default()).await.unwrap();
    assert_eq!(all(&new).await, all(from).await);
    is_whole(&new).await;
    // Nothing that one of them names is only in the old store.
    for blob in old.stored_blobs().await {
        let found = new.blobs.scan(None, 100).await.unwrap();
        assert!(found.blobs.iter().any(|entry| entry.blob == blob));
    }
}

#[tokio::test]
async fn garbage_collection_keeps_what_versions_name_and_nothing_else() {
    let store = small().await;
    versions(&store).await;
    store
        .put("photos", KEY, format!("{LARGE}, once more"))
        .await
        .unwrap();
    store.put("photos", KEY, "last").await.unwrap();
    let ports = &store.context.ports;
    let options = GcOptions {
        grace: std::time::Duration::ZERO,
        exclusive: true,
        force: true,
        ..GcOptions::default()
    };
    let wanted = all(ports).await;
    let round = collect_round(ports, &options).await.unwrap();
    assert_eq!(round.deleted.blobs, 0);
    assert_eq!(all(ports).await, wanted);
    let found = stats(ports, &Progress::default()).await.unwrap();
    let photos = found
        .buckets
        .iter()
        .find(|bucket| bucket.name == name("photos"))
        .unwrap();
    assert_eq!((photos.objects, photos.versions, photos.markers), (2, 6, 2));
}
