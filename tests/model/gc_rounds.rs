//! What a collection promises over the slices of a round.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::{Format, Manifest};
use bleepstore_core::ops::{Collection, GcError, GcOptions, GcReport, raise_format};
use bleepstore_core::ports::{Clock as _, OwnerRecord, Ports, StoreErrorKind, StoreRecord};
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::decorators::{CallCounter, Faults, Gate, Verdict};
use bleepstore_tests::deployment::{Deployment, incoming};
use bytes::Bytes;
use futures_util::future::{Either, select};
use std::pin::pin;

use super::gc_rules::{GRACE, blobs, collect, forced, store};

/// Blobs of the store that most of these rules are about, two in a slice: the last slice is the fourth.
const OBJECTS: usize = 5;
const GARBAGE: usize = 3;

fn by_two() -> GcOptions {
    GcOptions {
        slice: 2,
        upload_expiry: None,
        ..forced()
    }
}

/// A process that collects in slices, and how often it has marked: each time it reads the one page of records.
struct Process {
    collection: Collection,
    store: Deployment,
    calls: Arc<CallCounter>,
}

impl Process {
    fn of(store: &Deployment) -> Self {
        let calls = Arc::new(CallCounter::default());
        Self {
            collection: Collection::new(by_two()),
            store: store.beside(calls.clone()),
            calls,
        }
    }

    async fn slice(&mut self) -> Result<GcReport, GcError> {
        self.collection.next_slice(&self.store.context.ports).await
    }

    /// The rest of the round; the blobs that it deletes.
    async fn finish(&mut self) -> usize {
        let mut deleted = 0;
        loop {
            let slice = self.slice().await.unwrap();
            deleted += slice.deleted.blobs;
            if slice.next.is_none() {
                return deleted;
            }
        }
    }

    fn marks(&self) -> usize {
        self.calls.count("scan_records")
    }
}

#[tokio::test]
async fn a_round_reads_all_rows_once() {
    let store = store(OBJECTS, GARBAGE).await;
    let mut process = Process::of(&store);
    for round in 1..=2 {
        let deleted = process.finish().await;
        assert_eq!(deleted, if round == 1 { GARBAGE } else { 0 });
        for method in ["scan_uploads", "scan_records", "scan_retired"] {
            assert_eq!(process.calls.count(method), round, "{method}");
        }
    }
    let whole = store.beside(process.calls.clone());
    collect(&whole, &by_two()).await.unwrap();
    assert_eq!(process.marks(), 3);
}

#[tokio::test]
async fn nothing_is_read_where_no_blob_is_old_enough() {
    let store = store(0, 0).await;
    store.put("bucket", "young", "bytes").await.unwrap();
    let mut process = Process::of(&store);
    assert_eq!(process.finish().await, 0);
    assert_eq!(process.marks(), 0);
}

/// The clock is put right after the first slice. What is written from then on looks older than the grace before the mark.
#[tokio::test]
async fn a_mark_that_was_made_while_the_clock_was_ahead_is_made_anew() {
    let store = store(OBJECTS, GARBAGE).await;
    let mut process = Process::of(&store);
    let ahead = Ports {
        clock: Arc::new(ManualClock::at(store.clock.now().plus(3 * GRACE))),
        ..process.store.context.ports.clone()
    };
    let first = process.collection.next_slice(&ahead).await.unwrap();
    for late in 0..8 {
        store
            .put("bucket", &format!("late {late}"), "late")
            .await
            .unwrap();
    }
    let deleted = first.deleted.blobs + process.finish().await;
    assert_eq!((deleted, process.marks()), (GARBAGE, 2));
    for late in 0..8 {
        let read = store.get("bucket", &format!("late {late}")).await;
        assert_eq!(read.unwrap(), "late");
    }
}

/// The blobs of the puts are older than the grace when the later slices come, and the mark was over before the commits.
#[tokio::test]
async fn a_later_slice_does_not_sweep_by_its_own_time() {
    let store = store(OBJECTS, GARBAGE).await;
    let mut process = Process::of(&store);
    let first = process.slice().await.unwrap();
    for late in 0..8 {
        store
            .put("bucket", &format!("late {late}"), "late")
            .await
            .unwrap();
    }
    store.clock.advance(2 * GRACE);
    let deleted = first.deleted.blobs + process.finish().await;
    assert_eq!((deleted, process.marks()), (GARBAGE, 1));
    for late in 0..8 {
        let read = store.get("bucket", &format!("late {late}")).await;
        assert_eq!(read.unwrap(), "late");
    }
}

#[tokio::test]
async fn what_was_written_as_the_mark_began_stays_for_the_round_and_goes_in_the_next() {
    let store = store(OBJECTS, GARBAGE).await;
    let mut process = Process::of(&store);
    let first = process.slice().await.unwrap();
    let upload = store.begin("bucket", "aborted").await.unwrap();
    for _ in 0..8 {
        let body = incoming(Bytes::from_static(b"garbage"));
        store.part(("bucket", "aborted"), upload, 1, body).await.unwrap();
    }
    store.abort(("bucket", "aborted"), upload).await.unwrap();
    store.clock.advance(2 * GRACE);
    assert_eq!(first.deleted.blobs + process.finish().await, GARBAGE);
    assert_eq!(process.finish().await, 8);
}

/// Long after, when what was retired has expired.
#[tokio::test]
async fn what_moves_after_the_mark_keeps_its_bytes() {
    let store = store(OBJECTS, GARBAGE).await;
    let mut process = Process::of(&store);
    process.slice().await.unwrap();
    for object in 0..OBJECTS {
        let (from, to) = (object.to_string(), format!("a copy of {object}"));
        store.copy(("bucket", &from), ("bucket", &to)).await.unwrap();
        store.delete("bucket", &from).await.unwrap();
        store.clock.advance(3 * GRACE);
        let renamed = format!("b copy of {object}");
        store.rename("bucket", &to, &renamed).await.unwrap();
    }
    store.clock.advance(3 * GRACE);
    process.finish().await;
    for object in 0..OBJECTS {
        let read = store.get("bucket", &format!("b copy of {object}")).await;
        assert_eq!(read.unwrap(), "object");
    }
    assert_eq!((blobs(&store).await, process.marks()), (OBJECTS, 1));
}

#[tokio::test]
async fn a_process_marks_for_itself_where_another_has_begun_the_round() {
    let store = store(OBJECTS, GARBAGE).await;
    let mut first = Process::of(&store);
    first.slice().await.unwrap();
    for later in 0..8 {
        store
            .put("bucket", &format!("later {later}"), "later")
            .await
            .unwrap();
    }
    store.clock.advance(2 * GRACE);
    let mut second = Process::of(&store);
    second.slice().await.unwrap();
    assert_eq!(second.marks(), 1);
    second.slice().await.unwrap();
    assert_eq!(second.marks(), 1);

    first.slice().await.unwrap();
    assert_eq!(first.marks(), 2, "the cursor is not where it left it");
    first.finish().await;
    assert_eq!(first.marks(), 2);
    assert_eq!(blobs(&store).await, OBJECTS + 8);
    for later in 0..8 {
        let read = store.get("bucket", &format!("later {later}")).await;
        assert_eq!(read.unwrap(), "later");
    }
}

#[tokio::test]
async fn two_processes_at_once_delete_the_garbage_and_nothing_else() {
    let store = store(OBJECTS, GARBAGE).await;
    let (mut first, mut second) = (Process::of(&store), Process::of(&store));
    for _ in 0..8 {
        first.slice().await.unwrap();
        second.slice().await.unwrap();
    }
    assert_eq!(blobs(&store).await, OBJECTS);
    for object in 0..OBJECTS {
        assert_eq!(store.get("bucket", &object.to_string()).await.unwrap(), "object");
    }
}

async fn stranger(store: &Deployment) -> OwnerRecord {
    let owner = store.blobs.owner().await.unwrap().unwrap();
    OwnerRecord {
        epoch: owner.epoch + 1,
        ..owner
    }
}

#[tokio::test]
async fn ownership_that_is_lost_between_slices_stops_the_round() {
    let store = store(OBJECTS, GARBAGE).await;
    let mut process = Process::of(&store);
    process.slice().await.unwrap();
    let left = blobs(&store).await;
    let owner = store.blobs.owner().await.unwrap().unwrap();
    let stranger = stranger(&store).await;
    store.blobs.set_owner(&stranger).await.unwrap();
    let refused = process.slice().await.unwrap_err();
    assert!(matches!(refused, GcError::NotOwned), "{refused}");
    assert_eq!(blobs(&store).await, left);

    store.blobs.set_owner(&owner).await.unwrap();
    process.finish().await;
    assert_eq!((blobs(&store).await, process.marks()), (OBJECTS, 2));
}

/// Lets a slice of a process that has marked go as far as to its look at the blobs, and does `meanwhile` there.
async fn during_a_later_slice(
    store: &Deployment,
    meanwhile: impl Future<Output = ()>,
) -> Result<GcReport, GcError> {
    let gate = Gate::new();
    let held_store = store.beside(gate.clone());
    let options = GcOptions { slice: 4, ..by_two() };
    let mut collection = Collection::new(options);
    let first = collection.next_slice(&held_store.context.ports).await.unwrap();
    assert!(first.next.is_some());
    let mut scan = gate.hold("scan");
    let slice = tokio::spawn(async move { collection.next_slice(&held_store.context.ports).await });
    scan.arrived().await;
    meanwhile.await;
    scan.release();
    slice.await.unwrap()
}

#[tokio::test]
async fn a_later_slice_asks_again_before_it_sweeps() {
    // More garbage than a slice has blobs: there is some in each.
    let store = store(1, 7).await;
    let owner = stranger(&store).await;
    let lost = async { store.blobs.set_owner(&owner).await.unwrap() };
    let refused = during_a_later_slice(&store, lost).await.unwrap_err();
    assert!(matches!(refused, GcError::NotOwned), "{refused}");
    assert!(blobs(&store).await >= 4);
}

#[tokio::test]
async fn a_format_that_rises_in_a_later_slice_has_nothing_swept() {
    let store = store(1, 7).await;
    let ports = store.context.ports.clone();
    let rise = async { raise_format(&ports, Format::FENCED).await.unwrap() };
    let refused = during_a_later_slice(&store, rise).await.unwrap_err();
    assert!(matches!(refused, GcError::FormatRose), "{refused}");
    assert!(blobs(&store).await >= 4);
}

/// The record of both stores says so.
async fn finish_an_import(store: &Deployment) {
    let record = store.metadata.store_record().await.unwrap().unwrap();
    let imported = StoreRecord {
        epoch: record.epoch + 1,
        ..record
    };
    store.blobs.set_owner(&OwnerRecord::of(&imported)).await.unwrap();
    let swapped = store.metadata.swap_store_record(Some(&record), &imported).await;
    assert!(swapped.unwrap());
}

#[tokio::test]
async fn an_import_that_ends_in_a_later_slice_has_nothing_swept() {
    let store = store(1, 7).await;
    let refused = during_a_later_slice(&store, finish_an_import(&store))
        .await
        .unwrap_err();
    assert!(matches!(refused, GcError::NotOwned), "{refused}");
    assert!(blobs(&store).await >= 4);
}

#[tokio::test]
async fn a_format_that_rises_or_an_import_between_slices_ends_the_mark() {
    for import in [false, true] {
        let store = store(OBJECTS, GARBAGE).await;
        let mut process = Process::of(&store);
        process.slice().await.unwrap();
        if import {
            finish_an_import(&store).await;
        } else {
            raise_format(&store.context.ports, Format::FENCED).await.unwrap();
        }
        process.finish().await;
        assert_eq!((blobs(&store).await, process.marks()), (OBJECTS, 2));
    }
}

#[tokio::test]
async fn an_error_ends_the_mark() {
    let store = store(OBJECTS, GARBAGE).await;
    let mut process = Process::of(&store);
    process.slice().await.unwrap();
    let fault = Faults::always("scan", Verdict::Fail(StoreErrorKind::Unavailable));
    let failing = store.beside(Arc::new(fault));
    let failed = process.collection.next_slice(&failing.context.ports).await;
    assert!(matches!(failed.unwrap_err(), GcError::Store(_)));
    process.finish().await;
    assert_eq!((blobs(&store).await, process.marks()), (OBJECTS, 2));
}

/// As a function is that has no time left.
#[tokio::test]
async fn a_slice_that_is_given_up_leaves_its_mark() {
    let store = store(OBJECTS, GARBAGE).await;
    let mut process = Process::of(&store);
    let gate = Gate::new();
    let held_store = store.beside(gate.clone());
    let mut delete = gate.hold("delete");
    let options = GcOptions { slice: 4, ..by_two() };
    process.collection = Collection::new(options);
    {
        let slice = pin!(process.collection.next_slice(&held_store.context.ports));
        let arrived = pin!(delete.arrived());
        let ended = select(slice, arrived).await;
        assert!(
            matches!(ended, Either::Right(_)),
            "it marks and comes to its sweep"
        );
    }
    process.finish().await;
    assert_eq!((blobs(&store).await, process.marks()), (OBJECTS, 0));
}

#[tokio::test]
async fn a_layout_that_the_mark_could_not_read_keeps_every_slice_from_sweeping() {
    let store = store(0, GARBAGE).await;
    let upload = store.begin("bucket", "a").await.unwrap();
    let body = incoming(Bytes::from_static(b"spilled"));
    let part = store.part(("bucket", "a"), upload, 1, body).await.unwrap();
    let parts = [(1, part.etag)];
    store.complete(("bucket", "a"), upload, &parts).await.unwrap();
    let record = store.object("bucket", "a").await.unwrap();
    let Manifest::Spilled(layout) = record.manifest else {
        panic!("its layout lies in a blob");
    };
    store.blobs.delete(&[layout.extent.blob]).await;
    store.clock.advance(GRACE);
    let mut process = Process::of(&store);
    for next in [true, false] {
        let slice = process.slice().await.unwrap();
        assert_eq!((slice.unreadable_layouts, slice.deleted.blobs), (1, 0));
        assert_eq!(slice.next.is_some(), next);
    }
    assert_eq!((blobs(&store).await, process.marks()), (GARBAGE + 1, 1));
}

/// With room for next to nothing, most names are taken for marked; which they are is another matter in each round.
#[tokio::test]
async fn garbage_that_is_taken_for_named_goes_in_a_later_round() {
    let store = store(16, 16).await;
    let options = GcOptions {
        mark_memory: 8,
        ..forced()
    };
    let mut rounds = 0;
    while blobs(&store).await > 16 {
        let round = collect(&store, &options).await.unwrap();
        assert!(
            rounds > 0 || round.deleted.blobs < 16,
            "nothing was taken for named"
        );
        rounds += 1;
        assert!(rounds < 100, "{} blobs are left", blobs(&store).await);
    }
    for object in 0..16 {
        assert_eq!(store.get("bucket", &object.to_string()).await.unwrap(), "object");
    }
}

#[tokio::test]
async fn the_time_that_a_mark_takes_is_reported_where_it_is_made() {
    let store = store(OBJECTS, GARBAGE).await;
    let gate = Gate::new();
    let held_store = store.beside(gate.clone());
    let mut scan = gate.hold("scan_retired");
    let mut collection = Collection::new(by_two());
    let slice = tokio::spawn(async move {
        let first = collection.next_slice(&held_store.context.ports).await.unwrap();
        let second = collection.next_slice(&held_store.context.ports).await.unwrap();
        (first.marking, second.marking)
    });
    scan.arrived().await;
    store.clock.advance(Duration::from_secs(7));
    scan.release();
    assert_eq!(slice.await.unwrap(), (Duration::from_secs(7), Duration::ZERO));
}
