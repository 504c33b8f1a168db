//! Moving records and bytes into other stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bleepstore_core::model::{CannedAcl, DocumentKind, Operation, RequestedAcl};
use bleepstore_core::ops::{
    FsckOptions, MigrateOptions, MigrateReport, Progress, TransferError, bucket_document, check_slice,
    migrate, open_bucket, set_bucket_document,
};
use bleepstore_core::ports::{Ports, StoreErrorKind};
use bleepstore_tests::decorators::{CallCounter, Faults, Interceptor, Verdict, intercepted_blobs};
use bleepstore_tests::deployment::{Deployment, name};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::Samples;
use bytes::Bytes;

use super::{fill, fresh, pair, reads_back_whole, serving, small};

async fn migrated(from: &Deployment, to: &Ports) -> Result<MigrateReport, TransferError> {
    migrate(
        &from.context.ports,
        to,
        MigrateOptions::default(),
        &Progress::default(),
    )
    .await
}

/// Blobs of the new store as the old one.
fn watched(to: &Ports, interceptor: Arc<dyn Interceptor>) -> Ports {
    Ports {
        blobs: Arc::new(intercepted_blobs(to.blobs.clone(), interceptor)),
        ..to.clone()
    }
}

#[tokio::test]
async fn a_store_reads_back_whole_where_it_was_moved_to() {
    for (inline_limit, layout_limit) in [(8, 4), (0, 1), (100, 1_000)] {
        let old = small().await;
        let open = fill(&old).await;
        let new = fresh(inline_limit, layout_limit);
        let report = migrated(&old, &new).await.unwrap();
        assert_eq!(report.copied.blobs, old.stored_blobs().await.len());
        assert_eq!(
            (report.present.blobs, report.imported.unwrap().counts.objects),
            (0, 5)
        );
        let check = check_slice(
            &new,
            &FsckOptions {
                verify_checksums: true,
                ..FsckOptions::default()
            },
            None,
            &Progress::default(),
        )
        .await
        .unwrap();
        assert_eq!(check.findings, []);
        // Nothing of it is in the old store.
        for blob in old.stored_blobs().await {
            old.blobs.delete(&[blob]).await;
        }
        reads_back_whole(&serving(&new).await, open).await;
    }
}

#[tokio::test]
async fn what_is_there_with_its_length_is_not_copied_again() {
    let old = small().await;
    fill(&old).await;
    let new = fresh(8, 4);
    let bytes_only = MigrateOptions { bytes_only: true };
    let first = migrate(&old.context.ports, &new, bytes_only, &Progress::default())
        .await
        .unwrap();
    assert_eq!(first.imported, None);
    assert!(!new.metadata.store_record().await.unwrap().unwrap().active);
    // What was written since, and what was lost since.
    old.put("photos", "later", "later, and not inline").await.unwrap();
    let lost = old.stored_blobs().await[0];
    new.blobs.delete(&[lost]).await;
    let writes = Arc::new(CallCounter::default());
    let second = migrated(&old, &watched(&new, writes.clone())).await.unwrap();
    assert_eq!(
        (second.copied.blobs, second.present.blobs),
        (2, first.copied.blobs - 1)
    );
    assert_eq!(writes.count("write"), 2);
    assert_eq!(second.imported.unwrap().counts.objects, 6);
}

/// What was overwritten between two runs is what the second one brings.
#[tokio::test]
async fn a_second_run_brings_what_was_overwritten_and_shared_since_the_first() {
    let old = small().await;
    let open = fill(&old).await;
    let new = fresh(8, 4);
    old.put("photos", "extra", "only until later").await.unwrap();
    // The first run ends when the blob that a record names is not whole.
    let lost = old
        .object("photos", "extra")
        .await
        .unwrap()
        .manifest
        .blobs()
        .next()
        .unwrap();
    old.blobs.delete(&[lost]).await;
    let refused = migrated(&old, &new).await.unwrap_err();
    assert!(matches!(refused, TransferError::Incomplete(1)), "{refused}");
    assert!(!new.metadata.store_record().await.unwrap().unwrap().active);
    old.put("photos", "extra", "whole").await.unwrap();
    old.copy(("photos", "many parts"), ("photos", "shared since"))
        .await
        .unwrap();
    migrated(&old, &new).await.unwrap();
    let new = serving(&new).await;
    assert_eq!(new.get("photos", "extra").await.unwrap(), "whole");
    assert!(new.object("photos", "many parts").await.unwrap().shared);
    reads_back_whole(&new, open).await;
}

#[tokio::test]
async fn a_second_run_brings_what_was_configured_of_a_bucket_since_the_first() {
    let old = small().await;
    let open = fill(&old).await;
    let new = fresh(8, 4);
    old.put("photos", "extra", "only until later").await.unwrap();
    let extra = old.object("photos", "extra").await.unwrap();
    let lost = extra.manifest.blobs().next().unwrap();
    let document = async |letter: &str| {
        let (context, caller, operation) = (&old.context, &old.caller, Operation::PutBucketTagging);
        let bucket = open_bucket(context, caller, operation, &name("photos"))
            .await
            .unwrap();
        let document = (DocumentKind::Tagging, Some(letter.repeat(5_000).into()));
        set_bucket_document(context, caller, operation, bucket, document, |_, _| Ok(()))
            .await
            .unwrap();
    };
    document("a").await;
    old.blobs.delete(&[lost]).await;
    migrated(&old, &new).await.unwrap_err();
    document("b").await;
    old.put_bucket_acl("photos", RequestedAcl::Canned(CannedAcl::PublicRead))
        .await
        .unwrap();
    let bytes = Bytes::from("only until later");
    let body = Box::pin(futures_util::stream::iter([Ok(bytes.clone())]));
    assert!(
        old.blobs
            .write(&lost, body, Some(bytes.len() as u64))
            .await
            .is_ok()
    );
    migrated(&old, &new).await.unwrap();
    let (before, after) = (
        old.bucket_row("photos").await,
        new.metadata.bucket(&name("photos")).await,
    );
    let (before, after) = (before.unwrap(), after.unwrap().unwrap());
    assert_eq!(
        (before.documents, before.acl),
        (after.documents.clone(), after.acl.clone())
    );
    let new = serving(&new).await;
    let stored = bucket_document(&new.context, &after, DocumentKind::Tagging)
        .await
        .unwrap();
    assert_eq!(stored.unwrap(), format!("\"{}\"", "b".repeat(5_000)));
    reads_back_whole(&new, open).await;
}

/// An object, an upload, a key, and a bucket with an object in it.
#[tokio::test]
async fn what_went_away_between_two_runs_goes_away_in_the_new_store() {
    let old = small().await;
    let open = fill(&old).await;
    let new = fresh(8, 4);
    old.put("photos", "damaged", "damaged, so that the first run fails")
        .await
        .unwrap();
    old.create_bucket("gone").await.unwrap();
    old.put("gone", "key", "something").await.unwrap();
    let ended = old.begin("photos", "ended").await.unwrap();
    let key = Samples::new(SeededEntropy::new(8)).credential("AKGONE");
    assert!(old.metadata.create_credential(&key).await.unwrap());
    let lost = old
        .object("photos", "damaged")
        .await
        .unwrap()
        .manifest
        .blobs()
        .next()
        .unwrap();
    old.blobs.delete(&[lost]).await;
    let refused = migrated(&old, &new).await.unwrap_err();
    assert!(matches!(refused, TransferError::Incomplete(1)), "{refused}");
    old.delete("photos", "damaged").await.unwrap();
    old.delete("gone", "key").await.unwrap();
    old.delete_bucket("gone").await.unwrap();
    old.abort(("photos", "ended"), ended).await.unwrap();
    assert!(old.metadata.revoke_credential("AKGONE").await.unwrap());
    let report = migrated(&old, &new).await.unwrap().imported.unwrap();
    assert_eq!(
        report.counts.to_string(),
        "2 buckets, 5 objects, 1 open uploads with 2 parts, 2 credentials"
    );
    reads_back_whole(&serving(&new).await, open).await;
}

#[tokio::test]
async fn failures_that_pass_are_tried_again_and_leave_no_blob_half() {
    let old = small().await;
    let open = fill(&old).await;
    let clock = Arc::new(bleepstore_tests::clock::SkippingClock::at(
        bleepstore_tests::samples::NOW,
    ));
    let new = Ports { clock, ..fresh(8, 4) };
    let mut writes = 0;
    let faults = Faults::decided_by(move |method| {
        writes += usize::from(method == "write");
        match (method, writes) {
            ("write", 1) => Verdict::LoseAnswer,
            ("write", 2) => Verdict::Fail(StoreErrorKind::Throttled),
            _ => Verdict::Pass,
        }
    });
    migrated(&old, &watched(&new, Arc::new(faults))).await.unwrap();
    reads_back_whole(&serving(&new).await, open).await;
}

/// Fails once a number of writes has been made.
struct BreaksOff(AtomicUsize);

#[async_trait]
impl Interceptor for BreaksOff {
    async fn before(&self, method: &'static str) -> Verdict {
        if method == "write" && self.0.fetch_sub(1, Ordering::Relaxed) == 0 {
            return Verdict::Fail(StoreErrorKind::Internal);
        }
        Verdict::Pass
    }
}

#[tokio::test]
async fn a_migration_that_breaks_off_goes_on() {
    let old = small().await;
    let open = fill(&old).await;
    let new = fresh(8, 4);
    assert!(
        migrated(&old, &watched(&new, Arc::new(BreaksOff(3.into()))))
            .await
            .is_err()
    );
    assert!(!new.metadata.store_record().await.unwrap().unwrap().active);
    let report = migrated(&old, &new).await.unwrap();
    assert!(report.present.blobs >= 3);
    reads_back_whole(&serving(&new).await, open).await;
}

/// Metadata alone can move, over the same bytes.
#[tokio::test]
async fn records_move_to_another_metadata_store_over_the_same_bytes() {
    let old = small().await;
    let open = fill(&old).await;
    let new = pair(&fresh(8, 4).metadata, &old.blobs, &old.context.ports);
    let report = migrated(&old, &new).await.unwrap();
    assert_eq!(report.copied.blobs, 0);
    reads_back_whole(&serving(&new).await, open).await;
}
