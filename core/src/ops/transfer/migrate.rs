//! A store's records and bytes into other stores.

use std::collections::VecDeque;
use std::error::Error as _;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::TransferError;
use super::import::{ImportReport, Importer};
use super::placing::Existing;
use super::prune::prune;
use super::walk::{header, walk};
use crate::model::{BlobRef, S3Error};
use crate::ops::fsck::{Finding, FsckOptions, check_slice};
use crate::ops::{Progress, Tally};
use crate::ports::{
    BlobEntry, BlobRead, BlobStore, Ports, StoreError, StoreErrorKind, StoreResult, WriteError, back_off,
    exactly,
};

/// How many blobs one read of a scan asks for.
const PAGE: usize = 1_000;

/// How many blobs are copied at the same time.
const AT_ONCE: usize = 8;

/// How often the copy of a blob is tried.
const TRIES: u32 = 5;

/// How a migration works.
#[derive(Clone, Copy, Debug, Default)]
pub struct MigrateOptions {
    /// Copy bytes, and leave the records for a later migration: so the long part can be done while the old store still
    /// serves.
    pub bytes_only: bool,
}

/// What a migration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateReport {
    /// Blobs that were copied.
    pub copied: Tally,
    /// Blobs that were there already.
    pub present: Tally,
    /// What the new store holds; `None` where only bytes were copied.
    pub imported: Option<ImportReport>,
}

/// Copies the bytes of `from` into the blob store of `to`, then its records, and makes `to` active once every blob that
/// its records name is whole. Secret keys of credentials travel too.
///
/// `to` is empty, or is what an earlier migration of the same store left unfinished: then it goes on from there. A blob
/// that is there with the right length is not copied again. Nothing may be written to `from` meanwhile, unless only bytes are
/// copied.
pub async fn migrate(
    from: &Ports,
    to: &Ports,
    options: MigrateOptions,
    progress: &Progress,
) -> Result<MigrateReport, TransferError> {
    let header = header(from, true).await?;
    let mut importer = Importer::begin(to, &header, Existing::Replace, progress).await?;
    let mut report = MigrateReport {
        copied: Tally::default(),
        present: Tally::default(),
        imported: None,
    };
    copy_blobs(from, to, progress, &mut report).await?;
    if options.bytes_only {
        return Ok(report);
    }
    prune(from, to).await?;
    walk(from, true, &mut importer).await?;
    importer.settle().await?;
    check_whole(to).await?;
    report.imported = Some(importer.finish().await?);
    Ok(report)
}

/// Checks that every blob that the new store's records name is there.
async fn check_whole(to: &Ports) -> Result<(), TransferError> {
    let options = FsckOptions::default();
    let (mut broken, mut cursor) = (0, None);
    loop {
        let slice = check_slice(to, &options, cursor, &Progress::default()).await;
        let slice = slice.map_err(TransferError::Target)?;
        broken += slice
            .findings
            .iter()
            .filter(|finding| !matches!(finding, Finding::Orphan { .. } | Finding::NotOwned))
            .count();
        match slice.next {
            Some(next) => cursor = Some(next),
            None if broken > 0 => return Err(TransferError::Incomplete(broken)),
            None => return Ok(()),
        }
    }
}

/// A scan of blobs, one after the other.
struct Entries {
    blobs: Arc<dyn BlobStore>,
    page: VecDeque<BlobEntry>,
    next: Option<Option<BlobRef>>,
}

impl Entries {
    fn of(ports: &Ports) -> Self {
        Self {
            blobs: Arc::clone(&ports.blobs),
            page: VecDeque::new(),
            next: Some(None),
        }
    }

    /// The entry that [`Self::page`] begins with, after reading as many pages as it takes.
    async fn peek(&mut self) -> StoreResult<Option<&BlobEntry>> {
        while let (true, Some(after)) = (self.page.is_empty(), self.next) {
            let page = self.blobs.scan(after.as_ref(), PAGE).await?;
            self.page.extend(page.blobs);
            self.next = page.next.map(Some);
        }
        Ok(self.page.front())
    }

    async fn take(&mut self) -> StoreResult<Option<BlobEntry>> {
        self.peek().await?;
        Ok(self.page.pop_front())
    }

    /// The entry of `blob`, if there is one; what is before it is passed.
    async fn at(&mut self, blob: &BlobRef) -> StoreResult<Option<BlobEntry>> {
        while let Some(entry) = self.peek().await? {
            if entry.blob >= *blob {
                return Ok((entry.blob == *blob).then(|| entry.clone()));
            }
            self.page.pop_front();
        }
        Ok(None)
    }
}

/// Copies what is missing. Both scans are in the same order, so that one pass over both finds it.
async fn copy_blobs(
    from: &Ports,
    to: &Ports,
    progress: &Progress,
    report: &mut MigrateReport,
) -> Result<(), TransferError> {
    let (mut wanted, mut present) = (Entries::of(from), Entries::of(to));
    let mut under_way = FuturesUnordered::new();
    while let Some(entry) = wanted.take().await.map_err(TransferError::Source)? {
        let found = present.at(&entry.blob).await.map_err(TransferError::Target)?;
        match found {
            Some(found) if found.size == entry.size => {
                report.present += Tally::of(entry.size);
                progress.pass_blobs(1);
                continue;
            }
            Some(_) => delete(to, &entry.blob).await?,
            None => {}
        }
        if under_way.len() >= AT_ONCE
            && let Some(copied) = under_way.try_next().await?
        {
            report.copied += copied;
        }
        under_way.push(copy(from, to, entry, progress));
    }
    while let Some(copied) = under_way.try_next().await? {
        report.copied += copied;
    }
    Ok(())
}

async fn delete(to: &Ports, blob: &BlobRef) -> Result<(), TransferError> {
    for outcome in to.blobs.delete(&[*blob]).await {
        outcome.result.map_err(TransferError::Target)?;
    }
    Ok(())
}

/// Copies one blob. One that is gone by now is none: no record names it any more, or the check of the whole finds it.
async fn copy(
    from: &Ports,
    to: &Ports,
    entry: BlobEntry,
    progress: &Progress,
) -> Result<Tally, TransferError> {
    let mut attempt = 0;
    loop {
        back_off(to.clock.as_ref(), to.entropy.as_ref(), attempt).await;
        attempt += 1;
        let failure = match copy_once(from, to, &entry).await {
            Ok(copied) => {
                progress.pass_blobs(copied.blobs as u64);
                progress.pass_bytes(copied.bytes);
                return Ok(copied);
            }
            Err(failure) => failure,
        };
        if let TransferError::Source(error) = &failure
            && error.is_damage()
        {
            // All others are worth having. Where a record names it, the check of the whole finds that it is missing.
            tracing::error!(blob = %entry.blob, %error, "a blob cannot be read and was not copied");
            return Ok(Tally::default());
        }
        let (TransferError::Source(error) | TransferError::Target(error)) = &failure else {
            return Err(failure);
        };
        let may_pass = matches!(
            error.kind,
            StoreErrorKind::Throttled | StoreErrorKind::Unavailable | StoreErrorKind::Timeout
        );
        if attempt == TRIES || !may_pass {
            return Err(failure);
        }
        // What had an unknown outcome may have been written.
        delete(to, &entry.blob).await?;
    }
}

async fn copy_once(from: &Ports, to: &Ports, entry: &BlobEntry) -> Result<Tally, TransferError> {
    let bytes = if entry.size == 0 {
        stream::empty().boxed()
    } else {
        match from.blobs.read(&entry.blob, 0..entry.size).await {
            Ok(BlobRead::Found(bytes)) => exactly(entry.size, bytes),
            Ok(BlobRead::Missing) => return Ok(Tally::default()),
            Err(error) => return Err(TransferError::Source(error)),
        }
    };
    let body = bytes.map_err(S3Error::from).boxed();
    match to.blobs.write(&entry.blob, body, Some(entry.size)).await {
        Ok(_) => Ok(Tally::of(entry.size)),
        Err(WriteError::Store(error)) => Err(TransferError::Target(error)),
        Err(WriteError::Body(error)) => {
            let source = error
                .source()
                .and_then(|source| source.downcast_ref::<StoreError>());
            let kind = source.map_or(StoreErrorKind::Unavailable, |source| source.kind);
            Err(TransferError::Source(StoreError::new(kind, error)))
        }
    }
}
