//! What a slice deletes, and what a round begins with.

use std::collections::HashMap;

use futures_util::TryStreamExt;

use super::{GcOptions, GcReport};
use crate::model::{BlobRef, Bucket, Timestamp};
use crate::ops::multipart::abort;
use crate::ops::rows::{self, PAGE};
use crate::ports::{Ports, StoreResult};

/// How many blobs one delete names.
const DELETE_BATCH: usize = 1_000;

/// Blobs and their sizes.
pub(super) type Blobs = HashMap<BlobRef, u64>;

/// The slice's blobs that were written at `newest` or before.
pub(super) async fn old_blobs(
    ports: &Ports,
    slice: usize,
    cursor: Option<BlobRef>,
    newest: Timestamp,
    report: &mut GcReport,
) -> StoreResult<Blobs> {
    let mut old = Blobs::new();
    let mut after = cursor;
    while report.seen.blobs < slice {
        let limit = PAGE.min(slice - report.seen.blobs);
        let page = ports.blobs.scan(after.as_ref(), limit).await?;
        for entry in page.blobs {
            report.seen.add(entry.size);
            if entry.created <= newest {
                old.insert(entry.blob, entry.size);
            }
        }
        report.next = page.next;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(old)
}

pub(super) async fn sweep(ports: &Ports, garbage: &Blobs, report: &mut GcReport) {
    let blobs: Vec<BlobRef> = garbage.keys().copied().collect();
    for batch in blobs.chunks(DELETE_BATCH) {
        for outcome in ports.blobs.delete(batch).await {
            let size = garbage.get(&outcome.blob).copied().unwrap_or(0);
            match outcome.result {
                Ok(()) => report.deleted.add(size),
                Err(error) => {
                    tracing::warn!(blob = %outcome.blob, %error, "a blob that nothing names was not deleted");
                    report.failed.add(size);
                }
            }
        }
    }
}

/// Removes expired rows and aborts uploads that are too old. Returns how many uploads went.
pub(super) async fn expire(ports: &Ports, options: &GcOptions) -> StoreResult<usize> {
    let now = ports.clock.now();
    while ports.metadata.purge_expired(now, PAGE).await? == PAGE {}
    let Some(expiry) = options.upload_expiry else {
        return Ok(0);
    };
    let oldest = now.minus(expiry);
    let mut expired = 0;
    let mut buckets = rows::each_bucket(ports);
    while let Some(bucket) = buckets.try_next().await? {
        expired += expire_uploads(ports, &bucket, oldest).await?;
    }
    Ok(expired)
}

/// Aborts the bucket's uploads that are too old, page by page: the next is read from after the last upload of the one
/// before, which need not be there any more.
async fn expire_uploads(ports: &Ports, bucket: &Bucket, oldest: Timestamp) -> StoreResult<usize> {
    let mut expired = 0;
    let mut uploads = rows::uploads(ports, bucket);
    while let Some(page) = uploads.try_next().await? {
        for upload in page.iter().filter(|upload| upload.initiated <= oldest) {
            abort(ports, upload).await?;
            expired += 1;
        }
    }
    Ok(expired)
}
