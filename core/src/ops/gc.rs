//! Garbage collection: mark and sweep over the whole store, in slices that can be resumed.
//!
//! A slice takes the next run of blobs, marks those that some record names, and deletes the others. The roots are read
//! in one order: uploads with their parts, objects, retired manifests. Bytes only ever move along that order: a part
//! becomes an object, and a shared object that goes away leaves a retired manifest. So a blob that is named throughout
//! the mark is met in at least one place. A layout that cannot be read may name any blob: while there is
//! one, it is reported and nothing is swept, and all else goes on.

mod mark;

use std::ops::AddAssign;
use std::time::Duration;

use futures_util::TryStreamExt;

use self::mark::{Garbage, mark};
use super::edit::RETIRED_FOR;
use super::multipart::abort;
use super::rows::{self, PAGE};
use crate::model::{BlobRef, Bucket, Timestamp};
use crate::ports::{Ports, StoreError, StoreRecord, StoreResult};

/// How many blobs one delete names.
const DELETE_BATCH: usize = 1_000;

/// The share of a slice's blobs that may go without `force`, in percent.
const MOST_PERCENT: usize = 20;

/// How a collection works.
#[derive(Clone, Debug)]
pub struct GcOptions {
    /// Only blobs that were written longer ago than this are deleted. No request may live half as long.
    pub grace: Duration,
    /// Uploads that were begun longer ago than this are aborted; `None` keeps them for ever, as S3 does.
    pub upload_expiry: Option<Duration>,
    /// Whether nobody else uses the store meanwhile. Only then may the mark take longer than the grace.
    pub exclusive: bool,
    /// Report what would be deleted, however much, and change nothing.
    pub dry_run: bool,
    /// Delete even if more than 20% of a slice's blobs are garbage.
    pub force: bool,
    /// How many blobs one slice looks at: what bounds the memory.
    pub slice: usize,
}

impl Default for GcOptions {
    fn default() -> Self {
        Self {
            grace: RETIRED_FOR,
            upload_expiry: Some(Duration::from_secs(7 * 24 * 60 * 60)),
            exclusive: false,
            dry_run: false,
            force: false,
            slice: 100_000,
        }
    }
}

/// What one slice did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Blobs that the slice looked at, and their bytes.
    pub seen: Tally,
    /// Blobs that were deleted, or would be in a dry run.
    pub deleted: Tally,
    /// Blobs that were to be deleted and could not be; the next round finds them again.
    pub failed: Tally,
    /// Uploads that were aborted because they were too old.
    pub expired_uploads: usize,
    /// Records whose layouts cannot be read. While there are any, no blob is deleted: each may be one that they name.
    pub unreadable_layouts: usize,
    /// Where the next slice starts; `None` at the end of the round.
    pub next: Option<BlobRef>,
}

/// A number of blobs and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub blobs: usize,
    /// How many bytes they hold.
    pub bytes: u64,
}

impl Tally {
    /// One blob of that many bytes.
    pub(super) const fn of(bytes: u64) -> Self {
        Self { blobs: 1, bytes }
    }

    pub(super) fn add(&mut self, bytes: u64) {
        *self += Self::of(bytes);
    }
}

/// Adds the counts of a later slice, and takes over where that one stopped.
impl AddAssign<&Self> for GcReport {
    fn add_assign(&mut self, later: &Self) {
        self.seen += later.seen;
        self.deleted += later.deleted;
        self.failed += later.failed;
        self.expired_uploads += later.expired_uploads;
        // Each slice reads all layouts.
        self.unreadable_layouts = self.unreadable_layouts.max(later.unreadable_layouts);
        self.next = later.next;
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
    }
}

/// Why a slice deleted nothing.
#[derive(Debug, thiserror::Error)]
pub enum GcError {
    /// The blob store belongs to another metadata store, or an import is under way.
    #[error(
        "the blob store does not carry this metadata store's owner record, or an import is not finished: nothing is deleted"
    )]
    NotOwned,
    /// Too much of a slice looks like garbage to be believed.
    #[error("{garbage} of {seen} blobs look like garbage, more than 20%: nothing is deleted without --force")]
    TooMuch {
        /// Blobs that no record names.
        garbage: usize,
        /// Blobs that the slice looked at.
        seen: usize,
    },
    /// The mark took longer than the grace, so that it proves nothing.
    #[error("marking took longer than the grace: nothing is deleted")]
    TooSlow,
    /// Another program has raised the store's format since the slice began.
    #[error(
        "the store's format rose while it was marked: nothing is deleted, and the next slice begins anew"
    )]
    FormatRose,
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Collects one slice that starts after `cursor`. At the start of a round (no cursor), expired receipts, retired
/// manifests and uploads go first.
pub async fn collect_slice(
    ports: &Ports,
    options: &GcOptions,
    cursor: Option<BlobRef>,
) -> Result<GcReport, GcError> {
    let record = check_ownership(ports).await?;
    let started = ports.clock.now();
    let mut report = GcReport::default();
    if cursor.is_none() && !options.dry_run {
        report.expired_uploads = expire(ports, options, started).await?;
    }
    let mut garbage = candidates(ports, options, started, cursor, &mut report).await?;
    if !garbage.is_empty() {
        mark(ports, retired_until(options.grace, started), &mut garbage).await?;
        report.unreadable_layouts = garbage.unreadable_layouts();
        // A program that has raised the format meanwhile may have moved rows from before the mark to where this one does not
        // look. What it moves from now on was met.
        if check_ownership(ports).await?.format != record.format {
            return Err(GcError::FormatRose);
        }
    }
    if !options.exclusive && ports.clock.now().since(started) > options.grace.min(RETIRED_FOR) {
        return Err(GcError::TooSlow);
    }
    if options.dry_run {
        garbage.blobs().for_each(|(_, size)| report.deleted.add(size));
        return Ok(report);
    }
    if !options.force && garbage.len() * 100 > report.seen.blobs * MOST_PERCENT {
        return Err(GcError::TooMuch {
            garbage: garbage.len(),
            seen: report.seen.blobs,
        });
    }
    sweep(ports, &garbage, &mut report).await;
    Ok(report)
}

/// Collects one slice from where the last one stopped, and remembers where this one stops.
pub async fn resume_collection(ports: &Ports, options: &GcOptions) -> Result<GcReport, GcError> {
    let record = check_ownership(ports).await?;
    let report = collect_slice(ports, options, record.gc_cursor).await?;
    if !options.dry_run {
        let advanced = StoreRecord {
            gc_cursor: report.next,
            ..record
        };
        if !ports.metadata.swap_store_record(Some(&record), &advanced).await? {
            tracing::info!("another collection moved the cursor; it stays where that one put it");
        }
    }
    Ok(report)
}

/// The store's record of itself, if the blob store carries the same and no import is under way.
pub(super) async fn check_ownership(ports: &Ports) -> Result<StoreRecord, GcError> {
    let record = ports.metadata.store_record().await?;
    let owner = ports.blobs.owner().await?;
    match (record, owner) {
        (Some(record), Some(owner)) if record.active && owner.names(&record) => Ok(record),
        _ => Err(GcError::NotOwned),
    }
}

/// The slice's blobs that are old enough to be garbage.
async fn candidates(
    ports: &Ports,
    options: &GcOptions,
    started: Timestamp,
    cursor: Option<BlobRef>,
    report: &mut GcReport,
) -> StoreResult<Garbage> {
    let newest = started.minus(options.grace);
    let mut candidates = Garbage::default();
    let mut after = cursor;
    while report.seen.blobs < options.slice {
        let limit = PAGE.min(options.slice - report.seen.blobs);
        let page = ports.blobs.scan(after.as_ref(), limit).await?;
        for entry in page.blobs {
            report.seen.add(entry.size);
            if entry.created <= newest {
                candidates.add(entry);
            }
        }
        report.next = page.next;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(candidates)
}

/// From when on a retired manifest is no root any more. With a grace shorter than the usual one it is a root for as
/// long as that.
pub(super) fn retired_until(grace: Duration, started: Timestamp) -> Timestamp {
    started.plus(RETIRED_FOR.saturating_sub(grace))
}

async fn sweep(ports: &Ports, garbage: &Garbage, report: &mut GcReport) {
    let blobs: Vec<BlobRef> = garbage.blobs().map(|(blob, _)| blob).collect();
    for batch in blobs.chunks(DELETE_BATCH) {
        for outcome in ports.blobs.delete(batch).await {
            let size = garbage.size(&outcome.blob);
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
async fn expire(ports: &Ports, options: &GcOptions, now: Timestamp) -> Result<usize, GcError> {
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
