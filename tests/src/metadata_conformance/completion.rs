//! Rules of completing an upload.

use std::sync::Arc;

use bleepstore_core::model::{Bucket, Receipt, Token, Upload, UploadState, WriteCondition};
use bleepstore_core::ports::{BeginComplete, Edit, EditOutcome, RecordPartOutcome, UploadRange};

use super::MetadataFixture;
use super::edits::{NO_ROW, applied, kept, only_if, refused, retiring, row, shared};
use super::uploads::{parts, record, scan};
use crate::race::race_two;
use crate::samples::NOW;

/// Moves an upload to `Completing`.
pub(super) async fn begin_complete(f: &MetadataFixture, upload: &Upload) -> Token {
    let token = f.samples.token();
    let outcome = f.store.begin_complete(upload, token, NOW).await.unwrap();
    let state = UploadState::Completing(token);
    assert_eq!(
        outcome,
        BeginComplete::Began(Box::new(Upload {
            state,
            ..upload.clone()
        }))
    );
    token
}

/// The state in the row of an upload that has not ended.
pub(super) async fn state(f: &MetadataFixture, upload: &Upload) -> UploadState {
    let lookup = f
        .store
        .lookup_upload(&upload.bucket_name, upload.id)
        .await
        .unwrap();
    lookup.upload.expect("the upload has not ended").state
}

/// The receipt of an upload.
pub(super) async fn receipt(f: &MetadataFixture, bucket: &Bucket, upload: &Upload) -> Option<Receipt> {
    f.store
        .receipt(bucket, &upload.key, upload.id, NOW)
        .await
        .unwrap()
}

/// And it is not seen, not even by the next to complete.
pub async fn a_part_is_refused_while_its_upload_is_completing(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let part = record(&f, &upload, 1).await;
    begin_complete(&f, &upload).await;
    for number in [1, 2] {
        let late = f.samples.part(&upload, number);
        let outcome = f.store.record_part(&upload, &late).await.unwrap();
        assert_eq!(outcome, RecordPartOutcome::NoSuchUpload);
    }
    begin_complete(&f, &upload).await;
    assert_eq!(parts(&f, &upload, None, 10).await, [part]);
}

/// What was acknowledged to the uploader of a part holds, whichever comes first. A part that is being refused may
/// be seen by a Complete at that moment, and is gone once it is refused.
pub async fn a_recorded_part_is_seen_by_the_complete_after_it_and_a_refused_one_goes(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for _ in 0..40 {
        let upload = f.begin(&bucket, "a").await;
        let part = f.samples.part(&upload, 1);
        let recording = {
            let (store, upload, part) = (Arc::clone(&f.store), upload.clone(), part.clone());
            async move { store.record_part(&upload, &part).await.unwrap() }
        };
        let completing = {
            let (store, upload, token) = (Arc::clone(&f.store), upload.clone(), f.samples.token());
            async move {
                store.begin_complete(&upload, token, NOW).await.unwrap();
                store.scan_parts(&upload, None, 10).await.unwrap().items
            }
        };
        let (outcome, seen) = race_two(recording, completing).await;
        match outcome {
            RecordPartOutcome::Recorded => assert_eq!(seen, [part]),
            RecordPartOutcome::NoSuchUpload => {
                assert!(seen.is_empty() || seen == [part], "{seen:?}");
                assert_eq!(parts(&f, &upload, None, 10).await, []);
            }
        }
    }
}

/// Whoever completes after a crash need not know the token of the one that crashed.
pub async fn a_second_token_takes_a_completion_over(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let first = begin_complete(&f, &upload).await;
    let second = begin_complete(&f, &upload).await;
    assert_ne!(first, second);
    assert_eq!(state(&f, &upload).await, UploadState::Completing(second));
}

/// An attempt that was taken over does not disturb the one that took over.
pub async fn only_its_own_token_reopens_an_upload(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let first = begin_complete(&f, &upload).await;
    let second = begin_complete(&f, &upload).await;
    f.store.reopen(&upload, first).await.unwrap();
    assert_eq!(state(&f, &upload).await, UploadState::Completing(second));
    f.store.reopen(&upload, second).await.unwrap();
    assert_eq!(state(&f, &upload).await, UploadState::Open);
    f.store.reopen(&upload, second).await.unwrap();
    assert_eq!(state(&f, &upload).await, UploadState::Open);
    f.store
        .reopen(&f.samples.upload(&bucket, "b"), second)
        .await
        .unwrap();
}

/// After a Complete that was refused the client goes on.
pub async fn a_reopened_upload_has_its_parts_and_takes_more(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let first = record(&f, &upload, 1).await;
    let token = begin_complete(&f, &upload).await;
    f.store.reopen(&upload, token).await.unwrap();
    let second = record(&f, &upload, 2).await;
    begin_complete(&f, &upload).await;
    assert_eq!(parts(&f, &upload, None, 10).await, [first, second]);
}

/// There is neither a row nor a receipt.
pub async fn completing_an_unknown_upload_is_refused(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.samples.upload(&bucket, "a");
    let outcome = f
        .store
        .begin_complete(&upload, f.samples.token(), NOW)
        .await
        .unwrap();
    assert_eq!(outcome, BeginComplete::NoSuchUpload);
    assert_eq!(receipt(&f, &bucket, &upload).await, None);
}

/// The object is readable, the receipt is there, and nothing of the upload is left to scan or to change.
pub async fn publishing_makes_the_object_and_closes_the_upload(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let other = f.begin(&bucket, "a").await;
    record(&f, &upload, 1).await;
    begin_complete(&f, &upload).await;
    let object = f.samples.record(&bucket, "a");
    assert_eq!(f.publish(&bucket, &upload, &object).await, applied(None));
    assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&object));
    let expected = f.samples.completed(&upload, &object);
    assert_eq!(receipt(&f, &bucket, &upload).await, Some(expected.clone()));
    assert_eq!(scan(&f, &bucket, &UploadRange::default(), 10).await, [other]);
    let outcome = f
        .store
        .record_part(&upload, &f.samples.part(&upload, 2))
        .await
        .unwrap();
    assert_eq!(outcome, RecordPartOutcome::NoSuchUpload);
    let outcome = f
        .store
        .begin_complete(&upload, f.samples.token(), NOW)
        .await
        .unwrap();
    assert_eq!(outcome, BeginComplete::Closed(expected));
}

/// As any commit does.
pub async fn publishing_tells_exactly_what_it_displaced(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = f.put(&bucket, "a").await;
    let upload = f.begin(&bucket, "a").await;
    let object = f.samples.record(&bucket, "a");
    let outcome = f.publish(&bucket, &upload, &object).await;
    assert_eq!(outcome, applied(Some(&old)));
}

/// Open or completing, with its parts, and without a receipt; it can then be published by what does hold.
pub async fn a_refused_publish_leaves_the_upload_as_it_was(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = f.put(&bucket, "a").await;
    for completing in [false, true] {
        let upload = f.begin(&bucket, "a").await;
        let part = record(&f, &upload, 1).await;
        if completing {
            begin_complete(&f, &upload).await;
        }
        let before = state(&f, &upload).await;
        let object = f.samples.record(&bucket, "a");
        let completed = f.samples.completed(&upload, &object);
        for expect in [only_if(&WriteCondition::IfAbsent), NO_ROW] {
            let publish = Edit::put(&bucket, &object, expect).closing(&completed);
            assert_eq!(f.edit(&publish).await, refused(Some(&old)));
        }
        assert_eq!(state(&f, &upload).await, before);
        assert_eq!(receipt(&f, &bucket, &upload).await, None);
        assert_eq!(parts(&f, &upload, None, 10).await, [part]);
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&old));
        assert_eq!(scan(&f, &bucket, &UploadRange::default(), 10).await.len(), 1);
        let matching = WriteCondition::IfMatch(old.etag.clone());
        let expect = if completing { row(&old) } else { only_if(&matching) };
        let publish = Edit::put(&bucket, &object, expect).closing(&completed);
        assert_eq!(f.edit(&publish).await, applied(Some(&old)));
        f.commit(&bucket, &old).await;
    }
}

/// As with any commit.
pub async fn a_publish_over_a_shared_record_waits_until_it_is_retired(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let old = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &old).await;
    let upload = f.begin(&bucket, "a").await;
    let token = begin_complete(&f, &upload).await;
    let object = f.samples.record(&bucket, "a");
    assert_eq!(f.publish(&bucket, &upload, &object).await, kept(&old));
    assert_eq!(state(&f, &upload).await, UploadState::Completing(token));
    assert_eq!(receipt(&f, &bucket, &upload).await, None);
    let completed = f.samples.completed(&upload, &object);
    let publish = Edit::put(&bucket, &object, retiring(old.commit_id)).closing(&completed);
    assert_eq!(f.edit(&publish).await, applied(Some(&old)));
    assert_eq!(receipt(&f, &bucket, &upload).await, Some(completed));
}

/// Neither object nor receipt comes of it.
pub async fn a_publish_into_a_missing_bucket_is_refused(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    begin_complete(&f, &upload).await;
    f.delete(&bucket).await;
    let object = f.samples.record(&bucket, "a");
    let outcome = f.publish(&bucket, &upload, &object).await;
    assert_eq!(outcome, EditOutcome::NoSuchBucket);
    assert_eq!(receipt(&f, &bucket, &upload).await, None);
    assert_eq!(f.object(&bucket, "a").await, None);
}
