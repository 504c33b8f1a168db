//! Edits of versions whose answer is lost: the gateway repeats them by itself, and is refused for what they wrote.

use std::sync::Arc;

use bleepstore_azure::cosmos::CosmosMetadata;
use bleepstore_core::model::{Bucket, CommitId, ObjectRecord, VersionName, Versioning};
use bleepstore_core::ports::{ChangedVersions, Edit, EditOutcome, ObjectIndex};
use bleepstore_tests::clock::SkippingClock;
use bleepstore_tests::emulators::CosmosEmulator;
use bleepstore_tests::emulators::cosmos::{Answer, Fault};
use bleepstore_tests::metadata_conformance::MetadataFixture;
use bleepstore_tests::metadata_conformance::edits::ANY;
use bleepstore_tests::samples::{NOW, key};

use super::cosmos::{own_metadata, store};

/// A bucket that keeps versions, in a store whose batches can be refused.
struct Kept {
    emulator: Arc<CosmosEmulator>,
    f: MetadataFixture,
    store: Arc<CosmosMetadata>,
    bucket: Bucket,
}

impl Kept {
    async fn new() -> Self {
        let (emulator, f) = own_metadata().await;
        let store = store(&emulator, Arc::new(SkippingClock::at(NOW))).await;
        let mut bucket = f.samples.bucket();
        bucket.set_versioning(Versioning::Enabled);
        let bucket = f.create(bucket).await;
        Self {
            emulator,
            f,
            store,
            bucket,
        }
    }

    fn record(&self) -> ObjectRecord {
        self.f.samples.record(&self.bucket, "a")
    }

    /// The next batch is refused, with its effect or without.
    fn refuse(&self, fault: fn(Answer) -> Fault) {
        let mut refused = false;
        self.emulator.fail(move |call| {
            let first = call.name == "batch" && !refused;
            refused |= first;
            first.then(|| fault(Answer::NotApplied(412, 0)))
        });
    }

    async fn changed(&self, edit: &Edit<'_>) -> ChangedVersions {
        match self.store.edit(edit).await.unwrap() {
            EditOutcome::AppliedToVersions(changed) => *changed,
            other => panic!("{other:?}"),
        }
    }

    async fn put(&self, record: &ObjectRecord) -> ObjectRecord {
        let edit = Edit {
            keeps: Some(Versioning::Enabled),
            ..Edit::put(&self.bucket, record, ANY)
        };
        self.changed(&edit).await.written.unwrap()
    }

    /// The commits under the key, the newest first.
    async fn commits(&self) -> Vec<CommitId> {
        let found = self
            .store
            .key_versions(&self.bucket, &key("a"), None, 100)
            .await
            .unwrap();
        let rows = found.head.into_iter().chain(found.versions);
        rows.map(|row| row.commit_id).collect()
    }
}

#[tokio::test]
async fn a_version_that_is_refused_for_its_own_rows_is_made_once() {
    let kept = Kept::new().await;
    let (first, second) = (kept.record(), kept.record());
    kept.put(&first).await;
    kept.refuse(Fault::After);
    let written = kept.put(&second).await;
    assert_eq!(kept.commits().await, [second.commit_id, first.commit_id]);
    let found = kept
        .store
        .lookup_version(&kept.bucket.name, &key("a"), written.version_name())
        .await;
    assert_eq!(found.unwrap().object.unwrap().commit_id, second.commit_id);
}

/// What is refused is the second try of a version that has others over it by then.
#[tokio::test]
async fn a_version_that_is_refused_where_it_is_not_current_any_more_is_made_once() {
    let kept = Kept::new().await;
    let (first, second, third) = (kept.record(), kept.record(), kept.record());
    kept.put(&first).await;
    kept.put(&second).await;
    kept.put(&third).await;
    kept.refuse(Fault::Before);
    kept.put(&second).await;
    let all = [third, second, first].map(|record| record.commit_id);
    assert_eq!(kept.commits().await, all);
}

#[tokio::test]
async fn a_removal_that_is_refused_for_its_own_rows_takes_no_other_version() {
    let kept = Kept::new().await;
    let (first, second) = (kept.record(), kept.record());
    let names: Vec<VersionName> = vec![
        kept.put(&first).await.version_name(),
        kept.put(&second).await.version_name(),
    ];
    kept.refuse(Fault::After);
    let path = key("a");
    // What moves to the place of the current one is retired first.
    let retired = [first.commit_id, second.commit_id];
    kept.changed(&Edit::remove_versions(&kept.bucket, &path, &names[1..], &retired))
        .await;
    assert_eq!(kept.commits().await, [first.commit_id]);
}
