//! Rules of renaming objects.

use std::sync::Arc;

use bleepstore_core::model::{Bucket, ObjectRecord, WriteCondition};
use bleepstore_core::ports::{DeleteBucketOutcome, Edit, EditOutcome, KeyRange};

use super::MetadataFixture;
use super::edits::{ANY, applied, kept, only_if, refused, retiring, row, shared};
use crate::race::{race, race_two};

/// How often a race is run, so that most of its interleavings happen.
const ROUNDS: usize = 40;

fn rename(
    f: &MetadataFixture,
    bucket: &Bucket,
    source: &ObjectRecord,
    record: &ObjectRecord,
) -> impl Future<Output = EditOutcome> + Send + use<> {
    f.editing(&Edit::put(bucket, record, ANY).moving(source))
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

/// To a key before and to one after; a list of objects and one of records show it there.
pub async fn a_renamed_object_is_found_with_every_field_under_its_new_key_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let bystander = f.put(&bucket, "b").await;
    let mut source = shared(&f.samples.record(&bucket, "c"));
    f.commit(&bucket, &source).await;
    for name in ["a", "d", "d/\u{ffff}"] {
        let record = f.samples.renamed(&source, name);
        let renamed = rename(&f, &bucket, &source, &record).await;
        assert_eq!(renamed, applied(None), "{name}");
        assert_eq!(f.object(&bucket, name).await.as_ref(), Some(&record));
        assert_eq!(f.object(&bucket, source.key.as_str()).await, None);
        let mut expected = vec!["b", name];
        expected.sort_unstable();
        assert_eq!(keys(&f, &bucket).await, expected);
        let records = f
            .store
            .scan_records(&bucket, &KeyRange::default(), 10)
            .await
            .unwrap();
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
    let displaced = f.samples.inline(&bucket, "a", "");
    f.commit(&bucket, &displaced).await;
    let record = f.samples.renamed(&source, "a");
    let outcome = rename(&f, &bucket, &source, &record).await;
    assert_eq!(outcome, applied(Some(&displaced)));
    assert_eq!(f.object(&bucket, "a").await, Some(record));
    assert_eq!(f.object(&bucket, "b").await, None);
}

/// An object or a delete marker; the source may come back afterwards.
pub async fn a_rename_tells_exactly_what_it_displaced(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let marker = f.samples.marker(&bucket, "a");
    f.commit(&bucket, &marker).await;
    let mut displaced = marker;
    for _ in 0..2 {
        let source = f.put(&bucket, "b").await;
        let record = f.samples.renamed(&source, "a");
        let outcome = rename(&f, &bucket, &source, &record).await;
        assert_eq!(outcome, applied(Some(&displaced)));
        assert_eq!(keys(&f, &bucket).await, ["a"]);
        displaced = record;
    }
}

/// Not what replaced it, not one that became shared since or was taken as shared, and nothing where there is none.
pub async fn a_rename_moves_the_record_that_was_read_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let read = f.put(&bucket, "b").await;
    let record = f.samples.renamed(&read, "a");
    let changed = async |source: &ObjectRecord| {
        let outcome = rename(&f, &bucket, source, &record).await;
        assert_eq!(outcome, EditOutcome::SourceChanged);
    };
    let current = f.put(&bucket, "b").await;
    changed(&read).await;
    changed(&shared(&current)).await;
    let marked = f.share(&bucket, &current).await;
    changed(&current).await;
    assert_eq!(f.object(&bucket, "b").await.as_ref(), Some(&marked));
    let removal = Edit::remove(&bucket, &marked.key, row(&marked));
    assert_eq!(f.edit(&removal).await, applied(Some(&marked)));
    changed(&marked).await;
    assert_eq!(f.object(&bucket, "a").await, None);
}

/// As with a commit: retired by the id of the very commit, not by any.
pub async fn a_rename_over_a_shared_record_waits_until_it_is_retired(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &old).await;
    let source = f.put(&bucket, "b").await;
    let record = f.samples.renamed(&source, "a");
    let rename = |expect| Edit::put(&bucket, &record, expect).moving(&source);
    for expect in [ANY, retiring(source.commit_id)] {
        assert_eq!(f.edit(&rename(expect)).await, kept(&old));
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&old));
        assert_eq!(f.object(&bucket, "b").await.as_ref(), Some(&source));
    }
    let outcome = f.edit(&rename(retiring(old.commit_id))).await;
    assert_eq!(outcome, applied(Some(&old)));
    assert_eq!(f.object(&bucket, "a").await, Some(record));
    assert_eq!(f.object(&bucket, "b").await, None);
}

/// Where several things are wrong, the first is told; nothing changes.
pub async fn bucket_source_expectation_and_sharing_are_checked_in_that_order(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &old).await;
    let source = f.put(&bucket, "b").await;
    let record = f.samples.renamed(&source, "a");
    let stranger = f.samples.record(&bucket, "b");
    let other = f.samples.again(&bucket);
    let theirs = f.samples.record(&other, "a");
    let absent = only_if(&WriteCondition::IfAbsent);
    for (expect, expected) in [
        (absent, refused(Some(&old))),
        (row(&stranger), refused(Some(&old))),
        (ANY, kept(&old)),
    ] {
        let gone = Edit::put(&other, &theirs, expect).moving(&stranger);
        assert_eq!(f.edit(&gone).await, EditOutcome::NoSuchBucket);
        let changed = Edit::put(&bucket, &record, expect).moving(&stranger);
        assert_eq!(f.edit(&changed).await, EditOutcome::SourceChanged);
        let edit = Edit::put(&bucket, &record, expect).moving(&source);
        assert_eq!(f.edit(&edit).await, expected, "{expect:?}");
    }
    assert_eq!(f.object(&bucket, "a").await, Some(old));
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
    let won: Vec<usize> = (0..64)
        .filter(|index| outcomes[*index] == applied(None))
        .collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    let lost = outcomes
        .iter()
        .filter(|outcome| **outcome == EditOutcome::SourceChanged);
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
        let expected = match (first == EditOutcome::SourceChanged, second) {
            (true, second) => {
                assert_eq!(second, applied(Some(&one)));
                back
            }
            (false, second) => {
                assert_eq!(
                    (first, second),
                    (applied(Some(&other)), EditOutcome::SourceChanged)
                );
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
    let renamed = sources.iter().zip(&NAMES[1..]);
    let records: Vec<_> = renamed
        .map(|(source, name)| f.samples.renamed(source, name))
        .collect();
    let absent = only_if(&WriteCondition::IfAbsent);
    let renames = sources.iter().zip(&records);
    let renames =
        renames.map(|(source, record)| f.editing(&Edit::put(&bucket, record, absent).moving(source)));
    let outcomes = race(renames.collect()).await;
    let mut expected = Vec::new();
    for (outcome, (source, record)) in outcomes.into_iter().zip(sources.into_iter().zip(records)) {
        expected.push(if outcome == applied(None) { record } else { source });
    }
    let mut found = f
        .store
        .scan_records(&bucket, &KeyRange::default(), 10)
        .await
        .unwrap()
        .items;
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
        let marked = shared(&old);
        let mark = f.editing(&Edit::put(&bucket, &marked, row(&old)));
        let (mark, outcome) = race_two(mark, rename(&f, &bucket, &old, &new)).await;
        if mark == applied(Some(&old)) {
            assert_eq!(outcome, EditOutcome::SourceChanged);
            assert_eq!(f.object(&bucket, "b").await, Some(marked));
            assert_eq!(f.object(&bucket, "a").await, None);
        } else {
            assert_eq!((mark, outcome), (refused(None), applied(None)));
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
        assert_eq!(outcome, applied(None), "{deleted:?}");
        assert_eq!(deleted, [DeleteBucketOutcome::NotEmpty; 2]);
        assert_eq!(f.object(&bucket, name).await.as_ref(), Some(&record));
        assert_eq!(keys(&f, &bucket).await, [name]);
        source = record;
    }
}

/// Nothing of a rename keeps its bucket.
pub async fn an_emptied_bucket_is_deleted_after_renames(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let source = f.put(&bucket, "b").await;
    let record = f.samples.renamed(&source, "a");
    assert_eq!(rename(&f, &bucket, &source, &record).await, applied(None));
    f.remove(&bucket, "a").await;
    assert_eq!(deletion(&f, &bucket).await, DeleteBucketOutcome::Deleted);
    let again = f.samples.renamed(&record, "b");
    assert_eq!(
        rename(&f, &bucket, &record, &again).await,
        EditOutcome::NoSuchBucket
    );
}
