//! Rules of how an upload ends: once, and its receipt says how.

use std::sync::Arc;

use bleepstore_core::model::{ObjectRecord, Receipt, WriteCondition};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, Edit, EditOutcome, RecordPartOutcome, UploadRange,
};

use super::MetadataFixture;
use super::completion::{begin_complete, receipt};
use super::edits::{ANY, NO_ROW, applied, only_if, retiring, shared};
use super::uploads::{parts, record, scan};
use crate::race::{race, race_two};
use crate::samples::NOW;

/// The client sends its Complete again after somebody else has written, or deleted, the key. The condition
/// of the first Complete would not hold any more, but it is not looked at.
pub async fn a_replayed_publish_answers_with_the_receipt_and_changes_nothing(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    begin_complete(&f, &upload).await;
    let object = f.samples.record(&bucket, "a");
    assert_eq!(f.publish(&bucket, &upload, &object).await, applied(None));
    let first = f.samples.completed(&upload, &object);

    let replay = f.samples.record(&bucket, "a");
    let second = f.samples.completed(&upload, &replay);
    let overwriting = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &overwriting).await;
    let closed = EditOutcome::Closed(first.clone());
    for expect in [ANY, only_if(&WriteCondition::IfAbsent), NO_ROW] {
        let publish = Edit::put(&bucket, &replay, expect).closing(&second);
        assert_eq!(f.edit(&publish).await, closed, "{expect:?}");
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&overwriting));
    }
    let removal = Edit::remove(&bucket, &overwriting.key, retiring(overwriting.commit_id));
    f.edit(&removal).await;
    assert_eq!(f.publish(&bucket, &upload, &replay).await, closed);
    assert_eq!(f.object(&bucket, "a").await, None);
    assert_eq!(receipt(&f, &bucket, &upload).await, Some(first));
}

/// Whatever else is wrong: with the bucket, with what is expected, with a record that is shared.
pub async fn a_receipt_is_looked_at_before_all_else(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let aborted = f.samples.aborted(&upload);
    f.store.abort(&upload, &aborted).await.unwrap();
    let current = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &current).await;
    let object = f.samples.record(&bucket, "a");
    let completed = f.samples.completed(&upload, &object);
    let assert_closed = async || {
        for expect in [ANY, only_if(&WriteCondition::IfAbsent), NO_ROW] {
            let publish = Edit::put(&bucket, &object, expect).closing(&completed);
            let closed = EditOutcome::Closed(aborted.clone());
            assert_eq!(f.edit(&publish).await, closed, "{expect:?}");
        }
    };
    assert_closed().await;
    let removal = Edit::remove(&bucket, &current.key, retiring(current.commit_id));
    assert_eq!(f.edit(&removal).await, applied(Some(&current)));
    f.delete(&bucket).await;
    assert_closed().await;
}

/// A process dies between begin_complete and publish; another goes through with it, and should the first
/// come back to life it changes nothing.
pub async fn a_completion_abandoned_before_publishing_is_taken_up(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let part = record(&f, &upload, 1).await;
    let abandoned = begin_complete(&f, &upload).await;

    begin_complete(&f, &upload).await;
    assert_eq!(parts(&f, &upload, None, 10).await, [part]);
    let object = f.samples.record(&bucket, "a");
    assert_eq!(f.publish(&bucket, &upload, &object).await, applied(None));

    let closed = EditOutcome::Closed(f.samples.completed(&upload, &object));
    assert_eq!(
        f.publish(&bucket, &upload, &f.samples.record(&bucket, "a")).await,
        closed
    );
    f.store.reopen(&upload, abandoned).await.unwrap();
    assert_eq!(scan(&f, &bucket, &UploadRange::default(), 10).await, []);
    assert_eq!(f.object(&bucket, "a").await, Some(object));
}

/// A process dies after publish and before its answer; the client's next Complete learns of it.
pub async fn a_completion_abandoned_after_publishing_is_closed(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let token = begin_complete(&f, &upload).await;
    let object = f.samples.record(&bucket, "a");
    assert_eq!(f.publish(&bucket, &upload, &object).await, applied(None));
    let closed = BeginComplete::Closed(f.samples.completed(&upload, &object));
    for token in [token, f.samples.token()] {
        assert_eq!(f.store.begin_complete(&upload, token, NOW).await.unwrap(), closed);
    }
}

/// Two Completes that both got as far as publishing make one object and one receipt.
pub async fn of_racing_publishes_of_an_upload_one_wins(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    begin_complete(&f, &upload).await;
    let records: Vec<ObjectRecord> = (0..16).map(|_| f.samples.record(&bucket, "a")).collect();
    let publishes = records.iter().map(|record| {
        let receipt = f.samples.completed(&upload, record);
        f.editing(&Edit::put(&bucket, record, ANY).closing(&receipt))
    });
    let outcomes = race(publishes.collect()).await;
    let winner = f.object(&bucket, "a").await.unwrap();
    let kept = f.samples.completed(&upload, &winner);
    assert_eq!(receipt(&f, &bucket, &upload).await.as_ref(), Some(&kept));
    assert!(records.contains(&winner));
    for (record, outcome) in records.iter().zip(outcomes) {
        let expected = if *record == winner {
            applied(None)
        } else {
            EditOutcome::Closed(kept.clone())
        };
        assert_eq!(outcome, expected);
    }
}

/// Nothing of it is left but the receipt, and nothing can come of it any more.
pub async fn an_abort_closes_the_upload(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    record(&f, &upload, 1).await;
    let aborted = f.samples.aborted(&upload);
    assert_eq!(
        f.store.abort(&upload, &aborted).await.unwrap(),
        AbortOutcome::Aborted
    );
    assert_eq!(receipt(&f, &bucket, &upload).await.as_ref(), Some(&aborted));
    assert_eq!(scan(&f, &bucket, &UploadRange::default(), 10).await, []);
    let late = f
        .store
        .record_part(&upload, &f.samples.part(&upload, 2))
        .await
        .unwrap();
    assert_eq!(late, RecordPartOutcome::NoSuchUpload);
    let began = f
        .store
        .begin_complete(&upload, f.samples.token(), NOW)
        .await
        .unwrap();
    assert_eq!(began, BeginComplete::Closed(aborted.clone()));
    let outcome = f.publish(&bucket, &upload, &f.samples.record(&bucket, "a")).await;
    assert_eq!(outcome, EditOutcome::Closed(aborted));
    assert_eq!(f.object(&bucket, "a").await, None);
}

/// The first receipt stays.
pub async fn a_second_abort_answers_with_the_first_ones_receipt(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let first = f.samples.aborted(&upload);
    let second = Receipt {
        expires: first.expires.plus(std::time::Duration::from_secs(1)),
        ..first.clone()
    };
    assert_eq!(
        f.store.abort(&upload, &first).await.unwrap(),
        AbortOutcome::Aborted
    );
    assert_eq!(
        f.store.abort(&upload, &second).await.unwrap(),
        AbortOutcome::Closed(first.clone())
    );
    assert_eq!(receipt(&f, &bucket, &upload).await, Some(first));
}

/// What is published stays published.
pub async fn an_abort_after_a_publish_answers_with_the_receipt(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    begin_complete(&f, &upload).await;
    let object = f.samples.record(&bucket, "a");
    assert_eq!(f.publish(&bucket, &upload, &object).await, applied(None));
    let completed = f.samples.completed(&upload, &object);
    let outcome = f.store.abort(&upload, &f.samples.aborted(&upload)).await.unwrap();
    assert_eq!(outcome, AbortOutcome::Closed(completed.clone()));
    assert_eq!(receipt(&f, &bucket, &upload).await, Some(completed));
    assert_eq!(f.object(&bucket, "a").await, Some(object));
}

/// And makes no receipt.
pub async fn aborting_an_unknown_upload_is_refused(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.samples.upload(&bucket, "a");
    let outcome = f.store.abort(&upload, &f.samples.aborted(&upload)).await.unwrap();
    assert_eq!(outcome, AbortOutcome::NoSuchUpload);
    assert_eq!(receipt(&f, &bucket, &upload).await, None);
}

/// A Complete that crashed does not keep its upload for ever.
pub async fn an_upload_that_is_completing_can_be_aborted(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let upload = f.begin(&bucket, "a").await;
    let token = begin_complete(&f, &upload).await;
    let aborted = f.samples.aborted(&upload);
    assert_eq!(
        f.store.abort(&upload, &aborted).await.unwrap(),
        AbortOutcome::Aborted
    );
    f.store.reopen(&upload, token).await.unwrap();
    assert_eq!(scan(&f, &bucket, &UploadRange::default(), 10).await, []);
    assert_eq!(receipt(&f, &bucket, &upload).await, Some(aborted));
}

/// There is an object exactly when the receipt says so, and both sides are told the same.
pub async fn of_a_racing_abort_and_publish_one_wins(f: MetadataFixture) {
    for _ in 0..40 {
        let bucket = f.bucket().await;
        let upload = f.begin(&bucket, "a").await;
        begin_complete(&f, &upload).await;
        let object = f.samples.record(&bucket, "a");
        let (completed, aborted) = (f.samples.completed(&upload, &object), f.samples.aborted(&upload));
        let publish = f.editing(&Edit::put(&bucket, &object, ANY).closing(&completed));
        let abort = {
            let (store, upload, receipt) = (Arc::clone(&f.store), upload.clone(), aborted.clone());
            async move { store.abort(&upload, &receipt).await.unwrap() }
        };
        let outcomes = race_two(publish, abort).await;
        let kept = receipt(&f, &bucket, &upload).await;
        let found = f.object(&bucket, "a").await;
        if outcomes.0 == applied(None) {
            assert_eq!(outcomes.1, AbortOutcome::Closed(completed.clone()));
            assert_eq!((kept, found), (Some(completed), Some(object)));
        } else {
            assert_eq!(
                outcomes,
                (EditOutcome::Closed(aborted.clone()), AbortOutcome::Aborted)
            );
            assert_eq!((kept, found), (Some(aborted), None));
        }
    }
}
