//! Edits of versions whose answer is lost: the gateway repeats them by itself, and is refused for what they wrote.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_azure::cosmos::CosmosMetadata;
use bleepstore_core::model::{Bucket, CommitId, ObjectRecord, Timestamp, VersionName, Versioning};
use bleepstore_core::ports::{
    ChangedVersions, Clock, Edit, EditOutcome, MetadataStore, ObjectIndex, VersionIndex, VersionRange,
};
use bleepstore_tests::emulators::CosmosEmulator;
use bleepstore_tests::emulators::cosmos::{Answer, Fault};
use bleepstore_tests::metadata_conformance::MetadataFixture;
use bleepstore_tests::metadata_conformance::edits::ANY;
use bleepstore_tests::samples::{NOW, key};

use futures_util::future::BoxFuture;

use super::cosmos::{own_metadata, store};

const THROTTLED: Fault = Fault::Before(Answer::Status(429, 3200, Some(1)));

/// A clock whose first wait lasts until something else is done.
#[derive(Default)]
struct Interrupted(Mutex<Option<BoxFuture<'static, ()>>>);

#[async_trait]
impl Clock for Interrupted {
    fn now(&self) -> Timestamp {
        NOW
    }

    async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let meanwhile = self.0.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
    }
}

/// A bucket that keeps versions, in a store whose calls can be refused.
struct Kept {
    emulator: Arc<CosmosEmulator>,
    f: MetadataFixture,
    clock: Arc<Interrupted>,
    store: Arc<CosmosMetadata>,
    bucket: Bucket,
}

impl Kept {
    async fn new() -> Self {
        let (emulator, f) = own_metadata().await;
        let clock = Arc::new(Interrupted::default());
        let store = store(&emulator, clock.clone()).await;
        let mut bucket = f.samples.bucket();
        bucket.set_versioning(Versioning::Enabled);
        let bucket = f.create(bucket).await;
        Self {
            emulator,
            f,
            clock,
            store,
            bucket,
        }
    }

    fn record(&self) -> ObjectRecord {
        self.f.samples.record(&self.bucket, "a")
    }

    /// Answers the `nth` call of that name so, counted from 0. Returns what tells whether it did.
    fn fail(&self, name: &'static str, nth: usize, fault: Fault) -> Arc<AtomicBool> {
        let failed = Arc::new(AtomicBool::new(false));
        let (tells, mut calls) = (failed.clone(), 0);
        self.emulator.fail(move |call| {
            let hit = call.name == name && calls == nth;
            calls += usize::from(call.name == name);
            tells.fetch_or(hit, Ordering::Relaxed);
            hit.then_some(fault)
        });
        failed
    }

    /// The next batch takes effect and is refused, as where the gateway has repeated it.
    fn refuse(&self) -> Arc<AtomicBool> {
        self.fail("batch", 0, Fault::After(Answer::NotApplied(412, 0)))
    }

    /// As above, and the first read after it has to wait.
    fn refuse_and_wait(&self) -> Arc<AtomicBool> {
        let waited = Arc::new(AtomicBool::new(false));
        let (tells, mut refused) = (waited.clone(), false);
        self.emulator.fail(move |call| match call.name {
            "batch" if !refused => {
                refused = true;
                Some(Fault::After(Answer::NotApplied(412, 0)))
            }
            "read" if refused && !tells.swap(true, Ordering::Relaxed) => Some(THROTTLED),
            _ => None,
        });
        waited
    }

    /// What another process does in the first wait.
    fn meanwhile(&self, done: impl Future<Output = ()> + Send + 'static) {
        *self.clock.0.lock().unwrap() = Some(Box::pin(done));
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
            .key_versions(VersionRange::newest(&self.bucket, &key("a"), 100))
            .await
            .unwrap();
        let rows = found.head.into_iter().chain(found.versions);
        rows.map(|row| row.commit_id).collect()
    }
}

async fn put(store: &dyn MetadataStore, bucket: &Bucket, record: &ObjectRecord) {
    let edit = Edit {
        keeps: Some(Versioning::Enabled),
        ..Edit::put(bucket, record, ANY)
    };
    let outcome = store.edit(&edit).await.unwrap();
    assert!(
        matches!(outcome, EditOutcome::AppliedToVersions(_)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_version_that_is_refused_for_its_own_rows_is_made_once() {
    let kept = Kept::new().await;
    let (first, second) = (kept.record(), kept.record());
    kept.put(&first).await;
    let refused = kept.refuse();
    let written = kept.put(&second).await;
    assert!(refused.load(Ordering::Relaxed));
    assert_eq!(kept.commits().await, [second.commit_id, first.commit_id]);
    let found = kept
        .store
        .lookup_version(&kept.bucket.name, &key("a"), written.version_name())
        .await;
    assert_eq!(found.unwrap().object.unwrap().commit_id, second.commit_id);
}

/// Others have been put over it before it is looked for.
#[tokio::test]
async fn a_version_that_is_refused_and_not_current_any_more_is_made_once() {
    let kept = Kept::new().await;
    let (first, second) = (kept.record(), kept.record());
    let over: Vec<ObjectRecord> = (0..20).map(|_| kept.record()).collect();
    kept.put(&first).await;
    let (store, bucket, others) = (kept.f.store.clone(), kept.bucket.clone(), over.clone());
    kept.meanwhile(async move {
        for record in &others {
            put(store.as_ref(), &bucket, record).await;
        }
    });
    let waited = kept.refuse_and_wait();
    kept.put(&second).await;
    assert!(waited.load(Ordering::Relaxed));
    let all = over.iter().rev().chain([&second, &first]);
    let all: Vec<CommitId> = all.map(|record| record.commit_id).collect();
    assert_eq!(kept.commits().await, all);
}

#[tokio::test]
async fn a_removal_that_is_refused_for_its_own_rows_takes_no_other_version() {
    let kept = Kept::new().await;
    let (first, second) = (kept.record(), kept.record());
    kept.put(&first).await;
    let names = [kept.put(&second).await.version_name()];
    // What moves to the place of the current one.
    let retired = [first.commit_id];
    let refused = kept.refuse();
    let path = key("a");
    let changed = kept
        .changed(&Edit::remove_versions(&kept.bucket, &path, &names, &retired))
        .await;
    assert!(refused.load(Ordering::Relaxed));
    // Which rows went is not known any more: nobody frees what they named.
    assert_eq!(changed.gone, []);
    assert_eq!(kept.commits().await, [first.commit_id]);
}

/// It is not current when the head is read, and is when it is looked for among the others.
#[tokio::test]
async fn a_removal_finds_a_version_that_becomes_current_meanwhile() {
    let kept = Kept::new().await;
    let records: Vec<ObjectRecord> = (0..4).map(|_| kept.record()).collect();
    let mut names = Vec::new();
    for record in &records {
        names.push(kept.put(record).await.version_name());
    }
    let (store, bucket) = (kept.f.store.clone(), kept.bucket.clone());
    let newest: Vec<VersionName> = names[2..].to_vec();
    let retired: Vec<CommitId> = records.iter().map(|record| record.commit_id).collect();
    let all_retired = retired.clone();
    kept.meanwhile(async move {
        let path = key("a");
        let edit = Edit::remove_versions(&bucket, &path, &newest, &all_retired);
        let outcome = store.edit(&edit).await.unwrap();
        assert!(
            matches!(outcome, EditOutcome::AppliedToVersions(_)),
            "{outcome:?}"
        );
    });
    let failed = kept.fail("read", 1, THROTTLED);
    let path = key("a");
    let changed = kept
        .changed(&Edit::remove_versions(
            &kept.bucket,
            &path,
            &names[1..2],
            &retired,
        ))
        .await;
    assert!(failed.load(Ordering::Relaxed));
    assert_eq!(changed.gone.len(), 1);
    assert_eq!(kept.commits().await, [records[0].commit_id]);
}
