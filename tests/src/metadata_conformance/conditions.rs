//! Rules of conditions: what each means, and that they are decided within the commit.

use std::sync::Arc;

use bleepstore_core::model::{
    Bucket, CommitId, CurrentObject, ETag, ObjectKey, ObjectKind, ObjectRecord, Upload, UploadState,
    WriteCondition,
};
use bleepstore_core::ports::{CommitOutcome, PublishOutcome, RemoveOutcome, RenameOutcome};

use super::MetadataFixture;
use crate::race::race;
use crate::samples::{NOW, key};

/// A key in some state, a condition, and whether the condition holds there.
struct Case {
    name: String,
    row: Option<ObjectRecord>,
    condition: WriteCondition,
    holds: bool,
}

impl Case {
    /// What a failed condition tells.
    fn current(&self) -> Option<CurrentObject> {
        self.row
            .as_ref()
            .filter(|record| record.kind == ObjectKind::Object)
            .map(ObjectRecord::current)
    }

    /// What a change that applies returns.
    fn superseded(&self) -> Option<ObjectRecord> {
        self.row.clone()
    }
}

/// Every condition on an absent key, on a delete marker and on an object, each under a key of its own.
async fn cases(f: &MetadataFixture, bucket: &Bucket) -> Vec<Case> {
    let mut cases = Vec::new();
    for state in ["absent", "marker", "object"] {
        for index in 0..8 {
            let name = format!("{state}-{index}");
            let row = match state {
                "absent" => None,
                "marker" => Some(f.samples.marker(bucket, &name)),
                _ => Some(f.samples.record(bucket, &name)),
            };
            if let Some(row) = &row {
                f.commit(bucket, row).await;
            }
            let sample = f.samples.record(bucket, &name);
            let found = row.as_ref().unwrap_or(&sample);
            let (etag, commit): (ETag, CommitId) = (found.etag.clone(), found.commit_id);
            let (condition, absent, object) = match index {
                0 => (WriteCondition::Any, true, true),
                1 => (WriteCondition::IfAbsent, true, false),
                2 => (WriteCondition::IfPresent, false, true),
                3 => (WriteCondition::IfMatch(etag), false, true),
                4 => (WriteCondition::IfMatch(f.samples.etag()), false, false),
                5 => (WriteCondition::IfNoneMatch(etag), true, false),
                6 => (WriteCondition::IfNoneMatch(f.samples.etag()), true, true),
                _ => (WriteCondition::IfCommit(commit), false, true),
            };
            let holds = if state == "object" { object } else { absent };
            cases.push(Case {
                name,
                row,
                condition,
                holds,
            });
        }
    }
    let name = "object-other-commit".to_owned();
    let row = f.put(bucket, &name).await;
    cases.push(Case {
        name,
        row: Some(row),
        condition: WriteCondition::IfCommit(f.samples.id(CommitId::from_bytes)),
        holds: false,
    });
    cases
}

/// The table of conditions, by committing.
pub async fn a_commit_decides_every_condition(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for case in cases(&f, &bucket).await {
        let record = f.samples.record(&bucket, &case.name);
        let outcome = f
            .store
            .commit(&bucket, &record, &case.condition, None)
            .await
            .unwrap();
        let context = format!("{} {:?}", case.name, case.condition);
        let (expected, found) = if case.holds {
            (
                CommitOutcome::Committed {
                    superseded: case.superseded(),
                },
                Some(record),
            )
        } else {
            (
                CommitOutcome::ConditionFailed {
                    current: case.current(),
                },
                case.row.clone(),
            )
        };
        assert_eq!(outcome, expected, "{context}");
        assert_eq!(f.object(&bucket, &case.name).await, found, "{context}");
    }
}

/// The table of conditions, by renaming another object.
pub async fn a_rename_decides_every_condition(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for case in cases(&f, &bucket).await {
        let source = f.put(&bucket, "source").await;
        let record = f.samples.renamed(&source, &case.name);
        let outcome = f
            .store
            .rename(&bucket, &source, &record, &case.condition, None)
            .await
            .unwrap();
        let context = format!("{} {:?}", case.name, case.condition);
        let (expected, found, left) = if case.holds {
            let superseded = case.superseded();
            (CommitOutcome::Committed { superseded }, Some(record), None)
        } else {
            let current = case.current();
            let failed = CommitOutcome::ConditionFailed { current };
            (failed, case.row.clone(), Some(source))
        };
        assert_eq!(outcome, RenameOutcome::Destination(expected), "{context}");
        assert_eq!(f.object(&bucket, &case.name).await, found, "{context}");
        assert_eq!(f.object(&bucket, "source").await, left, "{context}");
    }
}

/// The table of conditions, by removing.
pub async fn a_removal_decides_every_condition(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for case in cases(&f, &bucket).await {
        let outcome = f
            .store
            .remove(&bucket, &key(&case.name), &case.condition, None)
            .await
            .unwrap();
        let context = format!("{} {:?}", case.name, case.condition);
        let (expected, found) = if case.holds {
            (
                RemoveOutcome::Removed {
                    superseded: case.superseded(),
                },
                None,
            )
        } else {
            (
                RemoveOutcome::ConditionFailed {
                    current: case.current(),
                },
                case.row.clone(),
            )
        };
        assert_eq!(outcome, expected, "{context}");
        assert_eq!(f.object(&bucket, &case.name).await, found, "{context}");
    }
}

async fn state(f: &MetadataFixture, bucket: &Bucket, upload: &Upload) -> Option<UploadState> {
    let lookup = f.store.lookup_upload(&bucket.name, upload.id).await.unwrap();
    lookup.upload.map(|upload| upload.state)
}

/// The table of conditions, by publishing; with each a receipt appears exactly when the object does.
pub async fn a_publish_decides_every_condition(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for case in cases(&f, &bucket).await {
        let upload = f.begin(&bucket, &case.name).await;
        let token = f.samples.token();
        f.store.begin_complete(&upload, token, NOW).await.unwrap();
        let record = f.samples.record(&bucket, &case.name);
        let receipt = f.samples.completed(&upload, &record);
        let outcome = f
            .store
            .publish(&bucket, &record, &case.condition, None, &receipt)
            .await
            .unwrap();
        let kept = f
            .store
            .receipt(&bucket, &record.key, upload.id, NOW)
            .await
            .unwrap();
        let context = format!("{} {:?}", case.name, case.condition);
        let (expected, found) = if case.holds {
            assert_eq!(kept, Some(receipt), "{context}");
            (
                CommitOutcome::Committed {
                    superseded: case.superseded(),
                },
                Some(record),
            )
        } else {
            assert_eq!(kept, None, "{context}");
            let completing = Some(UploadState::Completing(token));
            assert_eq!(state(&f, &bucket, &upload).await, completing, "{context}");
            (
                CommitOutcome::ConditionFailed {
                    current: case.current(),
                },
                case.row.clone(),
            )
        };
        assert_eq!(outcome, PublishOutcome::Object(expected), "{context}");
        assert_eq!(f.object(&bucket, &case.name).await, found, "{context}");
    }
}

/// The record stays as it was, its sharing too.
pub async fn a_failed_condition_changes_nothing(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let record = ObjectRecord {
        shared: true,
        ..f.samples.record(&bucket, "a")
    };
    f.commit(&bucket, &record).await;
    let failed = Some(record.current());
    let attempt = f.samples.record(&bucket, "a");
    let condition = WriteCondition::IfAbsent;
    let outcome = f
        .store
        .commit(&bucket, &attempt, &condition, Some(record.commit_id))
        .await
        .unwrap();
    assert_eq!(
        outcome,
        CommitOutcome::ConditionFailed {
            current: failed.clone()
        }
    );
    let outcome = f
        .store
        .remove(&bucket, &record.key, &condition, Some(record.commit_id))
        .await
        .unwrap();
    assert_eq!(outcome, RemoveOutcome::ConditionFailed { current: failed });
    assert_eq!(f.object(&bucket, "a").await, Some(record));
}

fn commit(
    f: &MetadataFixture,
    bucket: &Bucket,
    record: ObjectRecord,
    condition: WriteCondition,
) -> impl Future<Output = CommitOutcome> + Send + 'static {
    let (store, bucket) = (Arc::clone(&f.store), bucket.clone());
    async move { store.commit(&bucket, &record, &condition, None).await.unwrap() }
}

/// Of contenders for one key exactly one commits, and every other one is shown the winner's record.
async fn assert_one_winner(
    f: &MetadataFixture,
    bucket: &Bucket,
    contenders: usize,
    before: Option<ObjectRecord>,
) {
    let condition = match &before {
        None => WriteCondition::IfAbsent,
        Some(record) => WriteCondition::IfCommit(record.commit_id),
    };
    let records: Vec<ObjectRecord> = (0..contenders).map(|_| f.samples.record(bucket, "a")).collect();
    let commits = records
        .iter()
        .map(|record| commit(f, bucket, record.clone(), condition.clone()));
    let outcomes = race(commits.collect()).await;
    let stored = f.object(bucket, "a").await.unwrap();
    assert!(records.contains(&stored));
    for (record, outcome) in records.iter().zip(outcomes) {
        let expected = if *record == stored {
            CommitOutcome::Committed {
                superseded: before.clone(),
            }
        } else {
            CommitOutcome::ConditionFailed {
                current: Some(stored.current()),
            }
        };
        assert_eq!(outcome, expected);
    }
}

/// `If-None-Match: *` is a lock that one client gets.
pub async fn of_64_racing_if_absent_commits_one_wins(f: MetadataFixture) {
    let bucket = f.bucket().await;
    assert_one_winner(&f, &bucket, 64, None).await;
}

/// Swaps from the same commit.
pub async fn of_racing_compare_and_swaps_one_wins(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let before = f.put(&bucket, "a").await;
    assert_one_winner(&f, &bucket, 16, Some(before)).await;
}

/// A counter that is raised by compare-and-swap counts every raise.
pub async fn compare_and_swap_loses_no_update(f: MetadataFixture) {
    const RAISES: u64 = 5;
    let bucket = f.bucket().await;
    f.commit(
        &bucket,
        &ObjectRecord {
            size: 0,
            ..f.samples.record(&bucket, "a")
        },
    )
    .await;
    let f = Arc::new(f);
    let raisers = (0..6).map(|_| {
        let (f, bucket) = (Arc::clone(&f), bucket.clone());
        async move {
            let mut raised = 0;
            while raised < RAISES {
                let seen = f.object(&bucket, "a").await.unwrap();
                let next = ObjectRecord {
                    size: seen.size + 1,
                    ..f.samples.record(&bucket, "a")
                };
                let swap = WriteCondition::IfCommit(seen.commit_id);
                let outcome = commit(&f, &bucket, next, swap).await;
                raised += u64::from(matches!(outcome, CommitOutcome::Committed { .. }));
            }
        }
    });
    race(raisers.collect()).await;
    assert_eq!(f.object(&bucket, "a").await.unwrap().size, 6 * RAISES);
}

/// Whoever removed a record is the one to free its blobs.
pub async fn of_racing_removals_one_returns_the_record(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let record = f.put(&bucket, "a").await;
    let removals = (0..16).map(|_| {
        let (store, bucket, key): (_, _, ObjectKey) =
            (Arc::clone(&f.store), bucket.clone(), record.key.clone());
        async move {
            store
                .remove(&bucket, &key, &WriteCondition::Any, None)
                .await
                .unwrap()
        }
    });
    let outcomes = race(removals.collect()).await;
    let removed = RemoveOutcome::Removed {
        superseded: Some(record),
    };
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == removed).count(), 1);
    let nothing = RemoveOutcome::Removed { superseded: None };
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == nothing).count(), 15);
}
