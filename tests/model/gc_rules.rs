//! What a collection promises, rule by rule.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::{ErrorCode, Format, StoreId};
use bleepstore_core::ops::{
    Collection, GcError, GcOptions, GcReport, Pairing, collect_round, pair_stores, raise_format,
};
use bleepstore_core::ports::{OwnerRecord, StoreRecord};
use bleepstore_tests::decorators::{Gate, PassThrough};
use bleepstore_tests::deployment::{Deployment, incoming};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::Samples;
use bytes::Bytes;

pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn forced() -> GcOptions {
    GcOptions {
        grace: GRACE,
        force: true,
        ..GcOptions::default()
    }
}

/// A store with a bucket that holds `objects` objects and as many blobs beside them that nothing names, all
/// old enough to be collected.
pub(crate) async fn store(objects: usize, garbage: usize) -> Deployment {
    let store = Deployment::in_memory(0, 1, Arc::new(PassThrough)).await;
    store.create_bucket("bucket").await.unwrap();
    for index in 0..objects {
        store.put("bucket", &index.to_string(), "object").await.unwrap();
    }
    let upload = store.begin("bucket", "aborted").await.unwrap();
    for _ in 0..garbage {
        let body = incoming(Bytes::from_static(b"garbage"));
        store.part(("bucket", "aborted"), upload, 1, body).await.unwrap();
    }
    store.abort(("bucket", "aborted"), upload).await.unwrap();
    store.clock.advance(GRACE);
    store
}

pub(crate) async fn collect(store: &Deployment, options: &GcOptions) -> Result<GcReport, GcError> {
    collect_round(&store.context.ports, options).await
}

pub(crate) async fn blobs(store: &Deployment) -> usize {
    store.stored_blobs().await.len()
}

#[tokio::test]
async fn what_nothing_names_is_deleted_and_counted() {
    let store = store(3, 2).await;
    let report = collect(&store, &forced()).await.unwrap();
    assert_eq!((report.seen.blobs, report.seen.bytes), (5, 3 * 6 + 2 * 7));
    assert_eq!((report.deleted.blobs, report.deleted.bytes), (2, 14));
    assert_eq!((report.failed.blobs, report.next), (0, None));
    assert_eq!(blobs(&store).await, 3);
}

#[tokio::test]
async fn a_blob_stays_until_it_is_as_old_as_the_grace() {
    let store = store(0, 0).await;
    let upload = store.begin("bucket", "a").await.unwrap();
    let body = incoming(Bytes::from_static(b"garbage"));
    store.part(("bucket", "a"), upload, 1, body).await.unwrap();
    store.abort(("bucket", "a"), upload).await.unwrap();
    store.clock.advance(GRACE - Duration::from_millis(1));
    assert_eq!(collect(&store, &forced()).await.unwrap().deleted.blobs, 0);
    store.clock.advance(Duration::from_millis(1));
    assert_eq!(collect(&store, &forced()).await.unwrap().deleted.blobs, 1);
}

#[tokio::test]
async fn a_dry_run_reports_and_deletes_nothing() {
    let store = store(3, 2).await;
    let options = GcOptions {
        dry_run: true,
        slice: 2,
        ..forced()
    };
    let record = store.metadata.store_record().await.unwrap();
    let report = collect(&store, &options).await.unwrap();
    let ports = &store.context.ports;
    Collection::new(options).next_slice(ports).await.unwrap();
    assert_eq!((report.seen.blobs, report.deleted.blobs), (5, 2));
    assert_eq!(blobs(&store).await, 5);
    assert_eq!(store.metadata.store_record().await.unwrap(), record);
}

#[tokio::test]
async fn a_dry_run_reports_however_much_is_garbage() {
    let options = GcOptions {
        dry_run: true,
        force: false,
        ..forced()
    };
    let store = store(1, 9).await;
    assert_eq!(collect(&store, &options).await.unwrap().deleted.blobs, 9);
}

#[tokio::test]
async fn a_dry_run_aborts_no_upload() {
    let store = store(0, 0).await;
    let upload = store.begin("bucket", "a").await.unwrap();
    store.clock.advance(8 * GRACE);
    let options = GcOptions {
        dry_run: true,
        ..forced()
    };
    assert_eq!(collect(&store, &options).await.unwrap().expired_uploads, 0);
    store.abort(("bucket", "a"), upload).await.unwrap();
}

#[tokio::test]
async fn more_than_a_fifth_of_garbage_is_not_believed_without_force() {
    let options = GcOptions {
        force: false,
        ..forced()
    };
    let fifth = store(8, 2).await;
    assert_eq!(collect(&fifth, &options).await.unwrap().deleted.blobs, 2);
    let more = store(8, 3).await;
    let refused = collect(&more, &options).await.unwrap_err();
    assert!(
        matches!(refused, GcError::TooMuch { garbage: 3, seen: 11 }),
        "{refused}"
    );
    assert_eq!(blobs(&more).await, 11);
}

#[tokio::test]
async fn nothing_is_deleted_where_the_two_stores_do_not_name_each_other() {
    let store = store(3, 2).await;
    let owner = store.blobs.owner().await.unwrap().unwrap();
    let strangers = [
        OwnerRecord {
            epoch: owner.epoch + 1,
            ..owner
        },
        OwnerRecord {
            store: StoreId::from_bytes([7; 16]),
            ..owner
        },
        // This metadata store is a copy from before the format rose.
        OwnerRecord {
            format: Format::FENCED,
            ..owner
        },
    ];
    for stranger in strangers {
        store.blobs.set_owner(&stranger).await.unwrap();
        let refused = collect(&store, &forced()).await.unwrap_err();
        assert!(matches!(refused, GcError::NotOwned), "{refused}");
        let pairing = pair_stores(&store.context.ports).await.unwrap();
        assert_eq!(pairing, Pairing::Foreign);
    }
    assert_eq!(blobs(&store).await, 5);
    store.blobs.set_owner(&owner).await.unwrap();
    assert_eq!(collect(&store, &forced()).await.unwrap().deleted.blobs, 2);
}

#[tokio::test]
async fn nothing_is_deleted_while_an_import_is_under_way() {
    let store = store(3, 2).await;
    let record = store.metadata.store_record().await.unwrap().unwrap();
    let inactive = StoreRecord {
        active: false,
        ..record
    };
    let swapped = store.metadata.swap_store_record(Some(&record), &inactive).await;
    assert!(swapped.unwrap());
    let refused = collect(&store, &forced()).await.unwrap_err();
    assert!(matches!(refused, GcError::NotOwned), "{refused}");
    assert_eq!(blobs(&store).await, 5);
}

#[tokio::test]
async fn slices_go_on_from_the_cursor_that_is_kept() {
    let store = store(3, 4).await;
    let options = GcOptions { slice: 3, ..forced() };
    let all = store.stored_blobs().await;
    let mut deleted = 0;
    for seen in [3, 3, 1] {
        // Whether it is the same process or not.
        let mut collection = Collection::new(options.clone());
        let report = collection.next_slice(&store.context.ports).await.unwrap();
        deleted += report.deleted.blobs;
        assert_eq!(report.seen.blobs, seen);
        let kept = store.metadata.store_record().await.unwrap().unwrap().gc_cursor;
        assert_eq!(kept, report.next);
        assert!(kept.is_none_or(|cursor| all.contains(&cursor)));
    }
    assert_eq!(deleted, 4);
    assert_eq!(blobs(&store).await, 3);
}

#[tokio::test]
async fn uploads_are_aborted_when_they_are_too_old_and_their_parts_go() {
    let store = store(0, 0).await;
    let old = store.begin("bucket", "a").await.unwrap();
    let body = || incoming(Bytes::from_static(b"part"));
    store.part(("bucket", "a"), old, 1, body()).await.unwrap();
    store.clock.advance(2 * GRACE);
    let young = store.begin("bucket", "a").await.unwrap();
    let part = store.part(("bucket", "a"), young, 1, body()).await.unwrap();
    store.clock.advance(GRACE);

    let kept = GcOptions {
        upload_expiry: None,
        ..forced()
    };
    let report = collect(&store, &kept).await.unwrap();
    assert_eq!((report.expired_uploads, report.deleted.blobs), (0, 0));
    let expiring = GcOptions {
        upload_expiry: Some(3 * GRACE),
        ..forced()
    };
    let report = collect(&store, &expiring).await.unwrap();
    assert_eq!((report.expired_uploads, report.deleted.blobs), (1, 1));
    let gone = store.abort(("bucket", "a"), old).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NoSuchUpload);
    let parts = [(1, part.etag)];
    store.complete(("bucket", "a"), young, &parts).await.unwrap();
    assert_eq!(store.get("bucket", "a").await.unwrap(), "part");
}

#[tokio::test]
async fn a_spilled_layout_keeps_itself_and_the_blobs_that_it_lists() {
    let store = store(0, 0).await;
    let upload = store.begin("bucket", "a").await.unwrap();
    let body = incoming(Bytes::from_static(b"spilled"));
    let part = store.part(("bucket", "a"), upload, 1, body).await.unwrap();
    let parts = [(1, part.etag)];
    store.complete(("bucket", "a"), upload, &parts).await.unwrap();
    assert_eq!(blobs(&store).await, 2);
    store.clock.advance(GRACE);
    assert_eq!(collect(&store, &forced()).await.unwrap().deleted.blobs, 0);
    assert_eq!(store.get("bucket", "a").await.unwrap(), "spilled");
    store.delete("bucket", "a").await.unwrap();
    assert_eq!(collect(&store, &forced()).await.unwrap().deleted.blobs, 2);
}

/// A rename retires the manifest; a collection with a short grace frees what it names and leaves the row.
#[tokio::test]
async fn a_retired_layout_that_was_freed_stops_no_collection() {
    let store = store(0, 0).await;
    let upload = store.begin("bucket", "a").await.unwrap();
    let body = incoming(Bytes::from_static(b"spilled"));
    let part = store.part(("bucket", "a"), upload, 1, body).await.unwrap();
    let parts = [(1, part.etag)];
    store.complete(("bucket", "a"), upload, &parts).await.unwrap();
    store.clock.advance(GRACE);
    store.rename("bucket", "a", "b").await.unwrap();
    store.delete("bucket", "b").await.unwrap();
    store.clock.advance(Duration::from_secs(60));
    let short = GcOptions {
        grace: Duration::from_secs(1),
        ..forced()
    };
    assert_eq!(collect(&store, &short).await.unwrap().deleted.blobs, 2);
    assert_eq!(collect(&store, &forced()).await.unwrap().deleted.blobs, 0);
}

/// Runs a collection, and `meanwhile` when the mark is about to read the objects of the second bucket.
async fn during_the_mark(
    store: &Deployment,
    options: GcOptions,
    meanwhile: impl Future<Output = ()>,
) -> Result<GcReport, GcError> {
    let gate = Gate::new();
    let held_store = store.beside(gate.clone());
    let mut first = gate.hold("scan_records");
    let mark = tokio::spawn(async move { collect(&held_store, &options).await });
    first.arrived().await;
    let mut second = gate.hold("scan_records");
    first.release();
    second.arrived().await;
    meanwhile.await;
    second.release();
    mark.await.unwrap()
}

#[tokio::test]
async fn a_mark_that_takes_longer_than_half_the_grace_sweeps_nothing_unless_it_is_alone() {
    let over = Duration::from_millis(1);
    for (exclusive, over) in [(false, Duration::ZERO), (false, over), (true, over)] {
        let store = store(3, 2).await;
        store.create_bucket("second").await.unwrap();
        let options = GcOptions {
            exclusive,
            ..forced()
        };
        let slow = async { store.clock.advance(GRACE / 2 + over) };
        let collected = during_the_mark(&store, options, slow).await;
        if exclusive || over.is_zero() {
            assert_eq!(collected.unwrap().deleted.blobs, 2);
        } else {
            let refused = collected.unwrap_err();
            assert!(matches!(refused, GcError::TooSlow), "{refused}");
            assert_eq!(blobs(&store).await, 5);
        }
    }
}

#[tokio::test]
async fn an_object_that_moves_behind_the_mark_keeps_its_bytes() {
    let store = store(0, 0).await;
    store.create_bucket("second").await.unwrap();
    store.put("second", "a", "moved").await.unwrap();
    for grace in [GRACE, Duration::from_secs(60)] {
        store.clock.advance(GRACE);
        let options = GcOptions { grace, ..forced() };
        let moved = async {
            store.copy(("second", "a"), ("bucket", "a")).await.unwrap();
            store.delete("second", "a").await.unwrap();
        };
        during_the_mark(&store, options, moved).await.unwrap();
        assert_eq!(store.get("bucket", "a").await.unwrap(), "moved");
        // Back again, for the next round.
        store.copy(("bucket", "a"), ("second", "a")).await.unwrap();
        store.delete("bucket", "a").await.unwrap();
    }
}

#[tokio::test]
async fn an_object_that_is_renamed_to_a_key_behind_the_mark_keeps_its_bytes() {
    for grace in [GRACE, Duration::from_secs(60)] {
        let store = store(0, 0).await;
        store.put("bucket", "z", "renamed").await.unwrap();
        // The mark reads so many rows at a time.
        let bucket = store.bucket_row("bucket").await.unwrap();
        let samples = Samples::new(SeededEntropy::new(1));
        for index in 0..1_000 {
            let filler = samples.inline(&bucket, &format!("m/{index:04}"), "");
            store.put_record("bucket", &filler).await;
        }
        store.clock.advance(GRACE);
        let options = GcOptions { grace, ..forced() };
        let renamed = async { store.rename("bucket", "z", "a").await.unwrap() };
        during_the_mark(&store, options, renamed).await.unwrap();
        assert_eq!(store.get("bucket", "a").await.unwrap(), "renamed");
    }
}

/// Whoever raised it may have moved rows from before the mark to where this program does not look.
#[tokio::test]
async fn a_format_that_rises_during_the_mark_has_nothing_swept() {
    let store = store(3, 2).await;
    store.create_bucket("second").await.unwrap();
    let ports = store.context.ports.clone();
    let rise = async { raise_format(&ports, Format::FENCED).await.unwrap() };
    let refused = during_the_mark(&store, forced(), rise).await.unwrap_err();
    assert!(matches!(refused, GcError::FormatRose), "{refused}");
    assert_eq!(blobs(&store).await, 5);
    assert_eq!(collect(&store, &forced()).await.unwrap().deleted.blobs, 2);
}

#[tokio::test]
async fn an_upload_that_is_completed_during_the_mark_keeps_its_parts() {
    let store = store(0, 0).await;
    store.create_bucket("second").await.unwrap();
    let upload = store.begin("bucket", "a").await.unwrap();
    let body = incoming(Bytes::from_static(b"part"));
    let part = store.part(("bucket", "a"), upload, 1, body).await.unwrap();
    store.clock.advance(GRACE);
    let complete = async {
        let parts = [(1, part.etag)];
        store.complete(("bucket", "a"), upload, &parts).await.unwrap();
    };
    during_the_mark(&store, forced(), complete).await.unwrap();
    assert_eq!(store.get("bucket", "a").await.unwrap(), "part");
}
