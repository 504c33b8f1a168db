//! Rules of deleting buckets and creating them again.

use std::sync::Arc;

use bleepstore_core::model::{Bucket, CommitId, ObjectRecord, Revision, WriteCondition};
use bleepstore_core::ports::{
    CreateBucketOutcome, DeleteBucketOutcome, Edit, EditOutcome, KeyRange, UploadRange,
};

use super::MetadataFixture;
use super::edits::{ANY, NO_ROW, applied, only_if, refused, retiring, row};
use crate::race::{race, race_two};

/// How often a race is run, so that most of its interleavings happen.
const ROUNDS: usize = 40;

async fn delete(f: &MetadataFixture, bucket: &Bucket) -> DeleteBucketOutcome {
    let token = f.samples.token();
    f.store
        .delete_bucket(&bucket.name, bucket.id, token)
        .await
        .unwrap()
}

fn deletion(
    f: &MetadataFixture,
    bucket: &Bucket,
) -> impl Future<Output = DeleteBucketOutcome> + Send + 'static {
    let (store, bucket, token) = (Arc::clone(&f.store), bucket.clone(), f.samples.token());
    async move { store.delete_bucket(&bucket.name, bucket.id, token).await.unwrap() }
}

/// A bucket that never held anything, and one that was emptied.
pub async fn an_empty_bucket_is_deleted(f: MetadataFixture) {
    let bucket = f.bucket().await;
    assert_eq!(delete(&f, &bucket).await, DeleteBucketOutcome::Deleted);
    assert_eq!(f.store.bucket(&bucket.name).await.unwrap(), None);

    let bucket = f.create(f.samples.again(&bucket)).await;
    f.put(&bucket, "a").await;
    f.remove(&bucket, "a").await;
    assert_eq!(delete(&f, &bucket).await, DeleteBucketOutcome::Deleted);
    assert_eq!(f.store.bucket(&bucket.name).await.unwrap(), None);
}

/// The id decides, not the name.
pub async fn only_that_creation_of_a_bucket_is_deleted(f: MetadataFixture) {
    let first = f.bucket().await;
    assert_eq!(delete(&f, &first).await, DeleteBucketOutcome::Deleted);
    assert_eq!(delete(&f, &first).await, DeleteBucketOutcome::NoSuchBucket);
    let second = f.create(f.samples.again(&first)).await;
    assert_eq!(delete(&f, &first).await, DeleteBucketOutcome::NoSuchBucket);
    assert_eq!(f.store.bucket(&first.name).await.unwrap(), Some(second));
}

/// A refused deletion leaves the bucket as it was, and it still takes writes.
pub async fn an_object_keeps_its_bucket(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let record = f.put(&bucket, "\u{10ffff}").await;
    assert_eq!(delete(&f, &bucket).await, DeleteBucketOutcome::NotEmpty);
    let lookup = f.store.lookup(&bucket.name, &record.key).await.unwrap();
    assert_eq!(lookup.bucket.map(|found| found.id), Some(bucket.id));
    assert_eq!(lookup.object, Some(record));
    f.put(&bucket, "another").await;
}

/// A marker stands for versions, which keep a bucket.
pub async fn a_delete_marker_keeps_its_bucket(f: MetadataFixture) {
    let bucket = f.bucket().await;
    f.commit(&bucket, &f.samples.marker(&bucket, "a")).await;
    assert_eq!(delete(&f, &bucket).await, DeleteBucketOutcome::NotEmpty);
}

/// The upload of a bucket that is gone cannot be found or published, not even once there is a bucket of
/// that name again.
pub async fn open_uploads_do_not_keep_a_bucket_and_go_with_it(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    f.store
        .record_part(&upload, &f.samples.part(&upload, 1))
        .await
        .unwrap();
    assert_eq!(delete(&f, &bucket).await, DeleteBucketOutcome::Deleted);
    for _ in 0..2 {
        let lookup = f.store.lookup_upload(&bucket.name, upload.id).await.unwrap();
        assert_eq!(lookup.upload, None);
        let outcome = f.publish(&bucket, &upload, &f.samples.record(&bucket, "a")).await;
        assert_eq!(outcome, EditOutcome::NoSuchBucket);
        assert_eq!(f.object(&bucket, "a").await, None);
        f.store.create_bucket(&f.samples.again(&bucket)).await.unwrap();
    }
}

/// Deletions that race agree on who deleted.
pub async fn of_racing_deletions_of_a_bucket_one_deletes(f: MetadataFixture) {
    for _ in 0..ROUNDS {
        let bucket = f.bucket().await;
        let outcomes = race((0..4).map(|_| deletion(&f, &bucket)).collect()).await;
        let deleted = outcomes
            .iter()
            .filter(|outcome| **outcome == DeleteBucketOutcome::Deleted)
            .count();
        assert_eq!(deleted, 1, "{outcomes:?}");
        assert!(!outcomes.contains(&DeleteBucketOutcome::NotEmpty), "{outcomes:?}");
        assert_eq!(f.store.bucket(&bucket.name).await.unwrap(), None);
    }
}

/// Either every commit was refused and the bucket is gone, or it is there with all that was acknowledged.
pub async fn a_deletion_never_swallows_a_racing_commit(f: MetadataFixture) {
    for _ in 0..ROUNDS {
        let bucket = f.bucket().await;
        let records: Vec<ObjectRecord> = ["a", "b"]
            .iter()
            .map(|name| f.samples.record(&bucket, name))
            .collect();
        let commits = records
            .iter()
            .map(|record| f.editing(&Edit::put(&bucket, record, ANY)))
            .collect();
        let deletions = (0..2).map(|_| deletion(&f, &bucket)).collect();
        let (commits, deletions) = race_two(race(commits), race(deletions)).await;
        let found = f.store.bucket(&bucket.name).await.unwrap();
        let expected = if deletions.contains(&DeleteBucketOutcome::Deleted) {
            assert_eq!(found, None);
            EditOutcome::NoSuchBucket
        } else {
            assert_eq!(found.map(|found| found.id), Some(bucket.id), "{deletions:?}");
            applied(None)
        };
        for (record, outcome) in records.iter().zip(commits) {
            assert_eq!(outcome, expected, "{deletions:?}");
            let readable = (expected != EditOutcome::NoSuchBucket).then(|| record.clone());
            assert_eq!(f.object(&bucket, record.key.as_str()).await, readable);
        }
    }
}

/// Publishing an upload is a commit too.
pub async fn a_deletion_never_swallows_a_racing_publish(f: MetadataFixture) {
    for _ in 0..ROUNDS {
        let bucket = f.bucket().await;
        let upload = f.begin(&bucket, "a").await;
        let record = f.samples.record(&bucket, "a");
        let receipt = f.samples.completed(&upload, &record);
        let publish = f.editing(&Edit::put(&bucket, &record, ANY).closing(&receipt));
        let (published, deleted) = race_two(publish, deletion(&f, &bucket)).await;
        match deleted {
            DeleteBucketOutcome::Deleted => {
                assert_eq!(published, EditOutcome::NoSuchBucket);
                assert_eq!(f.object(&bucket, "a").await, None);
            }
            DeleteBucketOutcome::NotEmpty => {
                assert_eq!(published, applied(None));
                assert_eq!(f.object(&bucket, "a").await, Some(record));
            }
            DeleteBucketOutcome::NoSuchBucket => panic!("nobody else deletes it"),
        }
    }
}

/// A writer that still holds the earlier creation never writes into the later one.
pub async fn a_recreation_never_shows_a_commit_to_the_earlier_bucket(f: MetadataFixture) {
    for _ in 0..ROUNDS {
        let first = f.bucket().await;
        let second = f.samples.again(&first);
        let record = f.samples.record(&first, "a");
        let recreate = {
            let (store, delete, second) = (Arc::clone(&f.store), deletion(&f, &first), second.clone());
            async move {
                delete.await;
                store.create_bucket(&second).await.unwrap()
            }
        };
        let commit = f.editing(&Edit::put(&first, &record, ANY));
        let (committed, recreated) = race_two(commit, recreate).await;
        if recreated == CreateBucketOutcome::Created {
            assert_eq!(committed, EditOutcome::NoSuchBucket);
            assert_eq!(f.object(&first, "a").await, None);
            assert_eq!(delete(&f, &second).await, DeleteBucketOutcome::Deleted);
        } else {
            assert_eq!(committed, applied(None));
            assert_eq!(f.object(&first, "a").await, Some(record));
        }
    }
}

/// A bucket that held an object, a marker and an upload before it was deleted; and that object.
async fn recreated(f: &MetadataFixture) -> (Bucket, Bucket, ObjectRecord) {
    let first = f.bucket().await;
    let object = f.put(&first, "a").await;
    f.commit(&first, &f.samples.marker(&first, "b")).await;
    f.begin(&first, "c").await;
    for name in ["a", "b"] {
        f.remove(&first, name).await;
    }
    f.delete(&first).await;
    let second = f.create(f.samples.again(&first)).await;
    (first, second, object)
}

/// Nothing of the earlier creation can be seen or stands in the way.
pub async fn a_recreated_bucket_starts_empty(f: MetadataFixture) {
    let (_, bucket, _) = recreated(&f).await;
    for name in ["a", "b", "c"] {
        assert_eq!(f.object(&bucket, name).await, None);
    }
    assert_eq!(
        f.store
            .scan_objects(&bucket, &KeyRange::default(), 10)
            .await
            .unwrap()
            .items,
        []
    );
    assert_eq!(
        f.store
            .scan_records(&bucket, &KeyRange::default(), 10)
            .await
            .unwrap()
            .items,
        []
    );
    assert_eq!(
        f.store
            .scan_uploads(&bucket, &UploadRange::default(), 10)
            .await
            .unwrap()
            .items,
        []
    );
    let record = f.samples.record(&bucket, "a");
    let put = Edit::put(&bucket, &record, only_if(&WriteCondition::IfAbsent));
    assert_eq!(f.edit(&put).await, applied(None));
    assert_eq!(f.remove(&bucket, "a").await, Some(record));
    f.delete(&bucket).await;
}

/// Whoever read one finds no row, and whoever expects no row finds none: also where the earlier creation was written
/// into while it went.
pub async fn rows_of_an_earlier_creation_count_as_none(f: MetadataFixture) {
    let (_, bucket, read) = recreated(&f).await;
    assert_swapped_as_none(&f, &bucket, &read).await;
    for _ in 0..ROUNDS / 4 {
        let first = f.bucket().await;
        let records = [(); 4].map(|()| f.samples.record(&first, "a"));
        let commits = records
            .iter()
            .map(|record| f.editing(&Edit::put(&first, record, ANY)));
        let (_, deleted) = race_two(race(commits.collect()), deletion(&f, &first)).await;
        if deleted == DeleteBucketOutcome::Deleted {
            let second = f.create(f.samples.again(&first)).await;
            assert_swapped_as_none(&f, &second, &records[0]).await;
        }
    }
}

/// Swaps an empty key of a bucket from the row of an earlier creation, and from none.
async fn assert_swapped_as_none(f: &MetadataFixture, bucket: &Bucket, read: &ObjectRecord) {
    let record = f.samples.record(bucket, "a");
    for edit in [
        Edit::put(bucket, &record, row(read)),
        Edit::remove(bucket, &record.key, row(read)),
    ] {
        assert_eq!(f.edit(&edit).await, refused(None), "{edit:?}");
    }
    let put = Edit::put(bucket, &record, NO_ROW);
    assert_eq!(f.edit(&put).await, applied(None));
    assert_eq!(f.object(bucket, "a").await, Some(record));
}

/// Scans on behalf of a bucket that is gone are empty.
pub async fn an_earlier_creation_sees_nothing_of_the_later_one(f: MetadataFixture) {
    let (first, second, _) = recreated(&f).await;
    f.put(&second, "a").await;
    f.begin(&second, "c").await;
    assert_eq!(
        f.store
            .scan_objects(&first, &KeyRange::default(), 10)
            .await
            .unwrap()
            .items,
        []
    );
    assert_eq!(
        f.store
            .scan_records(&first, &KeyRange::default(), 10)
            .await
            .unwrap()
            .items,
        []
    );
    assert_eq!(
        f.store
            .scan_uploads(&first, &UploadRange::default(), 10)
            .await
            .unwrap()
            .items,
        []
    );
}

/// Every way of changing something, with a bucket that is gone.
pub async fn an_earlier_creation_changes_nothing_of_the_later_one(f: MetadataFixture) {
    let (first, second, _) = recreated(&f).await;
    let theirs = f.put(&second, "a").await;
    let mine = f.samples.record(&first, "a");
    let retired = f.samples.id(CommitId::from_bytes);
    let read = ObjectRecord {
        bucket: first.id,
        ..theirs.clone()
    };
    for expect in [
        ANY,
        retiring(retired),
        retiring(theirs.commit_id),
        row(&theirs),
        NO_ROW,
    ] {
        let put = Edit::put(&first, &mine, expect);
        assert_eq!(f.edit(&put).await, EditOutcome::NoSuchBucket, "{expect:?}");
    }
    let elsewhere = f.samples.record(&first, "b");
    let rename = Edit::put(&first, &elsewhere, ANY).moving(&read);
    assert_eq!(f.edit(&rename).await, EditOutcome::NoSuchBucket);
    for (expect, expected) in [
        (ANY, applied(None)),
        (NO_ROW, applied(None)),
        (only_if(&WriteCondition::IfPresent), refused(None)),
        (row(&theirs), refused(None)),
    ] {
        let removal = Edit::remove(&first, &mine.key, expect);
        assert_eq!(f.edit(&removal).await, expected, "{expect:?}");
    }
    assert_eq!(f.mark(&first, &read).await, refused(None));
    assert!(
        !f.store
            .begin_upload(&f.samples.upload(&first, "a"))
            .await
            .unwrap()
    );
    let update = Bucket {
        revision: Revision(2),
        ..first.clone()
    };
    assert!(!f.store.update_bucket(&update, second.revision).await.unwrap());
    let lookup = f.store.lookup(&second.name, &theirs.key).await.unwrap();
    assert_eq!((lookup.bucket, lookup.object), (Some(second), Some(theirs)));
}
