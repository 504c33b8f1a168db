//! Versions of a key.

use std::collections::BTreeSet;

use bleepstore_core::model::{
    Bucket, CommitId, ObjectKind, ObjectRecord, Sequence, Timestamp, VersionName, Versioning, WriteCondition,
};
use bleepstore_core::ports::{ChangedVersions, Edit, EditOutcome, VersionRange};
use futures_util::future::join_all;

use super::MetadataFixture;
use super::edits::{ANY, only_if, row, shared, without_body};
use crate::samples::key;

pub(super) const KEY: &str = "a/key";

/// A bucket that keeps versions.
pub(super) async fn keeping(f: &MetadataFixture) -> Bucket {
    let mut bucket = f.samples.bucket();
    bucket.set_versioning(Versioning::Enabled);
    f.create(bucket).await
}

pub(super) fn put<'a>(
    bucket: &'a Bucket,
    record: &'a ObjectRecord,
    keeps: Versioning,
    retired: &'a [CommitId],
) -> Edit<'a> {
    Edit {
        keeps: Some(keeps),
        retired,
        ..Edit::put(bucket, record, ANY)
    }
}

/// An object whose body lies in its record, where the store takes any.
pub(super) fn small(f: &MetadataFixture, bucket: &Bucket) -> ObjectRecord {
    match f.store.inline_limit() {
        0 => f.samples.record(bucket, KEY),
        _ => f.samples.inline(bucket, KEY, "x"),
    }
}

pub(super) async fn changed(f: &MetadataFixture, edit: &Edit<'_>) -> ChangedVersions {
    match f.store.edit(edit).await.unwrap() {
        EditOutcome::AppliedToVersions(changed) => *changed,
        other => panic!("{other:?}"),
    }
}

/// Puts a version and returns it as it was written.
pub(super) async fn write(
    f: &MetadataFixture,
    bucket: &Bucket,
    record: &ObjectRecord,
    keeps: Versioning,
) -> ObjectRecord {
    changed(f, &put(bucket, record, keeps, &[]))
        .await
        .written
        .unwrap()
}

pub(super) async fn kept(f: &MetadataFixture, bucket: &Bucket) -> ObjectRecord {
    write(f, bucket, &f.samples.record(bucket, KEY), Versioning::Enabled).await
}

/// Removes versions, and retires what has to be.
pub(super) async fn remove(f: &MetadataFixture, bucket: &Bucket, names: &[VersionName]) -> Vec<ObjectRecord> {
    let (mut retired, path) = (Vec::new(), key(KEY));
    loop {
        let edit = Edit::remove_versions(bucket, &path, names, &retired);
        let outcome = f.store.edit(&edit).await.unwrap();
        match outcome {
            EditOutcome::AppliedToVersions(changed) => return changed.gone,
            EditOutcome::Unretired { rows } => retired.extend(rows.iter().map(|row| row.commit_id)),
            other => panic!("{other:?}"),
        }
    }
}

/// All that is under the key, newest first, once it is found to be consistent.
pub(super) async fn all(f: &MetadataFixture, bucket: &Bucket) -> Vec<ObjectRecord> {
    let found = f
        .store
        .key_versions(VersionRange::newest(bucket, &key(KEY), 1_000))
        .await
        .unwrap();
    assert!(!found.more);
    let Some(head) = found.head else {
        assert_eq!(found.versions, []);
        return Vec::new();
    };
    let says = head.as_version();
    assert_eq!(
        says.newest,
        found.versions.first().map(ObjectRecord::sequence),
        "the newest is named"
    );
    let null = found
        .versions
        .iter()
        .find(|row| row.version_name() == VersionName::Null);
    assert_eq!(
        says.null,
        null.map(ObjectRecord::sequence),
        "the null version is named"
    );
    let rows: Vec<ObjectRecord> = [head].into_iter().chain(found.versions).collect();
    assert!(rows.is_sorted_by(|newer, older| newer.sequence() > older.sequence()));
    let names: BTreeSet<String> = rows.iter().map(|row| row.version_name().to_string()).collect();
    assert_eq!(names.len(), rows.len(), "each name is there once");
    for expected in &rows {
        let name = expected.version_name();
        let found = f
            .store
            .lookup_version(&bucket.name, &key(KEY), name)
            .await
            .unwrap();
        assert_eq!(
            without_body(found.object.unwrap()),
            without_body(expected.clone())
        );
    }
    rows
}

pub(super) fn commits(rows: &[ObjectRecord]) -> Vec<CommitId> {
    rows.iter().map(|row| row.commit_id).collect()
}

/// Objects, delete markers and what was there before, each whole and found by its name.
pub async fn a_put_that_keeps_versions_leaves_what_it_displaces(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let before = small(&f, &bucket);
    f.commit(&bucket, &before).await;
    let inline = small(&f, &bucket);
    let one = write(&f, &bucket, &inline, Versioning::Enabled).await;
    let two = kept(&f, &bucket).await;
    let marker = write(&f, &bucket, &f.samples.marker(&bucket, KEY), Versioning::Enabled).await;
    let rows = all(&f, &bucket).await;
    assert_eq!(
        commits(&rows),
        commits(&[marker.clone(), two, one.clone(), before.clone()])
    );
    assert_eq!(rows[0].kind, ObjectKind::DeleteMarker);
    assert_eq!(rows[3].version_name(), VersionName::Null);
    // Bodies and all else come back.
    let found = f
        .store
        .lookup_version(&bucket.name, &key(KEY), one.version_name())
        .await
        .unwrap();
    let found = found.object.unwrap();
    let wanted = ObjectRecord {
        version: found.version,
        ..inline
    };
    assert_eq!(found, wanted);
    let found = f
        .store
        .lookup_version(&bucket.name, &key(KEY), VersionName::Null)
        .await
        .unwrap();
    assert_eq!(found.object.unwrap().manifest, before.manifest);
    assert_eq!(f.object(&bucket, KEY).await, Some(marker));
}

/// There is never more than one, and no other version goes.
pub async fn a_put_while_suspended_replaces_the_null_version_wherever_it_is(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    f.commit(&bucket, &f.samples.record(&bucket, KEY)).await;
    let one = kept(&f, &bucket).await;
    let null = small(&f, &bucket);
    let edit = put(&bucket, &null, Versioning::Suspended, &[]);
    let first = changed(&f, &edit).await;
    assert_eq!(first.gone.len(), 1, "the one from before goes");
    assert_eq!(
        commits(&all(&f, &bucket).await),
        commits(&[null.clone(), one.clone()])
    );
    let again = f.samples.record(&bucket, KEY);
    let second = changed(&f, &put(&bucket, &again, Versioning::Suspended, &[])).await;
    assert_eq!(commits(&second.gone), [null.commit_id]);
    assert_eq!(
        commits(&all(&f, &bucket).await),
        commits(&[again.clone(), one.clone()])
    );
    let two = kept(&f, &bucket).await;
    let last = f.samples.marker(&bucket, KEY);
    let third = changed(&f, &put(&bucket, &last, Versioning::Suspended, &[])).await;
    assert_eq!(commits(&third.gone), [again.commit_id]);
    assert_eq!(commits(&all(&f, &bucket).await), commits(&[last, two, one]));
}

/// A write that began before the bucket kept versions changes nothing of them.
pub async fn an_edit_that_keeps_no_versions_displaces_none(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let current = kept(&f, &bucket).await;
    let plain = f.samples.record(&bucket, KEY);
    for edit in [
        Edit::put(&bucket, &plain, ANY),
        Edit::put(&bucket, &plain, row(&current)),
        Edit::remove(&bucket, &plain.key, ANY),
    ] {
        let outcome = f.store.edit(&edit).await.unwrap();
        assert!(
            matches!(&outcome, EditOutcome::Kept { head } if head.commit_id == current.commit_id),
            "{outcome:?}"
        );
    }
    // It may say something else of that very version.
    let rewritten = ObjectRecord {
        commit_id: f.samples.id(CommitId::from_bytes),
        ..current.clone()
    };
    let outcome = f
        .store
        .edit(&Edit::put(&bucket, &rewritten, row(&current)))
        .await
        .unwrap();
    assert!(matches!(outcome, EditOutcome::Applied { .. }), "{outcome:?}");
    assert_eq!(commits(&all(&f, &bucket).await), [rewritten.commit_id]);
    // A row from before is displaced by one from before.
    let other = f.bucket().await;
    let old = f.put(&other, KEY).await;
    assert_eq!(
        f.commit(&other, &plain_of(&f, &other)).await,
        Some(without_body(old))
    );
}

fn plain_of(f: &MetadataFixture, bucket: &Bucket) -> ObjectRecord {
    f.samples.record(bucket, KEY)
}

/// A delete marker counts as nothing.
pub async fn conditions_of_puts_that_keep_versions_are_of_what_is_current(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let conditional = async |condition: &WriteCondition| {
        let record = f.samples.record(&bucket, KEY);
        let edit = Edit {
            expect: only_if(condition),
            ..put(&bucket, &record, Versioning::Enabled, &[])
        };
        f.store.edit(&edit).await.unwrap()
    };
    let made = |outcome: EditOutcome| matches!(outcome, EditOutcome::AppliedToVersions(_));
    assert!(!made(conditional(&WriteCondition::IfPresent).await));
    assert!(made(conditional(&WriteCondition::IfAbsent).await));
    assert!(!made(conditional(&WriteCondition::IfAbsent).await));
    assert!(made(conditional(&WriteCondition::IfPresent).await));
    write(&f, &bucket, &f.samples.marker(&bucket, KEY), Versioning::Enabled).await;
    assert!(!made(conditional(&WriteCondition::IfPresent).await));
    assert!(made(conditional(&WriteCondition::IfAbsent).await));
    assert_eq!(all(&f, &bucket).await.len(), 4);
}

/// Removals of the current version and of others, one and several at once, down to the last.
pub async fn what_is_left_of_removed_versions_is_current_and_named(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    f.commit(&bucket, &small(&f, &bucket)).await;
    let mut written = Vec::new();
    for _ in 0..6 {
        let record = small(&f, &bucket);
        written.push(write(&f, &bucket, &record, Versioning::Enabled).await);
    }
    let name = |at: usize| written[at].version_name();
    let mut left: Vec<CommitId> = commits(&all(&f, &bucket).await);
    // One in the middle, the newest that is not current, the current one with others, null, and one that is gone.
    for names in [
        vec![name(2)],
        vec![name(4)],
        vec![name(5), name(1)],
        vec![VersionName::Null, name(2)],
    ] {
        let gone = commits(&remove(&f, &bucket, &names).await);
        assert!(!gone.is_empty());
        left.retain(|commit| !gone.contains(commit));
        assert_eq!(commits(&all(&f, &bucket).await), left, "{names:?}");
    }
    assert_eq!(remove(&f, &bucket, &[name(2)]).await, []);
    remove(&f, &bucket, &[name(0), name(3)]).await;
    assert_eq!(all(&f, &bucket).await, []);
    assert_eq!(f.object(&bucket, KEY).await, None);
    f.delete(&bucket).await;
}

/// A garbage collection that reads all rows in their order may meet such a row nowhere.
pub async fn what_goes_or_moves_must_be_retired_where_others_may_name_it(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let one = kept(&f, &bucket).await;
    let two = kept(&f, &bucket).await;
    let head = f.object(&bucket, KEY).await.unwrap();
    let outcome = f
        .store
        .edit(&Edit::put(&bucket, &shared(&head), row(&head)))
        .await
        .unwrap();
    assert!(matches!(outcome, EditOutcome::Applied { .. }), "{outcome:?}");
    let removed = async |retired: &[CommitId]| {
        let names = [two.version_name()];
        let path = key(KEY);
        f.store
            .edit(&Edit::remove_versions(&bucket, &path, &names, retired))
            .await
            .unwrap()
    };
    // The shared one goes, and the other moves.
    let EditOutcome::Unretired { rows } = removed(&[]).await else {
        panic!("both must be retired");
    };
    assert_eq!(
        BTreeSet::from_iter(commits(&rows)),
        BTreeSet::from([one.commit_id, two.commit_id])
    );
    assert!(matches!(
        removed(&[one.commit_id]).await,
        EditOutcome::Unretired { .. }
    ));
    assert!(matches!(
        removed(&[two.commit_id]).await,
        EditOutcome::Unretired { .. }
    ));
    let both = removed(&[one.commit_id, two.commit_id]).await;
    assert!(matches!(both, EditOutcome::AppliedToVersions(_)), "{both:?}");
    assert_eq!(commits(&all(&f, &bucket).await), [one.commit_id]);
}

/// Their order is that of the commits.
pub async fn clocks_that_disagree_do_not_reorder_versions(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let mut written = Vec::new();
    for millis in [5_000, 1_000, 1_000, 9_000, 2] {
        let record = ObjectRecord {
            last_modified: Timestamp::from_millis(millis),
            ..f.samples.record(&bucket, KEY)
        };
        written.push(write(&f, &bucket, &record, Versioning::Enabled).await);
    }
    assert!(written.is_sorted_by(|one, next| one.sequence() < next.sequence()));
    assert_eq!(written[0].sequence(), Sequence(5_000_000));
    assert_eq!(written[3].sequence(), Sequence(9_000_000));
    let newest_first: Vec<CommitId> = commits(&written).into_iter().rev().collect();
    assert_eq!(commits(&all(&f, &bucket).await), newest_first);
}

/// They expect nothing, so none is refused.
pub async fn racing_puts_that_keep_versions_all_succeed(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let records: Vec<ObjectRecord> = (0..64).map(|_| f.samples.record(&bucket, KEY)).collect();
    let puts = records
        .iter()
        .map(|record| f.editing(&put(&bucket, record, Versioning::Enabled, &[])));
    for outcome in join_all(puts.map(tokio::spawn)).await {
        assert!(matches!(outcome.unwrap(), EditOutcome::AppliedToVersions(_)));
    }
    let found: BTreeSet<CommitId> = commits(&all(&f, &bucket).await).into_iter().collect();
    assert_eq!(found, commits(&records).into_iter().collect());
}

/// The condition is decided in the step of the commit.
pub async fn of_racing_puts_of_what_is_absent_one_keeps_a_version(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let records: Vec<ObjectRecord> = (0..64).map(|_| f.samples.record(&bucket, KEY)).collect();
    let puts = records.iter().map(|record| {
        let edit = Edit {
            expect: only_if(&WriteCondition::IfAbsent),
            ..put(&bucket, record, Versioning::Enabled, &[])
        };
        f.editing(&edit)
    });
    let outcomes = join_all(puts.map(tokio::spawn)).await;
    let made = outcomes
        .into_iter()
        .filter(|outcome| matches!(outcome.as_ref().unwrap(), EditOutcome::AppliedToVersions(_)));
    assert_eq!(made.count(), 1);
    assert_eq!(all(&f, &bucket).await.len(), 1);
}

/// Versions are put, removed and replaced at once: what was acknowledged is there, and nothing else.
pub async fn racing_changes_of_versions_lose_none_and_bring_none_back(f: MetadataFixture) {
    let bucket = keeping(&f).await;
    let mut first = Vec::new();
    for _ in 0..16 {
        first.push(kept(&f, &bucket).await);
    }
    let retired = commits(&first);
    let names: Vec<VersionName> = first.iter().map(ObjectRecord::version_name).collect();
    let path = key(KEY);
    let removals = names
        .chunks(2)
        .map(|names| f.editing(&Edit::remove_versions(&bucket, &path, names, &retired)));
    let records: Vec<ObjectRecord> = (0..16).map(|_| f.samples.record(&bucket, KEY)).collect();
    let nulls: Vec<ObjectRecord> = (0..4).map(|_| f.samples.record(&bucket, KEY)).collect();
    let puts = records
        .iter()
        .map(|record| f.editing(&put(&bucket, record, Versioning::Enabled, &[])));
    let replaced = nulls
        .iter()
        .map(|record| f.editing(&put(&bucket, record, Versioning::Suspended, &[])));
    let tasks: Vec<_> = removals
        .map(tokio::spawn)
        .chain(puts.map(tokio::spawn))
        .chain(replaced.map(tokio::spawn))
        .collect();
    let mut waiting = 0;
    for outcome in join_all(tasks).await {
        match outcome.unwrap() {
            EditOutcome::AppliedToVersions(_) => {}
            // What would have become current was one that is not retired here.
            EditOutcome::Unretired { .. } => waiting += 1,
            other => panic!("{other:?}"),
        }
    }
    let found = all(&f, &bucket).await;
    let written: BTreeSet<CommitId> = commits(&records).into_iter().collect();
    let there: BTreeSet<CommitId> = commits(&found).into_iter().collect();
    assert!(written.is_subset(&there));
    let null = found.iter().filter(|row| row.version_name() == VersionName::Null);
    assert_eq!(null.count(), 1);
    assert_eq!(found.len(), 16 + 1 + waiting * 2);
}
