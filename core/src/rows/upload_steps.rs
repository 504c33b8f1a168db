//! How an upload is published and how it ends, where that takes several steps.
//!
//! The receipt decides. What follows it (the upload's row, its parts, its entry in the index) is done in
//! the same request, up to a bound; the entry goes last, so that a scan of uploads meets what is left and
//! goes on. A process may stop between any two steps.

use std::time::Duration;

use super::upload_rows::{StoredReceipt, UploadPlace, UploadRows};
use super::{check_replacement, confirm_commit};
use crate::model::{
    Bucket, BucketId, BucketName, CommitId, ObjectKey, ObjectRecord, Receipt, ReceiptOutcome, Timestamp,
    Upload, UploadId, UploadState, WriteCondition,
};
use crate::ports::{
    AbortOutcome, BeginComplete, CommitOutcome, Page, PublishOutcome, StoreError, StoreErrorKind,
    StoreResult, UploadRange, UploadStart, back_off,
};

/// How often a publication that meets a row which has just changed looks again.
const ATTEMPTS: u32 = 16;
/// Parts that one request removes at most. The next scan of the bucket's uploads goes on.
const PARTS_AT_ONCE: usize = 1_000;
/// Uploads of a deleted bucket that are removed with it. More of them stay as rows that nothing reads.
const UPLOADS_WITH_BUCKET: usize = 100;
/// Uploads whose rows one step of a scan reads, each with its receipt.
const UPLOADS_AT_ONCE: usize = 50;
/// An entry whose upload has no row is of one that is just being begun, until it is this old.
const BEGINNING: Duration = Duration::from_secs(24 * 60 * 60);

/// What an object is published with.
#[derive(Debug)]
pub struct Publication<'a> {
    /// The bucket, as the caller knows it.
    pub bucket: &'a Bucket,
    /// What readers will see.
    pub record: &'a ObjectRecord,
    /// What must hold of the row that it replaces.
    pub condition: &'a WriteCondition,
    /// The shared record that the caller has retired.
    pub retired: Option<CommitId>,
    /// What closes the upload.
    pub receipt: &'a Receipt,
}

impl Publication<'_> {
    fn place(&self) -> UploadPlace {
        UploadPlace {
            bucket_name: self.bucket.name.clone(),
            bucket: self.bucket.id,
            key: self.record.key.clone(),
            id: self.receipt.upload,
        }
    }
}

/// [`UploadIndex::publish`](super::UploadIndex::publish) in steps: the rows are read, judged as every
/// other store judges them, and object and receipt are written if they still are what was read.
pub async fn publish_in_steps<R: UploadRows>(
    rows: &R,
    what: &Publication<'_>,
) -> StoreResult<PublishOutcome> {
    let place = what.place();
    let stored = StoredReceipt {
        bucket: place.bucket,
        key: place.key.clone(),
        receipt: what.receipt.clone(),
    };
    let (clock, entropy) = rows.waiting();
    // What the last try would have replaced. A gateway that repeats a write whose answer it lost refuses it then for what
    // it wrote itself: from the first try on, only the receipt tells.
    let mut tried: Option<Option<ObjectRecord>> = None;
    for attempt in 0..ATTEMPTS {
        back_off(clock, entropy, attempt).await;
        let before = rows.before_publish(&place).await;
        let before = match &tried {
            None => before?,
            Some(_) => before.map_err(behind_write)?,
        };
        if let Some(earlier) = before.receipt {
            let own = earlier.receipt == *what.receipt;
            if let (true, Some(superseded)) = (own, tried) {
                return settle(rows, what, &stored, superseded)
                    .await
                    .map(PublishOutcome::Object);
            }
            return if vouches(rows, &place, &earlier.receipt)
                .await
                .map_err(behind_write)?
            {
                Ok(PublishOutcome::Closed(earlier.receipt))
            } else {
                Ok(PublishOutcome::Object(CommitOutcome::NoSuchBucket))
            };
        }
        if before.bucket.is_none_or(|current| current.id != place.bucket) {
            return Ok(PublishOutcome::Object(CommitOutcome::NoSuchBucket));
        }
        let superseded = before.object.filter(|row| row.bucket == place.bucket);
        if let Err(refusal) = check_replacement(superseded.as_ref(), what.condition, what.retired) {
            return Ok(PublishOutcome::Object(refusal.into()));
        }
        if rows
            .put_published(&place, what.record, &before.seen, &stored)
            .await?
        {
            return settle(rows, what, &stored, superseded)
                .await
                .map(PublishOutcome::Object);
        }
        tried = Some(superseded);
    }
    Err(StoreError::new(
        StoreErrorKind::Timeout,
        "the object keeps changing",
    ))
}

/// What a publication that was written comes to, in a bucket that may have gone meanwhile.
async fn settle<R: UploadRows>(
    rows: &R,
    what: &Publication<'_>,
    stored: &StoredReceipt,
    superseded: Option<ObjectRecord>,
) -> StoreResult<CommitOutcome> {
    let place = &what.place();
    if confirm_record(rows, what.bucket, what.record).await? {
        finish(rows, place, stored).await;
        return Ok(CommitOutcome::Committed { superseded });
    }
    if let Err(error) = rows.remove_receipt(place, stored).await {
        tracing::warn!(upload = %place.id, %error, "the receipt of an object in a deleted bucket stays");
    }
    Ok(CommitOutcome::NoSuchBucket)
}

/// Whether a record that was just written into a bucket stands. Where the bucket has gone meanwhile the row is taken
/// back; one that stays counts as absent. After an error the outcome is unknown.
pub async fn confirm_record<R: UploadRows>(
    rows: &R,
    bucket: &Bucket,
    record: &ObjectRecord,
) -> StoreResult<bool> {
    let stands = confirm(rows, &bucket.name, bucket.id).await;
    if stands.map_err(behind_write)? {
        return Ok(true);
    }
    if let Err(error) = rows.remove_written(&bucket.name, record).await {
        tracing::warn!(bucket = %bucket.name, %error, "the row of a write into a deleted bucket stays");
    }
    Ok(false)
}

/// What went wrong behind a write that was applied: the caller must not take it for one that was not.
pub fn behind_write(error: StoreError) -> StoreError {
    StoreError::new(StoreErrorKind::Timeout, error)
}

async fn confirm<R: UploadRows>(rows: &R, name: &BucketName, id: BucketId) -> StoreResult<bool> {
    confirm_commit(rows, rows.waiting(), name, id).await
}

/// Whether a receipt may be shown. That of an object may have been written by a process that died before it
/// confirmed that the bucket keeps the object.
async fn vouches<R: UploadRows>(rows: &R, place: &UploadPlace, receipt: &Receipt) -> StoreResult<bool> {
    match receipt.outcome {
        ReceiptOutcome::Aborted => Ok(true),
        ReceiptOutcome::Completed { .. } => confirm(rows, &place.bucket_name, place.bucket).await,
    }
}

/// What [`UploadIndex::begin_complete`](super::UploadIndex::begin_complete) answers about an upload that
/// has a receipt; `None` when it has none.
pub async fn closed<R: UploadRows>(
    rows: &R,
    upload: &Upload,
    now: Timestamp,
) -> StoreResult<Option<BeginComplete>> {
    let place = UploadPlace::of(upload);
    let stored = rows.read_receipt(&place).await?;
    let Some(stored) = stored.filter(|stored| stored.receipt.expires >= now) else {
        return Ok(None);
    };
    Ok(Some(if vouches(rows, &place, &stored.receipt).await? {
        BeginComplete::Closed(stored.receipt)
    } else {
        BeginComplete::NoSuchUpload
    }))
}

/// [`UploadIndex::receipt`](super::UploadIndex::receipt) in steps.
pub async fn receipt_in_steps<R: UploadRows>(
    rows: &R,
    bucket: &Bucket,
    key: &ObjectKey,
    upload: UploadId,
    now: Timestamp,
) -> StoreResult<Option<Receipt>> {
    let place = UploadPlace {
        bucket_name: bucket.name.clone(),
        bucket: bucket.id,
        key: key.clone(),
        id: upload,
    };
    let stored = rows.read_receipt(&place).await?.filter(|stored| {
        stored.bucket == place.bucket && stored.key == place.key && stored.receipt.expires >= now
    });
    match stored {
        Some(stored) if vouches(rows, &place, &stored.receipt).await? => Ok(Some(stored.receipt)),
        _ => Ok(None),
    }
}

/// [`UploadIndex::abort`](super::UploadIndex::abort) in steps.
pub async fn abort_in_steps<R: UploadRows>(
    rows: &R,
    upload: &Upload,
    receipt: &Receipt,
) -> StoreResult<AbortOutcome> {
    let place = UploadPlace::of(upload);
    let ends = rows.read_ends(std::slice::from_ref(&place)).await?;
    let Some(end) = ends.into_iter().next() else {
        return Err(StoreError::internal("an upload was asked for and not answered"));
    };
    if let Some(earlier) = end.receipt {
        return Ok(aborted_late(rows, &place, earlier).await);
    }
    if !end.upload.as_ref().is_some_and(has_not_ended) {
        // The two rows are not read at one moment: a receipt may have come before the row ended.
        return Ok(match rows.read_receipt(&place).await? {
            Some(earlier) => aborted_late(rows, &place, earlier).await,
            None => AbortOutcome::NoSuchUpload,
        });
    }
    let stored = StoredReceipt {
        bucket: upload.bucket,
        key: upload.key.clone(),
        receipt: receipt.clone(),
    };
    match rows.create_receipt(&place, &stored).await? {
        Some(earlier) => Ok(aborted_late(rows, &place, earlier).await),
        None => {
            finish(rows, &place, &stored).await;
            Ok(AbortOutcome::Aborted)
        }
    }
}

async fn aborted_late<R: UploadRows>(rows: &R, place: &UploadPlace, earlier: StoredReceipt) -> AbortOutcome {
    finish(rows, place, &earlier).await;
    AbortOutcome::Closed(earlier.receipt)
}

/// Does what follows a receipt, as far as it goes: the receipt already decides.
async fn finish<R: UploadRows>(rows: &R, place: &UploadPlace, stored: &StoredReceipt) {
    let state = match stored.receipt.outcome {
        ReceiptOutcome::Completed { .. } => UploadState::Completed,
        ReceiptOutcome::Aborted => UploadState::Aborted,
    };
    let finished = async {
        rows.end_upload(place.id, state, stored.receipt.expires).await?;
        sweep(rows, place).await
    };
    if let Err(error) = finished.await {
        tracing::warn!(upload = %place.id, %error, "rows of an upload that has ended stay until uploads are scanned");
    }
}

/// Removes the parts of an upload that has ended, and then its entry.
async fn sweep<R: UploadRows>(rows: &R, place: &UploadPlace) -> StoreResult<()> {
    if rows.remove_parts(place.id, PARTS_AT_ONCE).await? {
        rows.remove_upload_entry(place).await?;
    }
    Ok(())
}

/// Removes all rows of an upload that nobody will ask for.
pub async fn forget_upload<R: UploadRows>(rows: &R, place: &UploadPlace) {
    let forgotten = async {
        rows.remove_upload(place.id).await?;
        sweep(rows, place).await
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(upload = %place.id, %error, "rows of an upload that is gone stay");
    }
}

/// Removes the uploads of a bucket that is gone.
pub async fn clear_uploads<R: UploadRows>(rows: &R, bucket: (&BucketName, BucketId)) {
    let all = UploadRange::default();
    match rows.upload_entries(bucket, &all, UPLOADS_WITH_BUCKET).await {
        Ok((places, more)) => {
            for place in &places {
                forget_upload(rows, place).await;
            }
            if more {
                tracing::warn!(bucket = %bucket.1, "rows of uploads of a deleted bucket stay");
            }
        }
        Err(error) => tracing::warn!(bucket = %bucket.1, %error, "rows of uploads of a deleted bucket stay"),
    }
}

/// [`UploadIndex::scan_uploads`](super::UploadIndex::scan_uploads) in steps. What is left of uploads that
/// have ended is removed on the way.
pub async fn scan_uploads_in_steps<R: UploadRows>(
    rows: &R,
    bucket: &Bucket,
    range: &UploadRange,
    limit: usize,
) -> StoreResult<Page<Upload, UploadStart>> {
    let (mut items, mut range) = (Vec::new(), range.clone());
    loop {
        let wanted = (limit - items.len()).min(UPLOADS_AT_ONCE);
        let (places, more) = rows
            .upload_entries((&bucket.name, bucket.id), &range, wanted)
            .await?;
        let next = places
            .last()
            .filter(|_| more)
            .map(|last| UploadStart::After(last.key.as_str().to_owned(), last.id));
        items.extend(open_uploads(rows, &places).await?);
        match next {
            Some(next) if items.len() < limit => range.start = next,
            next => return Ok(Page { items, next }),
        }
    }
}

/// The uploads at these places that have not ended, in their order.
async fn open_uploads<R: UploadRows>(rows: &R, places: &[UploadPlace]) -> StoreResult<Vec<Upload>> {
    let ends = rows.read_ends(places).await?;
    let mut open = Vec::new();
    for (place, end) in places.iter().zip(ends) {
        match (end.upload, end.receipt) {
            (_, Some(stored)) => finish(rows, place, &stored).await,
            (Some(upload), None) if has_not_ended(&upload) => open.push(upload),
            (None, None) if is_beginning(rows, place.id) => {}
            (_, None) => forget_upload(rows, place).await,
        }
    }
    Ok(open)
}

fn is_beginning<R: UploadRows>(rows: &R, upload: UploadId) -> bool {
    let age = rows.waiting().0.now().since(upload.initiated());
    age < BEGINNING
}

fn has_not_ended(upload: &Upload) -> bool {
    matches!(upload.state, UploadState::Open | UploadState::Completing(_))
}
