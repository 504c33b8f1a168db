//! Rules of compare-and-swap: of edits that expect exactly one row, or none.

use std::sync::Arc;

use bleepstore_core::model::{Bucket, ObjectRecord, RowTag, WriteCondition};
use bleepstore_core::ports::{Edit, EditOutcome, Expect};

use super::MetadataFixture;
use super::edits::{ANY, NO_ROW, applied, only_if, refused, row};
use crate::race::race;
use crate::samples::key;

/// Not once another commit has replaced it or it has become shared, and not where it was taken as shared and is not.
pub async fn a_row_is_swapped_only_as_it_was_read(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let read = f.put(&bucket, "a").await;
    let overwritten = f.put(&bucket, "a").await;
    let next = f.samples.record(&bucket, "a");
    let attempt = async |expect, expected: EditOutcome| {
        let remove = Edit::remove(&bucket, &next.key, expect);
        for edit in [Edit::put(&bucket, &next, expect), remove] {
            assert_eq!(f.edit(&edit).await, expected, "{edit:?}");
        }
    };
    attempt(row(&read), refused(Some(&overwritten))).await;
    let too_early = Expect::Row(Some(RowTag {
        shared: true,
        ..overwritten.tag()
    }));
    attempt(too_early, refused(Some(&overwritten))).await;
    let marked = f.share(&bucket, &overwritten).await;
    attempt(row(&overwritten), refused(Some(&marked))).await;
    assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&marked));
    let swap = Edit::put(&bucket, &next, row(&marked));
    assert_eq!(f.edit(&swap).await, applied(Some(&marked)));
    assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&next));
    let removal = Edit::remove(&bucket, &next.key, row(&next));
    assert_eq!(f.edit(&removal).await, applied(Some(&next)));
    assert_eq!(f.object(&bucket, "a").await, None);
    attempt(row(&marked), refused(None)).await;
}

/// Who expects a row, or none, sees markers; a condition does not.
pub async fn a_delete_marker_is_a_row_though_no_object(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for (name, condition, holds) in [
        ("a", WriteCondition::IfAbsent, true),
        ("b", WriteCondition::IfPresent, false),
    ] {
        let marker = f.samples.marker(&bucket, name);
        f.commit(&bucket, &marker).await;
        let next = f.samples.record(&bucket, name);
        let put = Edit::put(&bucket, &next, NO_ROW);
        assert_eq!(f.edit(&put).await, refused(Some(&marker)));
        let removal = Edit::remove(&bucket, &next.key, NO_ROW);
        assert_eq!(f.edit(&removal).await, refused(Some(&marker)));
        let conditional = f.edit(&Edit::put(&bucket, &next, only_if(&condition))).await;
        if holds {
            assert_eq!(conditional, applied(Some(&marker)));
        } else {
            assert_eq!(conditional, refused(Some(&marker)));
            let swap = Edit::put(&bucket, &next, row(&marker));
            assert_eq!(f.edit(&swap).await, applied(Some(&marker)));
        }
        assert_eq!(f.object(&bucket, name).await, Some(next));
    }
}

/// Where there never was one, and where there is none any more.
pub async fn no_row_is_swapped_only_where_there_is_none(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let key = key("a");
    for _ in 0..2 {
        let removal = Edit::remove(&bucket, &key, NO_ROW);
        assert_eq!(f.edit(&removal).await, applied(None));
        let record = f.samples.record(&bucket, "a");
        let put = Edit::put(&bucket, &record, NO_ROW);
        assert_eq!(f.edit(&put).await, applied(None));
        let another = f.samples.record(&bucket, "a");
        let put = Edit::put(&bucket, &another, NO_ROW);
        assert_eq!(f.edit(&put).await, refused(Some(&record)));
        assert_eq!(f.edit(&removal).await, refused(Some(&record)));
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&record));
        assert_eq!(f.remove(&bucket, "a").await, Some(record));
    }
}

/// Of 64 contenders for one key exactly one is applied, and every other one is told what that left. They all put a
/// record, or every second one removes the row.
async fn assert_one_winner(
    f: &MetadataFixture,
    bucket: &Bucket,
    before: Option<ObjectRecord>,
    expect: Expect<'_>,
    removals: bool,
) {
    let key = key("a");
    let records: Vec<ObjectRecord> = (0..64).map(|_| f.samples.record(bucket, "a")).collect();
    let removes = |index: usize| removals && index % 2 == 1;
    let edits = records.iter().enumerate().map(|(index, record)| {
        f.editing(&if removes(index) {
            Edit::remove(bucket, &key, expect)
        } else {
            Edit::put(bucket, record, expect)
        })
    });
    let outcomes = race(edits.collect()).await;
    let left = f.object(bucket, "a").await;
    let won = applied(before.as_ref());
    let winners: Vec<usize> = (0..64).filter(|index| outcomes[*index] == won).collect();
    let [winner] = winners[..] else {
        panic!("{outcomes:?}");
    };
    let expected = (!removes(winner)).then(|| records[winner].clone());
    assert_eq!(left, expected);
    let lost = refused(left.as_ref());
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == lost).count(), 63);
}

/// `If-None-Match: *` is a lock that one client gets.
pub async fn of_64_racing_if_absent_commits_one_wins(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let absent = only_if(&WriteCondition::IfAbsent);
    assert_one_winner(&f, &bucket, None, absent, false).await;
}

/// So is what expects no row.
pub async fn of_64_racing_swaps_of_no_row_one_wins(f: MetadataFixture) {
    let bucket = f.bucket().await;
    assert_one_winner(&f, &bucket, None, NO_ROW, false).await;
}

/// Commits that replace the same row, and with removals among them.
pub async fn of_64_racing_swaps_of_a_row_one_wins(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for removals in [false, true] {
        let before = f.put(&bucket, "a").await;
        let expect = row(&before);
        assert_one_winner(&f, &bucket, Some(before), expect, removals).await;
    }
}

/// A counter that is raised by compare-and-swap counts every raise.
pub async fn compare_and_swap_loses_no_update(f: MetadataFixture) {
    const RAISES: u64 = 5;
    let bucket = f.bucket().await;
    let zero = ObjectRecord {
        size: 0,
        ..f.samples.record(&bucket, "a")
    };
    f.commit(&bucket, &zero).await;
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
                let outcome = f.edit(&Edit::put(&bucket, &next, row(&seen))).await;
                raised += u64::from(matches!(outcome, EditOutcome::Applied { .. }));
            }
        }
    });
    race(raisers.collect()).await;
    assert_eq!(f.object(&bucket, "a").await.unwrap().size, 6 * RAISES);
}

/// Whoever is told of a record that it removed is the one to free its blobs.
async fn race_removals(
    f: &MetadataFixture,
    expect: impl Fn(&ObjectRecord) -> Expect<'static>,
    lost: EditOutcome,
) {
    let bucket = f.bucket().await;
    let record = f.put(&bucket, "a").await;
    let removal = Edit::remove(&bucket, &record.key, expect(&record));
    let outcomes = race((0..16).map(|_| f.editing(&removal)).collect()).await;
    let won = applied(Some(&record));
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == won).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == lost).count(), 15);
}

/// The others remove nothing.
pub async fn of_racing_removals_one_returns_the_record(f: MetadataFixture) {
    race_removals(&f, |_| ANY, applied(None)).await;
}

/// The others are refused.
pub async fn of_racing_removals_of_a_row_one_is_applied(f: MetadataFixture) {
    race_removals(&f, row, refused(None)).await;
}
