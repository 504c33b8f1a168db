//! Rows of versions: what is said of one, in what order they are put, and how they are read.

use std::collections::BTreeSet;

use bleepstore_core::model::{Bucket, CommitId, ObjectRecord, Sequence, Version, Versioning};
use bleepstore_core::ports::{Edit, EditOutcome, VersionRange};

use super::MetadataFixture;
use super::edits::{ANY, NO_ROW};
use super::versions::{KEY, all, changed, commits, keeping, kept, put, remove, small, write};
use crate::samples::key;

/// Under its own tag alone.
pub async fn what_is_said_of_a_version_changes_where_it_is(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let one = kept(&f, &bucket).await;
    kept(&f, &bucket).await;
    let read = all(&f, &bucket).await[1].clone();
    assert_eq!(read.commit_id, one.commit_id);
    let changed_facts = ObjectRecord {
        commit_id: f.samples.id(CommitId::from_bytes),
        shared: true,
        ..read.clone()
    };
    let edit = Edit::put_version(&bucket, &changed_facts, Some(read.tag()));
    assert_eq!(changed(&f, &edit).await.gone, []);
    assert_eq!(all(&f, &bucket).await[1], changed_facts);
    // Not over what it is no longer, and not where there is none.
    let refused = f.store.edit(&edit).await.unwrap();
    assert!(
        matches!(refused, EditOutcome::Refused { head: Some(_) }),
        "{refused:?}"
    );
    remove(&f, &bucket, &[read.version_name()]).await;
    let edit = Edit::put_version(&bucket, &changed_facts, Some(changed_facts.tag()));
    let refused = f.store.edit(&edit).await.unwrap();
    assert!(
        matches!(refused, EditOutcome::Refused { head: None }),
        "{refused:?}"
    );
    assert_eq!(all(&f, &bucket).await.len(), 1);
}

/// A copy marks its source so, where that was written over meanwhile: in a bucket without versions too.
pub async fn where_no_version_was_kept_none_is_written_over(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let (read, over) = (f.put(&bucket, KEY).await, f.samples.record(&bucket, KEY));
    f.editing(&Edit::put(&bucket, &over, ANY)).await;
    let marked = ObjectRecord {
        shared: true,
        ..read.clone()
    };
    let edit = Edit::put_version(&bucket, &marked, Some(read.tag()));
    let refused = f.store.edit(&edit).await.unwrap();
    assert!(
        matches!(refused, EditOutcome::Refused { head: None }),
        "{refused:?}"
    );
}

/// What an import does.
pub async fn versions_are_put_beside_a_current_one_in_any_order(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let of = |sequence: u64, id: bool| {
        let record = small(&f, &bucket);
        let id = id.then(|| bleepstore_core::model::VersionId::new(Sequence(sequence), record.commit_id));
        ObjectRecord {
            version: Some(Version::alone(id, Sequence(sequence))),
            ..record
        }
    };
    let (head, versions) = (of(90, true), [of(20, true), of(50, false), of(30, true)]);
    let early = f
        .store
        .edit(&Edit::put_version(&bucket, &versions[0], None))
        .await
        .unwrap();
    assert!(matches!(early, EditOutcome::Refused { head: None }), "{early:?}");
    let outcome = f.store.edit(&Edit::put(&bucket, &head, NO_ROW)).await.unwrap();
    assert!(matches!(outcome, EditOutcome::Applied { .. }), "{outcome:?}");
    for version in &versions {
        changed(&f, &Edit::put_version(&bucket, version, None)).await;
        let again = f
            .store
            .edit(&Edit::put_version(&bucket, version, None))
            .await
            .unwrap();
        assert!(
            matches!(again, EditOutcome::Refused { head: Some(_) }),
            "{again:?}"
        );
    }
    // None is newer than what is current.
    for place in [90, 91] {
        let newer = of(place, true);
        let edit = Edit::put_version(&bucket, &newer, None);
        let refused = f.store.edit(&edit).await.unwrap();
        assert!(
            matches!(refused, EditOutcome::Refused { head: Some(_) }),
            "{refused:?}"
        );
    }
    let sequences: Vec<u64> = all(&f, &bucket)
        .await
        .iter()
        .map(|row| row.sequence().0)
        .collect();
    assert_eq!(sequences, [90, 50, 30, 20]);
}

/// In pages of any size, and not those that are current.
pub async fn a_scan_of_versions_meets_each_once(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let mut wanted = BTreeSet::new();
    for name in ["a", "a/b", "b", "é"] {
        for _ in 0..5 {
            let record = f.samples.record(&bucket, name);
            wanted.insert(write(&f, &bucket, &record, Versioning::Enabled).await.commit_id);
        }
        wanted.remove(&f.object(&bucket, name).await.unwrap().commit_id);
    }
    for limit in [1, 3, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = f
                .store
                .scan_versions(&bucket, after.as_deref(), limit)
                .await
                .unwrap();
            assert!(page.items.len() <= limit);
            found.extend(commits(&page.items));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), wanted.len(), "{limit}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), wanted);
    }
    let other = f.bucket().await;
    assert_eq!(f.store.scan_versions(&other, None, 10).await.unwrap().items, []);
}

/// Each page with the row that is current, or without.
pub async fn the_versions_of_a_key_come_in_pages(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let mut written = Vec::new();
    for _ in 0..7 {
        written.push(kept(&f, &bucket).await.commit_id);
    }
    written.reverse();
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let key = key(KEY);
        let range = VersionRange {
            before,
            ..VersionRange::newest(&bucket, &key, 2)
        };
        let page = f.store.key_versions(range).await.unwrap();
        assert_eq!(page.head.unwrap().commit_id, written[0]);
        let alone = f.store.versions_below(range).await;
        assert_eq!(alone.unwrap(), (page.versions.clone(), page.more));
        found.extend(commits(&page.versions));
        before = page.versions.last().map(ObjectRecord::sequence);
        if !page.more {
            break;
        }
    }
    assert_eq!(found, written[1..]);
}

/// So that a replay can name it.
pub async fn an_upload_becomes_a_version_that_its_receipt_names(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let before = kept(&f, &bucket).await;
    let upload = f.begin(&bucket, KEY).await;
    let record = f.samples.record(&bucket, KEY);
    let receipt = f.samples.completed(&upload, &record);
    let edit = put(&bucket, &record, Versioning::Enabled, &[]).closing(&receipt);
    let written = changed(&f, &edit).await.written.unwrap();
    assert_eq!(
        commits(&all(&f, &bucket).await),
        [record.commit_id, before.commit_id]
    );
    let found = f
        .store
        .receipt(&bucket, &key(KEY), upload.id, record.last_modified)
        .await
        .unwrap();
    let bleepstore_core::model::ReceiptOutcome::Completed { version, .. } = found.unwrap().outcome else {
        panic!("it was completed");
    };
    assert_eq!(version, Some(written.version_name()));
    let again = f.store.edit(&edit).await.unwrap();
    assert!(matches!(again, EditOutcome::Closed(_)), "{again:?}");
}

/// They are neither found nor removed.
pub async fn versions_of_an_earlier_creation_count_as_none(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let (one, _) = (kept(&f, &bucket).await, kept(&f, &bucket).await);
    let later = Bucket {
        id: f.samples.bucket().id,
        ..bucket.clone()
    };
    let found = f
        .store
        .key_versions(VersionRange::newest(&later, &key(KEY), 10))
        .await
        .unwrap();
    assert_eq!((found.head, found.versions), (None, Vec::new()));
    assert_eq!(f.store.scan_versions(&later, None, 10).await.unwrap().items, []);
    let names = [one.version_name()];
    let path = key(KEY);
    let outcome = f
        .store
        .edit(&Edit::remove_versions(&later, &path, &names, &[]))
        .await
        .unwrap();
    let EditOutcome::AppliedToVersions(changed) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(changed.gone, []);
    assert_eq!(all(&f, &bucket).await.len(), 2);
}
