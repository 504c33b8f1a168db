//! Rules of buckets.

use std::sync::Arc;

use bleepstore_core::model::{Bucket, BucketName, Revision};
use bleepstore_core::ports::{BucketRange, CreateBucketOutcome};

use super::MetadataFixture;
use crate::race::race;

/// What is created is read back as it was, and only under its name.
pub async fn a_created_bucket_is_found_with_every_field(f: MetadataFixture) {
    let bucket = f.bucket().await;
    assert_eq!(f.store.bucket(&bucket.name).await.unwrap(), Some(bucket));
    assert_eq!(f.store.bucket(&f.samples.bucket().name).await.unwrap(), None);
}

/// A creation never changes a bucket that exists.
pub async fn a_taken_name_answers_with_the_bucket_that_has_it(f: MetadataFixture) {
    let first = f.bucket().await;
    let second = f.samples.again(&first);
    let outcome = f.store.create_bucket(&second).await.unwrap();
    assert_eq!(outcome, CreateBucketOutcome::Exists(first.clone()));
    assert_eq!(f.store.bucket(&first.name).await.unwrap(), Some(first));
}

/// Creations that race agree on one winner.
pub async fn of_racing_creations_of_a_bucket_one_wins(f: MetadataFixture) {
    let wanted = f.samples.bucket();
    let contenders: Vec<Bucket> = (0..32).map(|_| f.samples.again(&wanted)).collect();
    let outcomes = race(
        contenders
            .iter()
            .cloned()
            .map(|bucket| {
                let store = Arc::clone(&f.store);
                async move { store.create_bucket(&bucket).await.unwrap() }
            })
            .collect(),
    )
    .await;
    let stored = f.store.bucket(&wanted.name).await.unwrap().unwrap();
    for (contender, outcome) in contenders.iter().zip(outcomes) {
        let expected = if *contender == stored {
            CreateBucketOutcome::Created
        } else {
            CreateBucketOutcome::Exists(stored.clone())
        };
        assert_eq!(outcome, expected);
    }
    assert!(contenders.contains(&stored));
}

/// An update is a compare-and-swap on the revision.
pub async fn a_bucket_is_updated_at_its_expected_revision_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let update = |region: &str, revision| Bucket {
        region: region.to_owned(),
        revision: Revision(revision),
        ..bucket.clone()
    };
    assert!(
        f.store
            .update_bucket(&update("first", 2), Revision(1))
            .await
            .unwrap()
    );
    assert!(
        !f.store
            .update_bucket(&update("late", 2), Revision(1))
            .await
            .unwrap()
    );
    assert!(
        !f.store
            .update_bucket(&update("early", 4), Revision(3))
            .await
            .unwrap()
    );
    assert_eq!(
        f.store.bucket(&bucket.name).await.unwrap(),
        Some(update("first", 2))
    );
    let missing = f.samples.bucket();
    assert!(!f.store.update_bucket(&missing, Revision(1)).await.unwrap());
    assert_eq!(f.store.bucket(&missing.name).await.unwrap(), None);
}

/// Of updates from the same revision one applies.
pub async fn of_racing_updates_of_a_bucket_one_wins(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let outcomes = race(
        (0..16)
            .map(|index| {
                let store = Arc::clone(&f.store);
                let update = Bucket {
                    region: format!("region-{index}"),
                    revision: Revision(2),
                    ..bucket.clone()
                };
                async move { store.update_bucket(&update, Revision(1)).await.unwrap() }
            })
            .collect(),
    )
    .await;
    assert_eq!(outcomes.iter().filter(|won| **won).count(), 1);
    let winner = outcomes.iter().position(|won| *won).unwrap();
    let stored = f.store.bucket(&bucket.name).await.unwrap().unwrap();
    assert_eq!(stored.region, format!("region-{winner}"));
}

/// Five buckets of one owner and one of another, under a prefix that is theirs alone.
async fn family(f: &MetadataFixture) -> (String, Vec<Bucket>, Bucket) {
    let prefix = format!("p{}", f.samples.unique());
    let owner = f.samples.owner();
    let mut mine = Vec::new();
    for suffix in ["-c", "-a", ".b", "-a0", "0"] {
        let bucket = Bucket {
            owner: owner.clone(),
            ..f.samples.bucket_named(&format!("{prefix}{suffix}"))
        };
        mine.push(f.create(bucket).await);
    }
    let other = f.create(f.samples.bucket_named(&format!("{prefix}-b"))).await;
    mine.sort_by(|a, b| a.name.cmp(&b.name));
    (prefix, mine, other)
}

async fn scan(
    f: &MetadataFixture,
    owner: Option<&str>,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Vec<Bucket> {
    let mut found = Vec::new();
    let mut after = after.map(str::to_owned);
    loop {
        let page = f
            .store
            .scan_buckets(within(owner, prefix, after.as_deref()), limit)
            .await
            .unwrap();
        assert!(page.items.len() <= limit);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Every filter alone and with the others.
pub async fn a_bucket_scan_is_ordered_and_keeps_to_owner_prefix_and_start(f: MetadataFixture) {
    let (prefix, mine, other) = family(&f).await;
    let owner = mine[0].owner.id.as_str();
    let mut all = mine.clone();
    all.push(other.clone());
    all.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(scan(&f, None, &prefix, None, 1000).await, all);
    assert_eq!(scan(&f, Some(owner), "", None, 1000).await, mine);
    assert_eq!(scan(&f, Some(owner), &prefix, None, 1000).await, mine);
    assert_eq!(
        scan(&f, Some(&other.owner.id), &prefix, None, 1000).await,
        [other]
    );
    let second = mine[1].name.as_str();
    assert_eq!(
        scan(&f, Some(owner), &prefix, Some(second), 1000).await,
        mine[2..]
    );
    let between = format!("{prefix}-a1");
    let later: Vec<Bucket> = mine
        .iter()
        .filter(|bucket| bucket.name.as_str() > between.as_str())
        .cloned()
        .collect();
    assert_eq!(scan(&f, Some(owner), &prefix, Some(&between), 1000).await, later);
    assert_eq!(
        scan(&f, Some(owner), &format!("{prefix}-a"), None, 1000).await,
        mine[..2]
    );
    assert_eq!(
        scan(&f, Some(owner), &format!("{prefix}-x"), None, 1000).await,
        []
    );
}

/// Buckets of other owners are read, and count as rows that show nothing.
pub async fn a_bucket_scan_ends_after_as_many_rows_as_its_limit_whoever_owns_them(f: MetadataFixture) {
    let (prefix, mine, other) = family(&f).await;
    for limit in [1, 2, 4] {
        let (mut found, mut pages, mut after) = (Vec::new(), 0, None::<String>);
        loop {
            let owner = Some(other.owner.id.as_str());
            let page = f
                .store
                .scan_buckets(within(owner, &prefix, after.as_deref()), limit)
                .await
                .unwrap();
            found.extend(page.items);
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, std::slice::from_ref(&other), "pages of {limit}");
        assert!(pages * limit > mine.len(), "{pages} pages of {limit}");
    }
}

/// Small pages and large ones read the same.
pub async fn a_bucket_scan_pages_without_gap_or_repeat(f: MetadataFixture) {
    let owner = f.samples.owner();
    let mut names: Vec<BucketName> = Vec::new();
    for _ in 0..25 {
        let bucket = Bucket {
            owner: owner.clone(),
            ..f.samples.bucket()
        };
        names.push(f.create(bucket).await.name);
    }
    names.sort();
    for limit in [1, 7, 25, 1000] {
        let found = scan(&f, Some(&owner.id), "t-", None, limit).await;
        let found: Vec<BucketName> = found.into_iter().map(|bucket| bucket.name).collect();
        assert_eq!(found, names, "pages of {limit}");
    }
}

fn within<'a>(owner: Option<&'a str>, prefix: &'a str, after: Option<&'a str>) -> BucketRange<'a> {
    BucketRange { owner, prefix, after }
}
