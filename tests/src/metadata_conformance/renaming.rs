//! Rules of renaming objects.

use std::sync::Arc;

use bleepstore_core::model::{Bucket, ObjectRecord, WriteCondition};
use bleepstore_core::ports::{CommitOutcome, DeleteBucketOutcome, KeyRange, RemoveOutcome, RenameOutcome};

use super::MetadataFixture;
use crate::race::{race, race_two};
use crate::samples::key;

/// How often a race is run, so that most of its interleavings happen.
const ROUNDS: usize = 40;

const RENAMED: RenameOutcome = RenameOutcome::Destination(CommitOutcome::Committed { superseded: None });

fn rename(
    f: &MetadataFixture,
    bucket: &Bucket,
    source: &ObjectRecord,
    record: &ObjectRecord,
) -> impl Future<Output = RenameOutcome> + Send + 'static {
    let store = Arc::clone(&f.store);
    let (bucket, source, record) = (bucket.clone(), source.clone(), record.clone());
    async move {
        let any = WriteCondition::Any;
        store.rename(&bucket, &source, &record, &any, None).await.unwrap()
    }
}

fn deletion(
    f: &MetadataFixture,
    bucket: &Bucket,
) -> impl Future<Output = DeleteBucketOutcome> + Send + 'static {
    let (store, bucket, token) = (Arc::clone(&f.store), bucket.clone(), f.samples.token());
    async move { store.delete_bucket(&bucket.name, bucket.id, token).await.unwrap() }
}

/// The keys of all objects.
async fn keys(f: &MetadataFixture, bucket: &Bucket) -> Vec<String> {
    let all = KeyRange::default();
    let page = f.store.scan_objects(bucket, &all, 1_000).await.unwrap();
    page.items.iter().map(|item| item.key.to_string()).collect()
}

/// To a key before and to one behind; a list of objects and one of records show it there.
pub async fn a_renamed_object_is_found_with_every_field_under_its_new_key_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let bystander = f.put(&bucket, "b").await;
    let mut source = ObjectRecord {
        shared: true,
        ..f.samples.record(&bucket, "c")
    };
    f.commit(&bucket, &source).await;
    for name in ["a", "d", "d/\u{ffff}"] {
        let record = f.samples.renamed(&source, name);
        assert_eq!(rename(&f, &bucket, &source, &record).await, RENAMED, "{name}");
        assert_eq!(f.object(&bucket, name).await.as_ref(), Some(&record));
        assert_eq!(f.object(&bucket, source.key.as_str()).await, None);
        let mut expected = vec!["b", name];
        expected.sort_unstable();
        assert_eq!(keys(&f, &bucket).await, expected);
        let records = f.store.scan_records(&bucket, None, 10).await.unwrap();
        assert!(records.items.contains(&record) && records.items.len() == 2);
        source = record;
    }
    assert_eq!(f.object(&bucket, "b").await, Some(bystander));
}

/// Where the store takes bodies inside a record.
pub async fn a_renamed_inline_body_comes_back(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let body = vec![0xfe; usize::try_from(f.store.inline_limit()).unwrap()];
    let source = f.samples.inline(&bucket, "b", body);
    f.commit(&bucket, &source).await;
    f.commit(&bucket, &f.samples.inline(&bucket, "a", "")).await;
    let record = f.samples.renamed(&source, "a");
    let outcome = rename(&f, &bucket, &source, &record).await;
    assert!(
        matches!(
            outcome,
            RenameOutcome::Destination(CommitOutcome::Committed { superseded: Some(_) })
        ),
        "{outcome:?}"
    );
    assert_eq!(f.object(&bucket, "a").await, Some(record));
    assert_eq!(f.object(&bucket, "b").await, None);
}

/// An object or a delete marker; the source may come back afterwards.
pub async fn a_rename_returns_exactly_what_it_superseded(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let marker = f.samples.marker(&bucket, "a");
    f.commit(&bucket, &marker).await;
    let mut superseded = marker;
    for _ in 0..2 {
        let source = f.put(&bucket, "b").await;
        let record = f.samples.renamed(&source, "a");
        let outcome = rename(&f, &bucket, &source, &record).await;
        let expected = CommitOutcome::Committed {
            superseded: Some(superseded),
        };
        assert_eq!(outcome, RenameOutcome::Destination(expected));
        assert_eq!(keys(&f, &bucket).await, ["a"]);
        superseded = record;
    }
}

/// Not what replaced it, not one that became shared since, and nothing where there is none.
pub async fn a_rename_moves_the_record_that_was_read_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let read = f.put(&bucket, "b").await;
    let record = f.samples.renamed(&read, "a");
    let current = f.put(&bucket, "b").await;
    assert_eq!(
        rename(&f, &bucket, &read, &record).await,
        RenameOutcome::SourceChanged
    );
    let marked = f
        .store
        .mark_shared(&bucket, &key("b"), current.commit_id)
        .await
        .unwrap();
    assert!(marked);
    assert_eq!(
        rename(&f, &bucket, &current, &record).await,
        RenameOutcome::SourceChanged
    );
    let shared = ObjectRecord {
        shared: true,
        ..current
    };
    assert_eq!(f.object(&bucket, "b").await.as_ref(), Some(&shared));
    let retired = Some(shared.commit_id);
    let any = WriteCondition::Any;
    let removed = f.store.remove(&bucket, &key("b"), &any, retired).await.unwrap();
    assert_eq!(
        removed,
        RemoveOutcome::Removed {
            superseded: Some(shared.clone())
        }
    );
    assert_eq!(
        rename(&f, &bucket, &shared, &record).await,
        RenameOutcome::SourceChanged
    );
    assert_eq!(f.object(&bucket, "a").await, None);
}

/// As with a commit: retired by the id of the very commit, not by any.
pub async fn a_rename_over_a_shared_record_waits_until_it_is_retired(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let shared = ObjectRecord {
        shared: true,
        ..f.samples.record(&bucket, "a")
    };
    f.commit(&bucket, &shared).await;
    let source = f.put(&bucket, "b").await;
    let record = f.samples.renamed(&source, "a");
    let any = WriteCondition::Any;
    for retired in [None, Some(source.commit_id)] {
        let outcome = f
            .store
            .rename(&bucket, &source, &record, &any, retired)
            .await
            .unwrap();
        let current = Box::new(shared.clone());
        assert_eq!(
            outcome,
            RenameOutcome::Destination(CommitOutcome::Shared { current })
        );
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&shared));
        assert_eq!(f.object(&bucket, "b").await.as_ref(), Some(&source));
    }
    let retired = Some(shared.commit_id);
    let outcome = f.store.rename(&bucket, &source, &record, &any, retired).await;
    let superseded = Some(shared);
    let committed = CommitOutcome::Committed { superseded };
    assert_eq!(outcome.unwrap(), RenameOutcome::Destination(committed));
    assert_eq!(f.object(&bucket, "a").await, Some(record));
    assert_eq!(f.object(&bucket, "b").await, None);
}

/// Where several things are wrong, the first is told; nothing changes.
pub async fn bucket_source_condition_and_sharing_are_checked_in_that_order(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let shared = ObjectRecord {
        shared: true,
        ..f.samples.record(&bucket, "a")
    };
    f.commit(&bucket, &shared).await;
    let source = f.put(&bucket, "b").await;
    let record = f.samples.renamed(&source, "a");
    let stranger = f.samples.record(&bucket, "b");
    let absent = WriteCondition::IfAbsent;
    let attempt = async |bucket: &Bucket, source: &ObjectRecord, record: &ObjectRecord| {
        let outcome = f.store.rename(bucket, source, record, &absent, None).await;
        outcome.unwrap()
    };
    let other = f.samples.again(&bucket);
    let theirs = f.samples.record(&other, "a");
    assert_eq!(
        attempt(&other, &stranger, &theirs).await,
        RenameOutcome::Destination(CommitOutcome::NoSuchBucket)
    );
    assert_eq!(
        attempt(&bucket, &stranger, &record).await,
        RenameOutcome::SourceChanged
    );
    let current = Some(shared.current());
    assert_eq!(
        attempt(&bucket, &source, &record).await,
        RenameOutcome::Destination(CommitOutcome::ConditionFailed { current })
    );
    assert_eq!(f.object(&bucket, "a").await, Some(shared));
    assert_eq!(f.object(&bucket, "b").await, Some(source));
}

/// Each to a key of its own: the object is under one of them.
pub async fn of_64_racing_renames_of_an_object_one_wins(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let source = f.put(&bucket, "m").await;
    let records: Vec<ObjectRecord> = (0..64)
        .map(|index| f.samples.renamed(&source, &format!("{index:02}")))
        .collect();
    let renames = records
        .iter()
        .map(|record| rename(&f, &bucket, &source, record))
        .collect();
    let outcomes = race(renames).await;
    let won: Vec<usize> = (0..64).filter(|index| outcomes[*index] == RENAMED).collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    let lost = outcomes
        .iter()
        .filter(|outcome| **outcome == RenameOutcome::SourceChanged);
    assert_eq!(lost.count(), 63, "{outcomes:?}");
    let winner = &records[won[0]];
    assert_eq!(keys(&f, &bucket).await, [winner.key.as_str()]);
    assert_eq!(
        f.object(&bucket, winner.key.as_str()).await.as_ref(),
        Some(winner)
    );
}

/// Each would write over the other's source.
pub async fn of_two_renames_that_pass_each_other_one_wins(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for _ in 0..ROUNDS / 4 {
        let (one, other) = (f.put(&bucket, "a").await, f.put(&bucket, "b").await);
        let (there, back) = (f.samples.renamed(&one, "b"), f.samples.renamed(&other, "a"));
        let (first, second) = race_two(
            rename(&f, &bucket, &one, &there),
            rename(&f, &bucket, &other, &back),
        )
        .await;
        let won = |superseded| {
            let superseded = Some(superseded);
            RenameOutcome::Destination(CommitOutcome::Committed { superseded })
        };
        let expected = match (first == RenameOutcome::SourceChanged, second) {
            (true, second) => {
                assert_eq!(second, won(one));
                back
            }
            (false, second) => {
                assert_eq!((first, second), (won(other), RenameOutcome::SourceChanged));
                there
            }
        };
        assert_eq!(keys(&f, &bucket).await, [expected.key.as_str()]);
        let key = expected.key.clone();
        assert_eq!(f.object(&bucket, key.as_str()).await, Some(expected));
    }
}

/// Each object goes to the next one's key, if that is free by then.
pub async fn racing_renames_in_a_row_lose_and_double_nothing(f: MetadataFixture) {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let bucket = f.bucket().await;
    let mut sources = Vec::new();
    for name in &NAMES[..3] {
        sources.push(f.put(&bucket, name).await);
    }
    let renames = sources.iter().enumerate().map(|(index, source)| {
        let record = f.samples.renamed(source, NAMES[index + 1]);
        let (store, bucket, source) = (Arc::clone(&f.store), bucket.clone(), source.clone());
        async move {
            let absent = WriteCondition::IfAbsent;
            let outcome = store.rename(&bucket, &source, &record, &absent, None).await;
            (outcome.unwrap(), source, record)
        }
    });
    let mut expected = Vec::new();
    for (outcome, source, record) in race(renames.collect()).await {
        expected.push(if outcome == RENAMED { record } else { source });
    }
    let mut found = f.store.scan_records(&bucket, None, 10).await.unwrap().items;
    found.sort_by_key(|record| record.commit_id);
    expected.sort_by_key(|record| record.commit_id);
    assert_eq!(found, expected);
}

/// Either the mark came first and the rename is refused, or the rename did and the mark is.
pub async fn a_rename_never_misses_a_racing_mark(f: MetadataFixture) {
    for _ in 0..ROUNDS {
        let bucket = f.bucket().await;
        let old = f.put(&bucket, "b").await;
        let new = f.samples.renamed(&old, "a");
        let mark = {
            let (store, bucket, old) = (Arc::clone(&f.store), bucket.clone(), old.clone());
            async move { store.mark_shared(&bucket, &old.key, old.commit_id).await.unwrap() }
        };
        let (marked, outcome) = race_two(mark, rename(&f, &bucket, &old, &new)).await;
        if marked {
            assert_eq!(outcome, RenameOutcome::SourceChanged);
            let shared = ObjectRecord { shared: true, ..old };
            assert_eq!(f.object(&bucket, "b").await, Some(shared));
            assert_eq!(f.object(&bucket, "a").await, None);
        } else {
            assert_eq!(outcome, RENAMED);
            assert_eq!(f.object(&bucket, "a").await, Some(new));
            assert_eq!(f.object(&bucket, "b").await, None);
        }
    }
}

/// The bucket holds one object all the time, now here and now there.
pub async fn a_deletion_never_swallows_a_racing_rename(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let mut source = f.put(&bucket, "z").await;
    for round in 0..ROUNDS {
        let name = if round % 2 == 0 { "a" } else { "z" };
        let record = f.samples.renamed(&source, name);
        let deletions = (0..2).map(|_| deletion(&f, &bucket)).collect();
        let (outcome, deleted) = race_two(rename(&f, &bucket, &source, &record), race(deletions)).await;
        assert_eq!(outcome, RENAMED, "{deleted:?}");
        assert_eq!(deleted, [DeleteBucketOutcome::NotEmpty; 2]);
        assert_eq!(f.object(&bucket, name).await.as_ref(), Some(&record));
        assert_eq!(keys(&f, &bucket).await, [name]);
        source = record;
    }
}

/// Nothing of a rename keeps its bucket.
pub async fn an_emptied_bucket_is_deleted_behind_renames(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let source = f.put(&bucket, "b").await;
    let record = f.samples.renamed(&source, "a");
    assert_eq!(rename(&f, &bucket, &source, &record).await, RENAMED);
    f.store
        .remove(&bucket, &record.key, &WriteCondition::Any, None)
        .await
        .unwrap();
    assert_eq!(deletion(&f, &bucket).await, DeleteBucketOutcome::Deleted);
    let again = f.samples.renamed(&record, "b");
    assert_eq!(
        rename(&f, &bucket, &record, &again).await,
        RenameOutcome::Destination(CommitOutcome::NoSuchBucket)
    );
}
