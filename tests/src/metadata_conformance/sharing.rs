//! Rules of records that share their blobs.

use std::sync::Arc;

use bleepstore_core::model::{CommitId, ObjectRecord, WriteCondition};
use bleepstore_core::ports::{CommitOutcome, RemoveOutcome};

use super::MetadataFixture;
use crate::race::race_two;
use crate::samples::key;

/// ETag, Last-Modified and the rest stay, and marking twice is marking once.
pub async fn marking_shared_changes_nothing_else(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for record in [f.samples.record(&bucket, "a"), f.samples.inline(&bucket, "b", "")] {
        f.commit(&bucket, &record).await;
        for _ in 0..2 {
            assert!(
                f.store
                    .mark_shared(&bucket, &record.key, record.commit_id)
                    .await
                    .unwrap()
            );
        }
        let expected = ObjectRecord {
            shared: true,
            ..record
        };
        assert_eq!(
            f.object(&bucket, expected.key.as_str()).await.as_ref(),
            Some(&expected)
        );
    }
}

/// Another commit's record, a missing key and a missing bucket.
pub async fn marking_shared_needs_that_commits_record(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = f.put(&bucket, "a").await;
    let new = f.put(&bucket, "a").await;
    assert!(
        !f.store
            .mark_shared(&bucket, &old.key, old.commit_id)
            .await
            .unwrap()
    );
    assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&new));
    assert!(
        !f.store
            .mark_shared(&bucket, &key("b"), new.commit_id)
            .await
            .unwrap()
    );
    assert_eq!(f.object(&bucket, "b").await, None);
    assert!(
        !f.store
            .mark_shared(&f.samples.bucket(), &old.key, new.commit_id)
            .await
            .unwrap()
    );
    let shared = ObjectRecord {
        shared: true,
        ..f.samples.record(&bucket, "a")
    };
    f.commit(&bucket, &shared).await;
    assert!(
        !f.store
            .mark_shared(&bucket, &old.key, new.commit_id)
            .await
            .unwrap()
    );
}

/// Retired by the id of the very commit, not by any.
pub async fn a_shared_record_is_replaced_once_it_is_retired_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let shared = ObjectRecord {
        shared: true,
        ..f.samples.record(&bucket, "a")
    };
    f.commit(&bucket, &shared).await;
    let next = f.samples.record(&bucket, "a");
    for retired in [
        None,
        Some(next.commit_id),
        Some(f.samples.id(CommitId::from_bytes)),
    ] {
        let outcome = f
            .store
            .commit(&bucket, &next, &WriteCondition::Any, retired)
            .await
            .unwrap();
        let current = Box::new(shared.clone());
        assert_eq!(outcome, CommitOutcome::Shared { current }, "{retired:?}");
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&shared));
    }
    let retired = Some(shared.commit_id);
    let outcome = f
        .store
        .commit(&bucket, &next, &WriteCondition::Any, retired)
        .await
        .unwrap();
    assert_eq!(
        outcome,
        CommitOutcome::Committed {
            superseded: Some(shared)
        }
    );
    assert_eq!(f.object(&bucket, "a").await, Some(next));
}

/// As with replacing.
pub async fn a_shared_record_is_removed_once_it_is_retired_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let shared = ObjectRecord {
        shared: true,
        ..f.samples.record(&bucket, "a")
    };
    f.commit(&bucket, &shared).await;
    for retired in [None, Some(f.samples.id(CommitId::from_bytes))] {
        let outcome = f
            .store
            .remove(&bucket, &shared.key, &WriteCondition::Any, retired)
            .await
            .unwrap();
        let current = Box::new(shared.clone());
        assert_eq!(outcome, RemoveOutcome::Shared { current }, "{retired:?}");
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&shared));
    }
    let retired = Some(shared.commit_id);
    let outcome = f
        .store
        .remove(&bucket, &shared.key, &WriteCondition::Any, retired)
        .await
        .unwrap();
    assert_eq!(
        outcome,
        RemoveOutcome::Removed {
            superseded: Some(shared)
        }
    );
    assert_eq!(f.object(&bucket, "a").await, None);
}

/// Where several things are wrong, the first is told.
pub async fn bucket_condition_and_sharing_are_checked_in_that_order(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let shared = ObjectRecord {
        shared: true,
        ..f.samples.record(&bucket, "a")
    };
    f.commit(&bucket, &shared).await;
    let (absent, present) = (WriteCondition::IfAbsent, WriteCondition::IfPresent);
    let next = f.samples.record(&bucket, "a");
    let failed = Some(shared.current());
    let outcome = f.store.commit(&bucket, &next, &absent, None).await.unwrap();
    assert_eq!(
        outcome,
        CommitOutcome::ConditionFailed {
            current: failed.clone()
        }
    );
    let outcome = f.store.remove(&bucket, &next.key, &absent, None).await.unwrap();
    assert_eq!(outcome, RemoveOutcome::ConditionFailed { current: failed });
    let outcome = f.store.commit(&bucket, &next, &present, None).await.unwrap();
    assert_eq!(
        outcome,
        CommitOutcome::Shared {
            current: Box::new(shared)
        }
    );
    let other = f.samples.again(&bucket);
    let theirs = f.samples.record(&other, "a");
    let outcome = f.store.commit(&other, &theirs, &absent, None).await.unwrap();
    assert_eq!(outcome, CommitOutcome::NoSuchBucket);
}

/// Either the mark came first and the overwrite is refused, or the overwrite did and the mark is.
pub async fn an_overwrite_never_misses_a_racing_mark(f: MetadataFixture) {
    for _ in 0..40 {
        let bucket = f.bucket().await;
        let old = f.put(&bucket, "a").await;
        let new = f.samples.record(&bucket, "a");
        let mark = {
            let (store, bucket, old) = (Arc::clone(&f.store), bucket.clone(), old.clone());
            async move { store.mark_shared(&bucket, &old.key, old.commit_id).await.unwrap() }
        };
        let overwrite = {
            let (store, bucket, new) = (Arc::clone(&f.store), bucket.clone(), new.clone());
            async move {
                store
                    .commit(&bucket, &new, &WriteCondition::Any, None)
                    .await
                    .unwrap()
            }
        };
        let (marked, outcome) = race_two(mark, overwrite).await;
        if marked {
            let shared = ObjectRecord { shared: true, ..old };
            let current = Box::new(shared.clone());
            assert_eq!(outcome, CommitOutcome::Shared { current });
            assert_eq!(f.object(&bucket, "a").await, Some(shared));
        } else {
            assert_eq!(
                outcome,
                CommitOutcome::Committed {
                    superseded: Some(old)
                }
            );
            assert_eq!(f.object(&bucket, "a").await, Some(new));
        }
    }
}
