//! Rules of records that share their blobs.

use bleepstore_core::model::{CommitId, ObjectRecord, WriteCondition};
use bleepstore_core::ports::{Edit, EditOutcome};

use super::MetadataFixture;
use super::edits::{ANY, applied, kept, only_if, refused, retiring, row, shared};
use crate::race::race_two;
use crate::samples::key;

/// ETag, Last-Modified and the rest stay, an inline body too. What is marked already is not what was read.
pub async fn marking_shared_changes_nothing_else(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let length = usize::try_from(f.store.inline_limit().min(100)).unwrap();
    for record in [
        f.samples.record(&bucket, "a"),
        f.samples.inline(&bucket, "b", ""),
        f.samples.inline(&bucket, "c", vec![7; length]),
    ] {
        f.commit(&bucket, &record).await;
        let marked = shared(&record);
        for expected in [applied(Some(&record)), refused(Some(&marked))] {
            assert_eq!(f.mark(&bucket, &record).await, expected);
            let found = f.object(&bucket, record.key.as_str()).await;
            assert_eq!(found.as_ref(), Some(&marked));
        }
    }
}

/// Another commit's record, a missing key and a missing bucket.
pub async fn marking_shared_needs_the_row_that_was_read(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = f.put(&bucket, "a").await;
    let new = f.put(&bucket, "a").await;
    assert_eq!(f.mark(&bucket, &old).await, refused(Some(&new)));
    assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&new));
    let elsewhere = ObjectRecord {
        key: key("b"),
        ..new.clone()
    };
    assert_eq!(f.mark(&bucket, &elsewhere).await, refused(None));
    assert_eq!(f.object(&bucket, "b").await, None);
    let missing = f.samples.bucket();
    let theirs = ObjectRecord {
        bucket: missing.id,
        ..new.clone()
    };
    assert_eq!(f.mark(&missing, &theirs).await, refused(None));
    let another = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &another).await;
    assert_eq!(f.mark(&bucket, &new).await, refused(Some(&another)));
    assert_eq!(f.object(&bucket, "a").await, Some(another));
}

/// Retired by the id of the very commit, not by any.
pub async fn a_shared_record_is_replaced_once_it_is_retired_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &old).await;
    let next = f.samples.record(&bucket, "a");
    let others = [next.commit_id, f.samples.id(CommitId::from_bytes)].map(retiring);
    for expect in others.into_iter().chain([ANY]) {
        let outcome = f.edit(&Edit::put(&bucket, &next, expect)).await;
        assert_eq!(outcome, kept(&old), "{expect:?}");
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&old));
    }
    let edit = Edit::put(&bucket, &next, retiring(old.commit_id));
    assert_eq!(f.edit(&edit).await, applied(Some(&old)));
    assert_eq!(f.object(&bucket, "a").await, Some(next));
}

/// As with replacing.
pub async fn a_shared_record_is_removed_once_it_is_retired_only(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &old).await;
    for expect in [ANY, retiring(f.samples.id(CommitId::from_bytes))] {
        let outcome = f.edit(&Edit::remove(&bucket, &old.key, expect)).await;
        assert_eq!(outcome, kept(&old), "{expect:?}");
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&old));
    }
    let edit = Edit::remove(&bucket, &old.key, retiring(old.commit_id));
    assert_eq!(f.edit(&edit).await, applied(Some(&old)));
    assert_eq!(f.object(&bucket, "a").await, None);
}

/// Who expects the row as it is knows that it is shared, and is not asked to retire it. A record that goes on sharing
/// can take its place.
pub async fn a_shared_record_is_swapped_as_it_was_read(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let read = f.put(&bucket, "a").await;
    let marked = f.share(&bucket, &read).await;
    let next = ObjectRecord {
        commit_id: f.samples.id(CommitId::from_bytes),
        ..marked.clone()
    };
    let swap = Edit::put(&bucket, &next, row(&marked));
    assert_eq!(f.edit(&swap).await, applied(Some(&marked)));
    assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&next));
    let removal = Edit::remove(&bucket, &next.key, row(&next));
    assert_eq!(f.edit(&removal).await, applied(Some(&next)));
    assert_eq!(f.object(&bucket, "a").await, None);
}

/// Where several things are wrong, the first is told. A removal asks for no bucket.
pub async fn bucket_expectation_and_sharing_are_checked_in_that_order(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &old).await;
    let (absent, present) = (WriteCondition::IfAbsent, WriteCondition::IfPresent);
    let next = f.samples.record(&bucket, "a");
    for (condition, expected) in [(&absent, refused(Some(&old))), (&present, kept(&old))] {
        let expect = only_if(condition);
        let remove = Edit::remove(&bucket, &next.key, expect);
        for edit in [Edit::put(&bucket, &next, expect), remove] {
            assert_eq!(f.edit(&edit).await, expected, "{edit:?}");
        }
    }
    let other = f.samples.again(&bucket);
    let theirs = f.samples.record(&other, "a");
    for expect in [only_if(&absent), only_if(&present), row(&old)] {
        let put = Edit::put(&other, &theirs, expect);
        assert_eq!(f.edit(&put).await, EditOutcome::NoSuchBucket, "{expect:?}");
    }
    let removal = Edit::remove(&other, &theirs.key, only_if(&present));
    assert_eq!(f.edit(&removal).await, refused(None));
    assert_eq!(f.object(&bucket, "a").await, Some(old));
}

/// What displaces an object while it is marked.
#[derive(Clone, Copy)]
enum Displacing {
    Overwrite,
    Removal,
}

/// Marks an object while another edit displaces it, whatever it is or `exact`ly as it was read. Either the mark came
/// first and the other is told so, or the other did and the mark is refused.
async fn race_a_mark(f: &MetadataFixture, displacing: Displacing, exact: bool) {
    let bucket = f.bucket().await;
    for round in 0..40 {
        let name = round.to_string();
        let old = f.put(&bucket, &name).await;
        let (marked, new) = (shared(&old), f.samples.record(&bucket, &name));
        let mark = Edit::put(&bucket, &marked, row(&old));
        let expect = if exact { row(&old) } else { ANY };
        let (other, left) = match displacing {
            Displacing::Overwrite => (Edit::put(&bucket, &new, expect), Some(&new)),
            Displacing::Removal => (Edit::remove(&bucket, &old.key, expect), None),
        };
        let (mark, other) = race_two(f.editing(&mark), f.editing(&other)).await;
        let found = f.object(&bucket, &name).await;
        if mark == applied(Some(&old)) {
            let told = if exact {
                refused(Some(&marked))
            } else {
                kept(&marked)
            };
            assert_eq!((other, found.as_ref()), (told, Some(&marked)));
        } else {
            assert_eq!(mark, refused(left));
            assert_eq!((other, found.as_ref()), (applied(Some(&old)), left));
        }
    }
}

/// Of whatever is there.
pub async fn an_overwrite_never_misses_a_racing_mark(f: MetadataFixture) {
    race_a_mark(&f, Displacing::Overwrite, false).await;
}

/// Of whatever is there.
pub async fn a_removal_never_misses_a_racing_mark(f: MetadataFixture) {
    race_a_mark(&f, Displacing::Removal, false).await;
}

/// Of the row that was read.
pub async fn a_swap_never_misses_a_racing_mark(f: MetadataFixture) {
    race_a_mark(&f, Displacing::Overwrite, true).await;
}

/// A deletion reads a row that is not shared, and a copy marks it: the deletion must not free what the copy names.
pub async fn a_removal_of_the_row_that_was_read_never_misses_a_racing_mark(f: MetadataFixture) {
    race_a_mark(&f, Displacing::Removal, true).await;
}
