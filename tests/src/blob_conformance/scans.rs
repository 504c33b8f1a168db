//! Rules of scanning blobs, and of the owner record.

use std::collections::BTreeSet;
use std::sync::Arc;

use bleepstore_core::model::{BlobRef, StoreId};
use bleepstore_core::ports::OwnerRecord;
use bytes::Bytes;

use super::BlobFixture;

/// Gc counts bytes by the one and the grace by the other.
pub async fn a_scan_shows_length_and_time(f: BlobFixture) {
    let blob = f.fresh();
    let before = f.now().minus(f.clock_slack);
    f.write(&blob, &f.bytes(12_345)).await;
    let after = f.now().plus(f.clock_slack);
    let found = f.scan(blob.bucket, 10).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].blob, found[0].size), (blob, 12_345));
    assert!(
        before <= found[0].created && found[0].created <= after,
        "{found:?}"
    );
}

/// First by bucket, whatever the ids.
pub async fn a_scan_is_ordered_by_bucket_and_id(f: BlobFixture) {
    let (one, two) = (f.fresh().bucket, f.fresh().bucket);
    let mut blobs: Vec<BlobRef> = (0..12)
        .map(|index| f.samples.blob(if index % 2 == 0 { one } else { two }))
        .collect();
    for blob in &blobs {
        f.write(blob, &Bytes::from("x")).await;
    }
    blobs.sort();
    let mut found: Vec<BlobRef> = Vec::new();
    let mut after = None;
    loop {
        let page = f.store.scan(after.as_ref(), 1000).await.unwrap();
        found.extend(page.blobs.iter().map(|entry| entry.blob));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(found.is_sorted());
    found.retain(|blob| blob.bucket == one || blob.bucket == two);
    assert_eq!(found, blobs);
    let rest: Vec<BlobRef> = f.scan(one, 3).await.iter().map(|entry| entry.blob).collect();
    let expected: Vec<BlobRef> = blobs.into_iter().filter(|blob| blob.bucket == one).collect();
    assert_eq!(rest, expected);
}

/// What is there all the time is in one page, while other blobs come and go between.
pub async fn pages_of_blobs_have_no_gap_or_repeat_while_writes_go_on(f: BlobFixture) {
    let bucket = f.fresh().bucket;
    let stay: BTreeSet<BlobRef> = (0..60).map(|_| f.samples.blob(bucket)).collect();
    for blob in &stay {
        f.write(blob, &Bytes::from("x")).await;
    }
    for limit in [1, 7, 60, 1000] {
        let (store, passing) = (Arc::clone(&f.store), f.samples.blob(bucket));
        let writing = tokio::spawn(async move {
            store
                .write(&passing, super::body([Ok(Bytes::from("y"))]), None)
                .await
                .unwrap();
            store.delete(&[passing]).await
        });
        let found = f.scan(bucket, limit).await;
        writing.await.unwrap();
        let found: Vec<BlobRef> = found
            .iter()
            .map(|entry| entry.blob)
            .filter(|blob| stay.contains(blob))
            .collect();
        assert_eq!(
            found,
            stay.iter().copied().collect::<Vec<_>>(),
            "pages of {limit}"
        );
    }
}

/// A scan of all of a new store ends at once.
pub async fn a_new_store_has_no_blobs_and_no_owner(f: BlobFixture) {
    if !f.exclusive {
        return;
    }
    let page = f.store.scan(None, 1000).await.unwrap();
    assert_eq!((page.blobs, page.next), (Vec::new(), None));
    assert_eq!(f.store.owner().await.unwrap(), None);
}

/// Gc must not take it for garbage.
pub async fn the_last_owner_record_is_kept_and_is_no_blob(f: BlobFixture) {
    if !f.exclusive {
        return;
    }
    for epoch in [1, u64::MAX] {
        let owner = OwnerRecord::new(f.samples.id(StoreId::from_bytes), epoch);
        f.store.set_owner(&owner).await.unwrap();
        assert_eq!(f.store.owner().await.unwrap(), Some(owner));
    }
    assert_eq!(f.store.scan(None, 1000).await.unwrap().blobs, []);
}
