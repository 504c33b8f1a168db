//! Rules of the store's record of itself. A store has one, so these need a store of their own.

use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::memory::MemoryBlobs;
use bleepstore_core::model::{BucketLayout, Format, Release, StoreId};
use bleepstore_core::ops::{Collection, GcOptions, Pairing, pair_stores, raise_format};
use bleepstore_core::ports::{
    BucketRange, Clock, CreateBucketOutcome, OwnerRecord, RecordPlace, StoreErrorKind, StoreRecord,
};
use bleepstore_http::SystemClock;

use super::MetadataFixture;
use crate::decorators::{Faults, Verdict, intercepted_metadata};
use crate::entropy::SeededEntropy;
use crate::race::race;

fn record(f: &MetadataFixture, epoch: u64) -> StoreRecord {
    StoreRecord {
        epoch,
        ..StoreRecord::new(f.samples.id(StoreId::from_bytes))
    }
}

/// From nothing to the first, and from each to the next.
pub async fn the_store_record_is_swapped_from_what_was_expected_only(f: MetadataFixture) {
    if !f.exclusive {
        return;
    }
    assert_eq!(f.store.store_record().await.unwrap(), None);
    let first = record(&f, 1);
    assert!(!f.store.swap_store_record(Some(&first), &first).await.unwrap());
    assert_eq!(f.store.store_record().await.unwrap(), None);
    assert!(f.store.swap_store_record(None, &first).await.unwrap());
    assert!(!f.store.swap_store_record(None, &record(&f, 1)).await.unwrap());
    assert_eq!(f.store.store_record().await.unwrap(), Some(first));
    let second = StoreRecord {
        gc_cursor: Some(f.samples.blob(f.samples.bucket().id)),
        active: false,
        ..first
    };
    let third = StoreRecord { epoch: 2, ..second };
    assert!(f.store.swap_store_record(Some(&first), &second).await.unwrap());
    assert!(!f.store.swap_store_record(Some(&first), &third).await.unwrap());
    assert_eq!(f.store.store_record().await.unwrap(), Some(second));
    assert!(f.store.swap_store_record(Some(&second), &third).await.unwrap());
    assert_eq!(f.store.store_record().await.unwrap(), Some(third));
}

/// Of slices of gc that start together one goes on.
pub async fn of_racing_swaps_of_the_store_record_one_wins(f: MetadataFixture) {
    if !f.exclusive {
        return;
    }
    let mut expected = None;
    for epoch in 1..=10 {
        let contenders: Vec<StoreRecord> = (0..8).map(|_| record(&f, epoch)).collect();
        let swaps = contenders.iter().map(|contender| {
            let (store, contender) = (Arc::clone(&f.store), *contender);
            async move {
                store
                    .swap_store_record(expected.as_ref(), &contender)
                    .await
                    .unwrap()
            }
        });
        let outcomes = race(swaps.collect()).await;
        let stored = f.store.store_record().await.unwrap().unwrap();
        let winners: Vec<bool> = contenders.iter().map(|contender| *contender == stored).collect();
        assert_eq!(outcomes, winners);
        assert!(contenders.contains(&stored));
        expected = Some(stored);
    }
}

/// The store with a blob store of its own, both known to each other.
async fn pair(f: &MetadataFixture) -> Ports {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports = Ports {
        metadata: Arc::clone(&f.store),
        blobs: Arc::new(MemoryBlobs::new(Arc::clone(&clock))),
        clock,
        entropy: Arc::new(SeededEntropy::unpredictable()),
    };
    assert_eq!(pair_stores(&ports).await.unwrap(), Pairing::Matched);
    ports
}

const LATER: Format = Format(Format::LATEST.0 + 1);

/// A new store names no format, so that release 0.1 reads it. Beyond the fence that release finds a record that lets it free
/// nothing, whatever this one writes.
pub async fn the_format_rises_where_it_is_needed_and_the_store_goes_on_in_it(f: MetadataFixture) {
    if !f.exclusive {
        return;
    }
    let ports = pair(&f).await;
    let before = f.store.store_record().await.unwrap().unwrap();
    assert_eq!((before.format, before.written_by), (Format::FIRST, None));
    raise_format(&ports, Format::FIRST).await.unwrap();
    assert_eq!(f.store.record_at(RecordPlace::First).await.unwrap(), Some(before));
    assert_eq!(f.store.record_at(RecordPlace::Moved).await.unwrap(), None);

    raise_format(&ports, Format::FENCED).await.unwrap();
    let after = StoreRecord {
        format: Format::FENCED,
        written_by: Some(Release::CURRENT),
        ..before
    };
    assert_eq!(f.store.store_record().await.unwrap(), Some(after));
    assert_eq!(ports.blobs.owner().await.unwrap(), Some(OwnerRecord::of(&after)));
    let fence = f.store.record_at(RecordPlace::First).await.unwrap().unwrap();
    assert_eq!(fence, StoreRecord::fence());
    assert!(!fence.active && fence.store != before.store);

    let swapped = f.store.swap_store_record(Some(&before), &before).await;
    assert!(!swapped.unwrap(), "the fence is no record");
    assert_eq!(pair_stores(&ports).await.unwrap(), Pairing::Matched);
    Collection::new(GcOptions::default())
        .next_slice(&ports)
        .await
        .unwrap();
    raise_format(&ports, Format::FENCED).await.unwrap();
    assert_eq!(f.store.store_record().await.unwrap(), Some(after));
    assert_eq!(f.store.record_at(RecordPlace::First).await.unwrap(), Some(fence));
}

/// At every call of the store that it makes.
pub async fn a_rise_that_breaks_off_anywhere_is_finished_by_the_next(f: MetadataFixture) {
    if !f.exclusive {
        return;
    }
    let ports = pair(&f).await;
    let before = f.store.store_record().await.unwrap().unwrap();
    for swaps in 0.. {
        let faults = Arc::new(Faults::from(
            "swap_record_at",
            swaps,
            Verdict::Fail(StoreErrorKind::Unavailable),
        ));
        let breaking = Ports {
            metadata: Arc::new(intercepted_metadata(Arc::clone(&f.store), faults)),
            ..ports.clone()
        };
        let raised = raise_format(&breaking, Format::FENCED).await;
        let record = f.store.store_record().await.unwrap().unwrap();
        assert_eq!(pair_stores(&ports).await.unwrap(), Pairing::Matched);
        if raised.is_ok() {
            assert_eq!(record.format, Format::FENCED);
            assert_eq!(
                swaps, 2,
                "the record is put in its new place, then the fence in the old one"
            );
            break;
        }
        assert_eq!(record, before);
        // What an attempt has left is no record yet, and may be of a cursor that has moved on.
        Collection::new(GcOptions::default())
            .next_slice(&ports)
            .await
            .unwrap();
    }
}

/// Each of them, and the record is that of the store.
pub async fn of_racing_rises_each_ends_in_the_format(f: MetadataFixture) {
    if !f.exclusive {
        return;
    }
    let ports = pair(&f).await;
    let before = f.store.store_record().await.unwrap().unwrap();
    let rises = (0..8).map(|_| {
        let ports = ports.clone();
        async move { raise_format(&ports, Format::FENCED).await }
    });
    for outcome in race(rises.collect()).await {
        outcome.unwrap();
    }
    let after = f.store.store_record().await.unwrap().unwrap();
    assert_eq!((after.store, after.epoch), (before.store, before.epoch));
    assert_eq!(after.format, Format::FENCED);
    let fence = f.store.record_at(RecordPlace::First).await.unwrap();
    assert_eq!(fence, Some(StoreRecord::fence()));
}

/// By whoever reads its record: at a start, in a slice of garbage collection. Nothing changes.
pub async fn a_store_of_a_later_format_is_refused(f: MetadataFixture) {
    if !f.exclusive {
        return;
    }
    let ports = pair(&f).await;
    let owner = ports.blobs.owner().await.unwrap();
    // What a later program does, which knows it.
    raise_format(&ports, Format::FENCED).await.unwrap();
    let record = f.store.store_record().await.unwrap().unwrap();
    let later = StoreRecord {
        format: LATER,
        ..record
    };
    assert!(f.store.swap_store_record(Some(&record), &later).await.unwrap());
    for refused in [
        f.store.store_record().await.unwrap_err(),
        pair_stores(&ports).await.unwrap_err(),
        raise_format(&ports, LATER).await.unwrap_err(),
    ] {
        assert_eq!(refused.kind, StoreErrorKind::TooNew);
        let line = refused.to_string();
        let expected = format!(
            "the store is in format {LATER}, which bleepstore {} wrote",
            Release::CURRENT
        );
        assert!(line.starts_with(&expected), "{line}");
    }
    let refused = Collection::new(GcOptions::default())
        .next_slice(&ports)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().starts_with("the store is in format"),
        "{refused}"
    );
    let raised = OwnerRecord::of(&record);
    assert_eq!(ports.blobs.owner().await.unwrap(), Some(raised));
    assert_eq!(owner.map(|owner| owner.store), Some(raised.store));
}

/// A bucket with a feature that this program does not know serves and changes nothing.
pub async fn a_bucket_of_a_later_layout_is_refused_wherever_its_row_is_read(f: MetadataFixture) {
    if !f.exclusive {
        return;
    }
    let bucket = f.bucket().await;
    f.put(&bucket, "key").await;
    let upload = f.begin(&bucket, "key").await;
    let mut later = bucket.clone();
    later.revision = bucket.revision.next();
    let layout = BucketLayout::LATEST.0 + 1;
    later.layout = BucketLayout(layout);
    assert!(f.store.update_bucket(&later, bucket.revision).await.unwrap());

    let name = &bucket.name;
    let answers = [
        f.store.bucket(name).await.map(drop),
        f.store
            .lookup(name, &f.samples.record(&bucket, "key").key)
            .await
            .map(drop),
        f.store.lookup_upload(name, upload.id).await.map(drop),
        f.store
            .scan_buckets(
                BucketRange {
                    prefix: name.as_str(),
                    ..BucketRange::default()
                },
                10,
            )
            .await
            .map(drop),
    ];
    for (at, answer) in answers.into_iter().enumerate() {
        let refused = answer.expect_err(&format!("answer {at}"));
        assert_eq!(refused.kind, StoreErrorKind::TooNew, "answer {at}: {refused}");
        let line = refused.to_string();
        let refusal = format!("the bucket is in format {layout},");
        assert!(line.starts_with(&refusal), "{line}");
    }
    let created = f
        .store
        .create_bucket(&f.samples.bucket_named(name.as_str()))
        .await;
    assert!(!matches!(created, Ok(CreateBucketOutcome::Created)));
}
