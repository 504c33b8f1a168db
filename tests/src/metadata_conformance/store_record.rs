//! Rules of the store's record of itself. A store has one, so these need a store of their own.

use std::sync::Arc;

use bleepstore_core::model::StoreId;
use bleepstore_core::ports::StoreRecord;

use super::MetadataFixture;
use crate::race::race;

fn record(f: &MetadataFixture, epoch: u64) -> StoreRecord {
    StoreRecord {
        store: f.samples.id(StoreId::from_bytes),
        epoch,
        active: true,
        gc_cursor: None,
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
