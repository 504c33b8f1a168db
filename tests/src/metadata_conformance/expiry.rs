//! Rules of what counts for a time only.

use std::time::Duration;

use bleepstore_core::model::{CommitId, Receipt, RetiredManifest, Timestamp};
use bleepstore_core::ports::{AbortOutcome, BeginComplete};

use super::MetadataFixture;
use crate::samples::{NOW, later};

const INSTANT: Duration = Duration::from_millis(1);

/// To the millisecond, whether or not the store has removed it by then.
pub async fn a_receipt_counts_until_it_expires(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let aborted = f.samples.aborted(&upload);
    assert_eq!(
        f.store.abort(&upload, &aborted).await.unwrap(),
        AbortOutcome::Aborted
    );
    let last = aborted.expires;
    for (now, expected) in [
        (NOW, Some(&aborted)),
        (last, Some(&aborted)),
        (last.plus(INSTANT), None),
    ] {
        let found = f
            .store
            .receipt(&bucket, &upload.key, upload.id, now)
            .await
            .unwrap();
        assert_eq!(found.as_ref(), expected, "{now:?}");
        let began = f
            .store
            .begin_complete(&upload, f.samples.token(), now)
            .await
            .unwrap();
        let closed = expected.map_or(BeginComplete::NoSuchUpload, |receipt| {
            BeginComplete::Closed(receipt.clone())
        });
        assert_eq!(began, closed, "{now:?}");
    }
}

/// All retired manifests that are among `mine`, read in pages.
async fn scan(
    f: &MetadataFixture,
    mine: &[RetiredManifest],
    now: Timestamp,
    limit: usize,
) -> Vec<RetiredManifest> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = f.store.scan_retired(after, now, limit).await.unwrap();
        assert!(page.items.len() <= limit);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(
        found.windows(2).all(|pair| pair[0].commit_id < pair[1].commit_id),
        "commit ids ascend"
    );
    found.retain(|row| mine.iter().any(|own| own.commit_id == row.commit_id));
    found
}

/// To the millisecond, with the manifest that was retired.
pub async fn a_retired_manifest_counts_until_it_expires(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let retired = [f.samples.retired(&f.samples.record(&bucket, "a"))];
    f.store.retire(&retired[0]).await.unwrap();
    assert_eq!(scan(&f, &retired, NOW, 1000).await, retired);
    assert_eq!(scan(&f, &retired, later(), 1000).await, retired);
    assert_eq!(scan(&f, &retired, later().plus(INSTANT), 1000).await, []);
}

/// A retirement that was repeated keeps what the last one promised, and an earlier time takes nothing back.
pub async fn retiring_again_keeps_one_row_and_the_later_time(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let first = f.samples.retired(&f.samples.record(&bucket, "a"));
    let longer = RetiredManifest {
        expires: first.expires.plus(INSTANT),
        ..first.clone()
    };
    for retired in [&first, &first, &longer, &first] {
        f.store.retire(retired).await.unwrap();
    }
    let mine = [longer];
    assert_eq!(scan(&f, &mine, NOW, 1000).await, mine);
    assert_eq!(scan(&f, &mine, mine[0].expires, 1000).await, mine);
}

/// In small pages and large ones.
pub async fn retired_manifests_page_in_the_order_of_their_commits(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let mut retired = Vec::new();
    for _ in 0..23 {
        let row = f.samples.retired(&f.samples.record(&bucket, "a"));
        f.store.retire(&row).await.unwrap();
        retired.push(row);
    }
    retired.sort_by_key(|row| row.commit_id);
    for limit in [5, 1000] {
        assert_eq!(scan(&f, &retired, NOW, limit).await, retired, "pages of {limit}");
    }
    let after = f
        .store
        .scan_retired(Some(CommitId::from_bytes([255; 16])), NOW, 10)
        .await
        .unwrap();
    assert_eq!(after.items, []);
}

/// Three receipts and three retired manifests of long ago, in batches. What has not expired stays, and so
/// does what expires at that very time.
pub async fn a_purge_removes_what_has_expired_and_nothing_else(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let past = Timestamp::from_millis(10);
    let mut receipts = Vec::new();
    let mut retired = Vec::new();
    for expires in [
        Timestamp::from_millis(1),
        Timestamp::from_millis(8),
        Timestamp::from_millis(9),
        past,
        later(),
    ] {
        let upload = f.begin(&bucket, "a").await;
        let receipt = Receipt {
            expires,
            ..f.samples.aborted(&upload)
        };
        f.store.abort(&upload, &receipt).await.unwrap();
        receipts.push((upload, receipt));
        let row = RetiredManifest {
            expires,
            ..f.samples.retired(&f.samples.record(&bucket, "a"))
        };
        f.store.retire(&row).await.unwrap();
        retired.push(row);
    }
    let mut purged = 0;
    loop {
        let count = f.store.purge_expired(past, 4).await.unwrap();
        assert!(count <= 4);
        purged += count;
        if count == 0 {
            break;
        }
    }
    if f.exclusive {
        assert_eq!(purged, 6);
    }
    let kept = [&receipts[3], &receipts[4]];
    for (upload, receipt) in kept {
        let found = f
            .store
            .receipt(&bucket, &upload.key, upload.id, receipt.expires)
            .await
            .unwrap();
        assert_eq!(found.as_ref(), Some(receipt));
    }
    let mut kept = retired[3..].to_vec();
    kept.sort_by_key(|row| row.commit_id);
    assert_eq!(scan(&f, &retired, past, 1000).await, kept);
}
