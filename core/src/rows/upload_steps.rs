//! The life of an upload, where that takes several steps.
//!
//! Its receipt decides how it ends. What follows it (the upload's row, its parts, its entry in the index) is done in
//! the same request, up to a bound; the entry goes last, so that a scan of uploads meets what is left and
//! goes on. A process may stop between any two steps.

use std::time::Duration;

use futures_util::future::try_join;

use super::upload_rows::{StoredReceipt, UploadPlace, UploadRows, upload_places};
use super::{IndexEntry, NamedRows, confirm_commit, delete_in_steps, drop_entry};
use crate::model::{
    Bucket, BucketId, BucketName, ObjectKey, Part, Receipt, ReceiptOutcome, Timestamp, Token, Upload,
    UploadId, UploadState,
};
use crate::ports::{
    AbortOutcome, BeginComplete, DeleteBucketOutcome, Page, RecordPartOutcome, StoreError, StoreResult,
    UploadLookup, UploadRange, UploadStart,
};

/// Parts that one request removes at most. The next scan of the bucket's uploads goes on.
const PARTS_AT_ONCE: usize = 1_000;
/// Uploads of a deleted bucket that are removed with it. More of them stay as rows that nothing reads.
const UPLOADS_WITH_BUCKET: usize = 100;
/// How many uploads that have ended one scan removes what is left of, or a few more: each takes several calls, and its parts.
pub const CLEARED_AT_ONCE: usize = 50;
/// Uploads whose rows one step of a scan reads, each with its receipt.
const UPLOADS_AT_ONCE: usize = CLEARED_AT_ONCE;
/// An entry whose upload has no row is of one that is just being begun, until it is this old.
const BEGINNING: Duration = Duration::from_secs(24 * 60 * 60);

/// Implements [`UploadIndex`](crate::ports::UploadIndex) for a store that is an [`UploadStore`](crate::rows::UploadStore).
#[macro_export]
macro_rules! uploads_in_steps {
    ($store:ty) => {
        const _: () = {
            use $crate::{model, ports, rows};

            #[async_trait::async_trait]
            impl ports::UploadIndex for $store {
                async fn begin_upload(&self, upload: &model::Upload) -> ports::StoreResult<bool> {
                    rows::begin_upload_in_steps(self, upload).await
                }

                async fn lookup_upload(
                    &self,
                    bucket: &model::BucketName,
                    upload: model::UploadId,
                ) -> ports::StoreResult<ports::UploadLookup> {
                    rows::lookup_upload_in_steps(self, bucket, upload).await
                }

                async fn record_part(
                    &self,
                    upload: &model::Upload,
                    part: &model::Part,
                ) -> ports::StoreResult<ports::RecordPartOutcome> {
                    rows::record_part_in_steps(self, upload, part).await
                }

                async fn begin_complete(
                    &self,
                    upload: &model::Upload,
                    token: model::Token,
                    now: model::Timestamp,
                ) -> ports::StoreResult<ports::BeginComplete> {
                    rows::begin_complete_in_steps(self, upload, token, now).await
                }

                async fn reopen(
                    &self,
                    upload: &model::Upload,
                    token: model::Token,
                ) -> ports::StoreResult<()> {
                    rows::UploadStore::open_again(self, upload.id, token).await
                }

                async fn abort(
                    &self,
                    upload: &model::Upload,
                    receipt: &model::Receipt,
                ) -> ports::StoreResult<ports::AbortOutcome> {
                    rows::abort_in_steps(self, upload, receipt).await
                }

                async fn receipt(
                    &self,
                    bucket: &model::Bucket,
                    key: &model::ObjectKey,
                    upload: model::UploadId,
                    now: model::Timestamp,
                ) -> ports::StoreResult<Option<model::Receipt>> {
                    rows::receipt_in_steps(self, bucket, key, upload, now).await
                }

                async fn scan_parts(
                    &self,
                    upload: &model::Upload,
                    after: Option<model::PartNumber>,
                    limit: usize,
                ) -> ports::StoreResult<ports::Page<model::Part, model::PartNumber>> {
                    rows::UploadStore::parts_after(self, upload.id, after, limit).await
                }

                async fn scan_uploads(
                    &self,
                    bucket: &model::Bucket,
                    range: &ports::UploadRange,
                    limit: usize,
                ) -> ports::StoreResult<ports::Page<model::Upload, ports::UploadStart>> {
                    rows::scan_uploads_in_steps(self, bucket, range, limit).await
                }

                async fn retire(&self, retired: &model::RetiredManifest) -> ports::StoreResult<()> {
                    rows::UploadStore::keep_retired(self, retired).await
                }

                async fn scan_retired(
                    &self,
                    after: Option<model::CommitId>,
                    now: model::Timestamp,
                    limit: usize,
                ) -> ports::StoreResult<ports::Page<model::RetiredManifest, model::CommitId>> {
                    rows::UploadStore::retired_after(self, after, now, limit).await
                }
            }
        };
    };
}

/// [`UploadIndex::begin_upload`](crate::ports::UploadIndex::begin_upload) in steps.
pub async fn begin_upload_in_steps<R: UploadRows>(rows: &R, upload: &Upload) -> StoreResult<bool> {
    let place = UploadPlace::of(upload);
    // Either may be left alone after a failure: nobody learns of the upload then.
    let (index, entry) = (rows.uploads_index(place.bucket), place.entry());
    try_join(rows.put_entry(&index, &entry), rows.put_upload(upload)).await?;
    let stands = rows.is_current(&place.bucket_name, place.bucket).await;
    if stands.map_err(StoreError::after_write)? {
        return Ok(true);
    }
    forget_upload(rows, &place).await;
    Ok(false)
}

/// [`UploadIndex::lookup_upload`](crate::ports::UploadIndex::lookup_upload) in steps.
pub async fn lookup_upload_in_steps<R: UploadRows>(
    rows: &R,
    bucket: &BucketName,
    upload: UploadId,
) -> StoreResult<UploadLookup> {
    let (bucket, upload) = rows.read_with_bucket(bucket, upload).await?;
    let upload = upload.filter(|upload| bucket.as_ref().is_some_and(|bucket| bucket.id == upload.bucket));
    Ok(UploadLookup { bucket, upload })
}

/// [`UploadIndex::record_part`](crate::ports::UploadIndex::record_part) in steps.
pub async fn record_part_in_steps<R: UploadRows>(
    rows: &R,
    upload: &Upload,
    part: &Part,
) -> StoreResult<RecordPartOutcome> {
    let replaced = rows.write_part(upload.id, part).await?;
    let row = rows
        .read_upload(upload.id)
        .await
        .map_err(StoreError::after_write)?;
    if row.is_some_and(|row| row.state == UploadState::Open) {
        return Ok(RecordPartOutcome::Recorded);
    }
    let undone = rows.undo_part(upload.id, part, replaced).await;
    undone.map_err(StoreError::after_write)?;
    Ok(RecordPartOutcome::NoSuchUpload)
}

/// [`UploadIndex::begin_complete`](crate::ports::UploadIndex::begin_complete) in steps.
pub async fn begin_complete_in_steps<R: UploadRows>(
    rows: &R,
    upload: &Upload,
    token: Token,
    now: Timestamp,
) -> StoreResult<BeginComplete> {
    if let Some(ended) = closed(rows, upload, now).await? {
        return Ok(ended);
    }
    if let Some(began) = rows.take_upload(upload.id, token).await? {
        return Ok(BeginComplete::Began(Box::new(began)));
    }
    // It may have ended since its receipt was looked for.
    let ended = closed(rows, upload, now).await?;
    Ok(ended.unwrap_or(BeginComplete::NoSuchUpload))
}

/// Whether a receipt may be shown. That of an object may have been written by a process that died before it
/// confirmed that the bucket keeps the object.
pub(super) async fn vouches<R: UploadRows>(
    rows: &R,
    place: &UploadPlace,
    receipt: &Receipt,
) -> StoreResult<bool> {
    match receipt.outcome {
        ReceiptOutcome::Aborted => Ok(true),
        ReceiptOutcome::Completed { .. } => {
            confirm_commit(rows, rows.waiting(), &place.bucket_name, place.bucket).await
        }
    }
}

/// What the completion of an upload that has a receipt answers; `None` when it has none.
async fn closed<R: UploadRows>(
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

/// [`UploadIndex::receipt`](crate::ports::UploadIndex::receipt) in steps.
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

/// [`UploadIndex::abort`](crate::ports::UploadIndex::abort) in steps.
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
    if end.upload.is_none_or(|upload| upload.state.has_ended()) {
        // The two rows are not read at one moment: a receipt may have come before the row ended.
        return Ok(match rows.read_receipt(&place).await? {
            Some(earlier) => aborted_late(rows, &place, earlier).await,
            None => AbortOutcome::NoSuchUpload,
        });
    }
    let stored = place.stored(receipt);
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
pub(super) async fn finish<R: UploadRows>(rows: &R, place: &UploadPlace, stored: &StoredReceipt) {
    let state = stored.receipt.outcome.state();
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
        let index = rows.uploads_index(place.bucket);
        rows.remove_entry(&index, &place.entry()).await?;
    }
    Ok(())
}

/// Removes all rows of an upload that nobody will ask for.
async fn forget_upload<R: UploadRows>(rows: &R, place: &UploadPlace) {
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
    match upload_places(rows, bucket, &all, UPLOADS_WITH_BUCKET).await {
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

/// [`BucketIndex::delete_bucket`](crate::ports::BucketIndex::delete_bucket) in steps, in a store that finds buckets by an
/// index of their names.
pub async fn delete_with_uploads<R: UploadRows + NamedRows<Bucket>>(
    rows: &R,
    name: &BucketName,
    id: BucketId,
    token: Token,
) -> StoreResult<DeleteBucketOutcome> {
    let outcome = delete_in_steps(rows, rows.waiting(), name, id, token).await?;
    if outcome == DeleteBucketOutcome::Deleted {
        drop_entry(rows, R::INDEX, &IndexEntry::new(name.as_str(), id)).await;
        clear_uploads(rows, (name, id)).await;
    }
    Ok(outcome)
}

/// [`UploadIndex::scan_uploads`](crate::ports::UploadIndex::scan_uploads) in steps. What is left of uploads that
/// have ended is removed on the way, and a step that met some is the last one.
pub async fn scan_uploads_in_steps<R: UploadRows>(
    rows: &R,
    bucket: &Bucket,
    range: &UploadRange,
    limit: usize,
) -> StoreResult<Page<Upload, UploadStart>> {
    let (mut items, mut range) = (Vec::new(), range.clone());
    let mut read = 0;
    loop {
        let wanted = (limit - read).min(UPLOADS_AT_ONCE);
        let (places, more) = upload_places(rows, (&bucket.name, bucket.id), &range, wanted).await?;
        read += places.len();
        let next = places
            .last()
            .filter(|_| more)
            .map(|last| UploadStart::After(last.key.as_str().to_owned(), last.id));
        items.extend(open_uploads(rows, &places).await?);
        match next {
            Some(next) if read < limit && items.len() == read => range.start = next,
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
            (Some(upload), None) if !upload.state.has_ended() => open.push(upload),
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
