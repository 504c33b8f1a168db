//! Changes of several rows, cut off at every step: the process dies before or right behind each of its calls, and
//! another one goes on with what is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bleepstore_azure::cosmos::CosmosMetadata;
use bleepstore_core::model::{Bucket, Part, PartNumber, Upload, WriteCondition};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, BucketIndex, CommitOutcome, CreateBucketOutcome, CredentialIndex,
    DeleteBucketOutcome, ObjectIndex, PublishOutcome, RecordPartOutcome, RenameOutcome, StoreErrorKind,
    StoreResult, UploadIndex, UploadRange,
};
use bleepstore_tests::clock::SkippingClock;
use bleepstore_tests::emulators::CosmosEmulator;
use bleepstore_tests::emulators::cosmos::{Answer, Fault};
use bleepstore_tests::metadata_conformance::MetadataFixture;
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

    /// Lets `calls` calls pass, the last one without its answer if `unanswered`, and none behind them. Returns what
    /// tells whether one was kept back.
    fn die_behind(&self, calls: usize, unanswered: bool) -> Arc<AtomicBool> {
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
                let died = self.die_behind(calls, unanswered);
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

async fn uploads(f: &MetadataFixture, bucket: &Bucket) -> Vec<Upload> {
    let all = UploadRange::default();
    let page = f.store.scan_uploads(bucket, &all, 100).await.unwrap();
    assert_eq!(page.next, None);
    page.items
}

async fn parts(f: &MetadataFixture, upload: &Upload) -> Vec<Part> {
    let after: Option<PartNumber> = None;
    f.store.scan_parts(upload, after, 100).await.unwrap().items
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
                let listed = f.store.scan_buckets(None, name, None, 10).await.unwrap();
                assert_eq!(listed.items, std::slice::from_ref(bucket));
                f.delete(bucket).await;
                let listed = f.store.scan_buckets(None, name, None, 10).await.unwrap();
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
                let any = WriteCondition::Any;
                let committed = f.store.commit(bucket, &record, &any, None).await.unwrap();
                let (expected, deleted) = if there {
                    let committed = CommitOutcome::Committed { superseded: None };
                    (committed, DeleteBucketOutcome::NotEmpty)
                } else {
                    (CommitOutcome::NoSuchBucket, DeleteBucketOutcome::NoSuchBucket)
                };
                assert_eq!(committed, expected);
                let token = f.samples.token();
                let again = f.store.delete_bucket(&bucket.name, bucket.id, token).await;
                assert_eq!(again.unwrap(), deleted);
                let receipt = f.samples.completed(upload, &record);
                let published = f
                    .store
                    .publish(bucket, &record, &any, None, &receipt)
                    .await
                    .unwrap();
                let gone = PublishOutcome::Object(CommitOutcome::NoSuchBucket);
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
            async |store, (bucket, _, new)| store.commit(bucket, new, &WriteCondition::Any, None).await,
            async |f, (bucket, old, new), outcome| {
                let found = f.object(bucket, "a").await.unwrap();
                let applied = found == *new;
                assert!(applied || found == *old, "{found:?}");
                match &outcome {
                    Ok(committed) => {
                        let superseded = Some(old.clone());
                        assert_eq!(*committed, CommitOutcome::Committed { superseded });
                        assert!(applied);
                    }
                    Err(_) => assert!(!applied || perhaps(&outcome), "{outcome:?}"),
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
                let any = WriteCondition::Any;
                store.rename(bucket, source, new, &any, None).await
            },
            async |f, (bucket, old, source, new), outcome| {
                let found = (f.object(bucket, "a").await, f.object(bucket, "b").await);
                let applied = found == (Some(new.clone()), None);
                assert!(applied || found == (Some(old.clone()), Some(source.clone())));
                match &outcome {
                    Ok(renamed) => {
                        let superseded = Some(old.clone());
                        let committed = CommitOutcome::Committed { superseded };
                        assert_eq!(*renamed, RenameOutcome::Destination(committed));
                        assert!(applied);
                    }
                    Err(_) => assert!(!applied || perhaps(&outcome), "{outcome:?}"),
                }
                for record in [old, source] {
                    let any = WriteCondition::Any;
                    f.store.remove(bucket, &record.key, &any, None).await.unwrap();
                }
                f.delete(bucket).await;
            },
        )
        .await;
}

#[tokio::test]
async fn an_upload_that_is_being_begun_can_be_removed() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| {
                let bucket = f.bucket().await;
                let upload = f.samples.upload(&bucket, "a");
                (bucket, upload)
            },
            async |store, (_, upload)| store.begin_upload(upload).await,
            async |f, (bucket, upload), outcome| {
                let found = f
                    .store
                    .lookup_upload(&bucket.name, upload.id)
                    .await
                    .unwrap()
                    .upload;
                let listed = uploads(f, bucket).await;
                match &outcome {
                    Ok(begun) => {
                        assert!(*begun && found.as_ref() == Some(upload));
                        assert_eq!(listed, std::slice::from_ref(upload));
                    }
                    // Nobody has learned of its id, so its row may be there without its entry.
                    Err(_) => assert!(listed.is_empty() || perhaps(&outcome), "{outcome:?}"),
                }
                let aborted = f.samples.aborted(upload);
                let expected = match found {
                    Some(_) => AbortOutcome::Aborted,
                    None => AbortOutcome::NoSuchUpload,
                };
                assert_eq!(f.store.abort(upload, &aborted).await.unwrap(), expected);
                assert_eq!(uploads(f, bucket).await, []);
            },
        )
        .await;
}

#[tokio::test]
async fn a_part_that_is_being_replaced_is_one_of_the_two() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| {
                let bucket = f.bucket().await;
                let upload = f.begin(&bucket, "a").await;
                let (old, new) = (f.samples.part(&upload, 1), f.samples.part(&upload, 1));
                f.store.record_part(&upload, &old).await.unwrap();
                (upload, old, new)
            },
            async |store, (upload, _, new)| store.record_part(upload, new).await,
            async |f, (upload, old, new), outcome| {
                let found = parts(f, upload).await;
                let applied = found == [new.clone()];
                assert!(applied || found == [old.clone()], "{found:?}");
                match &outcome {
                    Ok(recorded) => assert_eq!((recorded, applied), (&RecordPartOutcome::Recorded, true)),
                    Err(_) => assert!(!applied || perhaps(&outcome), "{outcome:?}"),
                }
            },
        )
        .await;
}

#[tokio::test]
async fn a_completion_that_is_being_begun_can_be_taken_over() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| {
                let bucket = f.bucket().await;
                let upload = f.begin(&bucket, "a").await;
                (upload, f.samples.token())
            },
            async |store, (upload, token)| store.begin_complete(upload, *token, NOW).await,
            async |f, (upload, _), _| {
                let again = f.store.begin_complete(upload, f.samples.token(), NOW).await;
                assert!(matches!(again.unwrap(), BeginComplete::Began(_)));
            },
        )
        .await;
}

#[tokio::test]
async fn a_publication_is_there_with_its_receipt_or_not_at_all() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| {
                let bucket = f.bucket().await;
                let old = f.put(&bucket, "a").await;
                let upload = f.begin(&bucket, "a").await;
                for part in 1..=3 {
                    let part = f.samples.part(&upload, part);
                    f.store.record_part(&upload, &part).await.unwrap();
                }
                let new = f.samples.record(&bucket, "a");
                let receipt = f.samples.completed(&upload, &new);
                (bucket, upload, old, new, receipt)
            },
            async |store, (bucket, _, _, new, receipt)| {
                let any = WriteCondition::Any;
                store.publish(bucket, new, &any, None, receipt).await
            },
            async |f, (bucket, upload, old, new, receipt), outcome| {
                let found = f.object(bucket, "a").await.unwrap();
                let applied = found == *new;
                assert!(applied || found == *old, "{found:?}");
                let kept = f
                    .store
                    .receipt(bucket, &upload.key, upload.id, NOW)
                    .await
                    .unwrap();
                assert_eq!(kept.as_ref(), applied.then_some(receipt));
                let committed = CommitOutcome::Committed {
                    superseded: Some(old.clone()),
                };
                match &outcome {
                    Ok(published) => {
                        assert_eq!(*published, PublishOutcome::Object(committed.clone()));
                        assert!(applied);
                    }
                    Err(_) => assert!(!applied || perhaps(&outcome), "{outcome:?}"),
                }
                // What is left of an upload that has ended goes with a scan.
                let open = uploads(f, bucket).await;
                assert_eq!(open.is_empty(), applied);
                let any = WriteCondition::Any;
                let again = f.store.publish(bucket, new, &any, None, receipt).await.unwrap();
                let expected = match applied {
                    true => PublishOutcome::Closed(receipt.clone()),
                    false => PublishOutcome::Object(committed),
                };
                assert_eq!(again, expected);
                assert_eq!(uploads(f, bucket).await, []);
                assert_eq!(parts(f, upload).await, []);
                assert_eq!(f.object(bucket, "a").await.as_ref(), Some(new));
            },
        )
        .await;
}

#[tokio::test]
async fn an_abort_is_told_by_its_receipt() {
    let dying = Dying::new().await;
    dying
        .at_every_step(
            async |f| {
                let bucket = f.bucket().await;
                let upload = f.begin(&bucket, "a").await;
                let part = f.samples.part(&upload, 1);
                f.store.record_part(&upload, &part).await.unwrap();
                let receipt = f.samples.aborted(&upload);
                (bucket, upload, receipt)
            },
            async |store, (_, upload, receipt)| store.abort(upload, receipt).await,
            async |f, (bucket, upload, receipt), outcome| {
                let kept = f
                    .store
                    .receipt(bucket, &upload.key, upload.id, NOW)
                    .await
                    .unwrap();
                match &outcome {
                    Ok(aborted) => assert_eq!((aborted, kept.is_some()), (&AbortOutcome::Aborted, true)),
                    Err(_) => assert!(kept.is_none() || perhaps(&outcome), "{outcome:?}"),
                }
                let open = uploads(f, bucket).await;
                assert_eq!(open.is_empty(), kept.is_some());
                let expected = match kept {
                    Some(_) => AbortOutcome::Closed(receipt.clone()),
                    None => AbortOutcome::Aborted,
                };
                assert_eq!(f.store.abort(upload, receipt).await.unwrap(), expected);
                assert_eq!(uploads(f, bucket).await, []);
                assert_eq!(parts(f, upload).await, []);
                let part = f.samples.part(upload, 1);
                let late = f.store.record_part(upload, &part).await.unwrap();
                assert_eq!(late, RecordPartOutcome::NoSuchUpload);
                assert_eq!(parts(f, upload).await, []);
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
