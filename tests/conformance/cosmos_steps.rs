//! Changes of several rows, cut off at every step: the process dies before or right after each of its calls, and
//! another one goes on with what is stored.

mod uploads;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bleepstore_azure::cosmos::CosmosMetadata;
use bleepstore_core::ports::{
    BucketIndex, BucketRange, CreateBucketOutcome, CredentialIndex, DeleteBucketOutcome, Edit, EditOutcome,
    ObjectIndex, StoreErrorKind, StoreResult,
};
use bleepstore_tests::clock::SkippingClock;
use bleepstore_tests::emulators::CosmosEmulator;
use bleepstore_tests::emulators::cosmos::{Answer, Fault};
use bleepstore_tests::metadata_conformance::MetadataFixture;
use bleepstore_tests::metadata_conformance::edits::{ANY, applied, row, shared};
use bleepstore_tests::samples::NOW;

use super::cosmos::{own_metadata, store};

/// More calls than any of the changes makes.
const CALLS: usize = 40;

/// A process that dies, and the fixture through whose store another one goes on.
struct Dying {
    emulator: Arc<CosmosEmulator>,
    f: MetadataFixture,
    store: Arc<CosmosMetadata>,
}

impl Dying {
    async fn new() -> Self {
        let (emulator, f) = own_metadata().await;
        let store = store(&emulator, Arc::new(SkippingClock::at(NOW))).await;
        Self { emulator, f, store }
    }

    /// Lets `calls` calls pass, the last one without its answer if `unanswered`, and none after them. Returns what
    /// tells whether one was kept back.
    fn die_after(&self, calls: usize, unanswered: bool) -> Arc<AtomicBool> {
        let died = Arc::new(AtomicBool::new(false));
        let (tells, mut left) = (Arc::clone(&died), calls);
        self.emulator.fail(move |_| {
            let fault = match left {
                0 => Some(Fault::Before(Answer::HangUp)),
                1 if unanswered => Some(Fault::After(Answer::HangUp)),
                _ => None,
            };
            left = left.saturating_sub(1);
            tells.fetch_or(fault.is_some(), Ordering::Relaxed);
            fault
        });
        died
    }

    /// Makes a change again and again, to what `prepare` makes afresh each time, and each time lets the process live a
    /// little longer, until it makes the change to its end. `check` sees what came of it.
    async fn at_every_step<S, T>(
        &self,
        prepare: impl AsyncFn(&MetadataFixture) -> S,
        change: impl AsyncFn(&CosmosMetadata, &S) -> StoreResult<T>,
        check: impl AsyncFn(&MetadataFixture, &S, Result<T, StoreErrorKind>),
    ) {
        for calls in 0..CALLS {
            let mut lived = false;
            for unanswered in [true, false] {
                let prepared = prepare(&self.f).await;
                let died = self.die_after(calls, unanswered);
                let outcome = change(&self.store, &prepared).await.map_err(|error| error.kind);
                self.emulator.recover();
                lived = !died.load(Ordering::Relaxed);
                check(&self.f, &prepared, outcome).await;
            }
            if lived {
                assert!(calls > 1, "the change is one of several steps");
                return;
            }
        }
        panic!("the change makes more calls than that");
    }
}

/// Whether a change that failed may have been applied.
fn perhaps<T>(outcome: &Result<T, StoreErrorKind>) -> bool {
    matches!(outcome, Err(StoreErrorKind::Timeout))
}

#[tokio::test]
async fn a_bucket_that_is_being_created_is_there_once_or_not() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| f.samples.bucket(),
            async |store, bucket| store.create_bucket(bucket).await,
            async |f, bucket, outcome| {
                let found = f.store.bucket(&bucket.name).await.unwrap();
                match &outcome {
                    Ok(created) => assert_eq!(*created, CreateBucketOutcome::Created),
                    Err(_) => assert!(found.is_none() || perhaps(&outcome), "{outcome:?}"),
                }
                let again = f.store.create_bucket(bucket).await.unwrap();
                let expected = found.map_or(CreateBucketOutcome::Created, CreateBucketOutcome::Exists);
                assert_eq!(again, expected);
                let name = bucket.name.as_str();
                let range = BucketRange {
                    prefix: name,
                    ..BucketRange::default()
                };
                let listed = f.store.scan_buckets(range, 10).await.unwrap();
                assert_eq!(listed.items, std::slice::from_ref(bucket));
                f.delete(bucket).await;
                let listed = f.store.scan_buckets(range, 10).await.unwrap();
                assert_eq!(listed.items, []);
            },
        )
        .await;
}

#[tokio::test]
async fn a_bucket_that_is_being_deleted_is_gone_or_takes_writes() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| {
                let bucket = f.bucket().await;
                let upload = f.begin(&bucket, "a").await;
                (bucket, upload, f.samples.token())
            },
            async |store, (bucket, _, token)| store.delete_bucket(&bucket.name, bucket.id, *token).await,
            async |f, (bucket, upload, _), outcome| {
                let there = f.store.bucket(&bucket.name).await.unwrap().is_some();
                match &outcome {
                    Ok(deleted) => assert_eq!((*deleted, there), (DeleteBucketOutcome::Deleted, false)),
                    Err(_) => assert!(there || perhaps(&outcome), "{outcome:?}"),
                }
                let record = f.samples.record(bucket, "a");
                let put = Edit::put(bucket, &record, ANY);
                let (expected, deleted) = if there {
                    (applied(None), DeleteBucketOutcome::NotEmpty)
                } else {
                    (EditOutcome::NoSuchBucket, DeleteBucketOutcome::NoSuchBucket)
                };
                assert_eq!(f.edit(&put).await, expected);
                let token = f.samples.token();
                let again = f.store.delete_bucket(&bucket.name, bucket.id, token).await;
                assert_eq!(again.unwrap(), deleted);
                let published = f.publish(bucket, upload, &f.samples.record(bucket, "a")).await;
                let gone = EditOutcome::NoSuchBucket;
                assert_eq!(published == gone, !there, "{published:?}");
            },
        )
        .await;
}

#[tokio::test]
async fn a_commit_is_there_or_not() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| {
                let bucket = f.bucket().await;
                let old = f.put(&bucket, "a").await;
                let new = f.samples.record(&bucket, "a");
                (bucket, old, new)
            },
            async |store, (bucket, _, new)| store.edit(&Edit::put(bucket, new, ANY)).await,
            async |f, (bucket, old, new), outcome| {
                let found = f.object(bucket, "a").await.unwrap();
                let is_new = found == *new;
                assert!(is_new || found == *old, "{found:?}");
                match &outcome {
                    Ok(edited) => assert_eq!((edited, is_new), (&applied(Some(old)), true)),
                    Err(_) => assert!(!is_new || perhaps(&outcome), "{outcome:?}"),
                }
            },
        )
        .await;
}

#[tokio::test]
async fn a_row_is_marked_or_removed_or_as_it_was() {
    let dying = Dying::new().await;
    let prepare = async |f: &MetadataFixture| {
        let bucket = f.bucket().await;
        let old = f.put(&bucket, "a").await;
        (bucket, old)
    };
    dying
        .at_every_step(
            prepare,
            async |store, (bucket, old)| store.edit(&Edit::put(bucket, &shared(old), row(old))).await,
            async |f, (bucket, old), outcome| {
                let found = f.object(bucket, "a").await.unwrap();
                let is_marked = found == shared(old);
                assert!(is_marked || found == *old, "{found:?}");
                match &outcome {
                    Ok(edited) => assert_eq!((edited, is_marked), (&applied(Some(old)), true)),
                    Err(_) => assert!(!is_marked || perhaps(&outcome), "{outcome:?}"),
                }
            },
        )
        .await;
    dying
        .at_every_step(
            prepare,
            async |store, (bucket, old)| store.edit(&Edit::remove(bucket, &old.key, row(old))).await,
            async |f, (bucket, old), outcome| {
                let found = f.object(bucket, "a").await;
                let is_gone = found.is_none();
                assert!(is_gone || found.as_ref() == Some(old), "{found:?}");
                match &outcome {
                    Ok(edited) => assert_eq!((edited, is_gone), (&applied(Some(old)), true)),
                    Err(_) => assert!(!is_gone || perhaps(&outcome), "{outcome:?}"),
                }
            },
        )
        .await;
}

#[tokio::test]
async fn a_renamed_object_is_under_one_of_its_keys_and_keeps_no_bucket_that_it_left() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| {
                let bucket = f.bucket().await;
                let (old, source) = (f.put(&bucket, "a").await, f.put(&bucket, "b").await);
                let new = f.samples.renamed(&source, "a");
                (bucket, old, source, new)
            },
            async |store, (bucket, _, source, new)| {
                let rename = Edit::put(bucket, new, ANY).moving(source);
                store.edit(&rename).await
            },
            async |f, (bucket, old, source, new), outcome| {
                let found = (f.object(bucket, "a").await, f.object(bucket, "b").await);
                let is_new = found == (Some(new.clone()), None);
                assert!(is_new || found == (Some(old.clone()), Some(source.clone())));
                match &outcome {
                    Ok(edited) => assert_eq!((edited, is_new), (&applied(Some(old)), true)),
                    Err(_) => assert!(!is_new || perhaps(&outcome), "{outcome:?}"),
                }
                for name in ["a", "b"] {
                    f.remove(bucket, name).await;
                }
                f.delete(bucket).await;
            },
        )
        .await;
}

#[tokio::test]
async fn a_credential_that_is_being_created_or_revoked_is_there_or_not() {
    let dying = Dying::new().await;
    let listed = async |f: &MetadataFixture, access_key: &str| {
        let page = f.store.scan_credentials(None, 1_000).await.unwrap();
        page.items.iter().any(|found| found.access_key == access_key)
    };
    dying
        .at_every_step(
            async |f| f.samples.credential(&f.samples.unique()),
            async |store, credential| store.create_credential(credential).await,
            async |f, credential, outcome| {
                let access_key = &credential.access_key;
                let there = f.store.credential(access_key).await.unwrap().is_some();
                match &outcome {
                    Ok(created) => assert!(*created && there),
                    Err(_) => assert!(!there || perhaps(&outcome), "{outcome:?}"),
                }
                assert_eq!(listed(f, access_key).await, there);
                assert_eq!(f.store.create_credential(credential).await.unwrap(), !there);
            },
        )
        .await;
    dying
        .at_every_step(
            async |f| {
                let credential = f.samples.credential(&f.samples.unique());
                assert!(f.store.create_credential(&credential).await.unwrap());
                credential
            },
            async |store, credential| store.revoke_credential(&credential.access_key).await,
            async |f, credential, outcome| {
                let access_key = &credential.access_key;
                let there = f.store.credential(access_key).await.unwrap().is_some();
                match &outcome {
                    Ok(revoked) => assert!(*revoked && !there),
                    Err(_) => assert!(there || perhaps(&outcome), "{outcome:?}"),
                }
                assert_eq!(listed(f, access_key).await, there);
                assert_eq!(f.store.revoke_credential(access_key).await.unwrap(), there);
            },
        )
        .await;
}

#[tokio::test]
async fn a_credential_that_is_being_replaced_is_the_one_or_the_other() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| {
                let old = f.samples.credential(&f.samples.unique());
                assert!(f.store.create_credential(&old).await.unwrap());
                (f.samples.limited_credential(&old.access_key), old)
            },
            async |store, (new, _)| store.replace_credential(new).await,
            async |f, (new, old), outcome| {
                let found = f.store.credential(&new.access_key).await.unwrap().unwrap();
                match &outcome {
                    Ok(replaced) => assert!(*replaced && found == *new),
                    Err(_) => assert!(
                        found == *old || (found == *new && perhaps(&outcome)),
                        "{outcome:?}"
                    ),
                }
                assert!(f.store.revoke_credential(&new.access_key).await.unwrap());
            },
        )
        .await;
}
