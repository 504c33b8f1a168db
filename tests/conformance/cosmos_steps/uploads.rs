//! Uploads, cut off at every step.

use bleepstore_core::model::{Bucket, Part, PartNumber, Upload};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, Edit, EditOutcome, ObjectIndex, RecordPartOutcome, UploadIndex, UploadRange,
};
use bleepstore_tests::metadata_conformance::MetadataFixture;
use bleepstore_tests::metadata_conformance::edits::{ANY, applied};
use bleepstore_tests::samples::NOW;

use super::{Dying, perhaps};

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
                let publication = Edit::put(bucket, new, ANY).closing(receipt);
                store.edit(&publication).await
            },
            async |f, (bucket, upload, old, new, receipt), outcome| {
                let found = f.object(bucket, "a").await.unwrap();
                let is_new = found == *new;
                assert!(is_new || found == *old, "{found:?}");
                let kept = f
                    .store
                    .receipt(bucket, &upload.key, upload.id, NOW)
                    .await
                    .unwrap();
                assert_eq!(kept.as_ref(), is_new.then_some(receipt));
                match &outcome {
                    Ok(edited) => assert_eq!((edited, is_new), (&applied(Some(old)), true)),
                    Err(_) => assert!(!is_new || perhaps(&outcome), "{outcome:?}"),
                }
                // What is left of an upload that has ended goes with a scan.
                let open = uploads(f, bucket).await;
                assert_eq!(open.is_empty(), is_new);
                let again = f.edit(&Edit::put(bucket, new, ANY).closing(receipt)).await;
                let expected = match is_new {
                    true => EditOutcome::Closed(receipt.clone()),
                    false => applied(Some(old)),
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

/// A scan removes what is left of uploads that have ended, which takes several calls each: so it ends where it met some.
#[tokio::test]
async fn what_is_left_of_many_uploads_that_ended_is_removed_by_scans_a_few_at_a_time() {
    let dying = Dying::new().await;
    let bucket = dying.f.bucket().await;
    let (first, last) = (
        dying.f.begin(&bucket, "a").await,
        dying.f.begin(&bucket, "c").await,
    );
    for number in 0..120 {
        let upload = dying.f.begin(&bucket, &format!("b/{number:03}")).await;
        // Two reads and the receipt: what follows it is not done.
        dying.die_after(3, false);
        let aborted = dying
            .store
            .abort(&upload, &dying.f.samples.aborted(&upload))
            .await;
        dying.emulator.recover();
        assert_eq!(aborted.unwrap(), AbortOutcome::Aborted);
    }
    let mut range = UploadRange::default();
    let mut pages = Vec::new();
    loop {
        let page = dying.f.store.scan_uploads(&bucket, &range, 100).await.unwrap();
        pages.push(page.items);
        match page.next {
            Some(next) => range.start = next,
            None => break,
        }
    }
    assert_eq!(pages, [vec![first.clone()], vec![], vec![last.clone()]]);
    assert_eq!(uploads(&dying.f, &bucket).await, [first, last]);
}
