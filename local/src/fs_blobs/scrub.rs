//! Reading files to their ends to see whether they are whole, and putting checked files in the place of plain ones.

use std::error::Error;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bleepstore_core::digest::Crc64nvmeHasher;
use bleepstore_core::model::{BlobRef, S3Error};
use bleepstore_core::ports::{
    BlobPage, BlobStream, BodyStream, Clock, StoreError, StoreErrorKind, StoreResult, WriteError,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::folders::Form;
use super::read::Opened;
use super::write::{self, Purpose};
use super::{Disk, FsBlobs, scan, store_error};

/// How fast files are read.
#[derive(Clone)]
pub struct Pace {
    /// Whose seconds count.
    pub clock: Arc<dyn Clock>,
    /// Bytes in a second at most; `None` is as fast as the disk is.
    pub bytes_per_second: Option<NonZeroU64>,
}

impl Pace {
    /// Waits for as long as that many bytes shall take.
    pub async fn pass(&self, bytes: u64) {
        if let Some(rate) = self.bytes_per_second {
            let time = Duration::from_secs(bytes).checked_div(u32::try_from(rate.get()).unwrap_or(u32::MAX));
            self.clock.sleep(time.unwrap_or_default()).await;
        }
    }
}

/// What a record says of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Its length in bytes.
    pub length: u64,
    /// Its CRC-64/NVME.
    pub crc64nvme: u64,
}

/// What became of the check of a blob's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It has a checked file of a body of that many bytes, all of which are whole.
    Whole(u64),
    /// It has a plain file, which only what a record states can tell from a damaged one.
    Plain,
    /// It has no file any more.
    Gone,
}

impl FsBlobs {
    /// As [`scan`](bleepstore_core::ports::BlobStore::scan), and the files with names of blobs that lie where nobody
    /// looks for them.
    pub async fn scan_files(
        &self,
        after: Option<BlobRef>,
        limit: usize,
    ) -> StoreResult<(BlobPage, Vec<PathBuf>)> {
        let page = move |disk: &Arc<Disk>| scan::page(disk, after, limit).map_err(store_error);
        let found = self.blocking(page).await?;
        Ok((found.page, found.strays))
    }

    /// Reads a blob's checked file to its end. A plain file beside a whole one is left over from a crash, and is
    /// removed. An error of kind `Corrupt` says that the file is damaged, and how.
    pub async fn verify(&self, blob: &BlobRef, pace: &Pace) -> StoreResult<Verified> {
        let verified = self.read_checked(blob, pace).await;
        let has_plain = self.has_plain(blob).await?;
        match verified {
            Ok(Some(length)) => {
                if has_plain {
                    self.remove_plain(blob).await?;
                }
                Ok(Verified::Whole(length))
            }
            Ok(None) if !has_plain => Ok(Verified::Gone),
            Err(error) if !has_plain => Err(error),
            // What the plain one is worth, its record tells.
            Ok(None) | Err(_) => Ok(Verified::Plain),
        }
    }

    /// The length of the body of a blob's checked file, if it has one, after reading it to its end.
    async fn read_checked(&self, blob: &BlobRef, pace: &Pace) -> StoreResult<Option<u64>> {
        let Some(opened) = self.open_form(blob, Form::Checked).await? else {
            return Ok(None);
        };
        drain(self.bytes_of(opened).await?, pace).await.map(Some)
    }

    /// Reads a blob's plain file to its end. An error of kind `Corrupt` says that it does not hold what is stated of
    /// it.
    ///
    /// Returns the length of the body, or `None` where the blob has no plain file any more.
    pub async fn compare(&self, blob: &BlobRef, stated: Stated, pace: &Pace) -> StoreResult<Option<u64>> {
        let Some(mut body) = self.plain(blob, stated, pace).await? else {
            return Ok(None);
        };
        let mut length = 0;
        while let Some(piece) = body.try_next().await.map_err(|error| cause(&error))? {
            length += piece.len() as u64;
        }
        Ok(Some(length))
    }

    /// The same, and puts a checked file in the place of the plain one, if that holds what is stated; otherwise it
    /// stays. A blob that is deleted meanwhile stays so.
    pub async fn rewrite(&self, blob: &BlobRef, stated: Stated, pace: &Pace) -> StoreResult<Option<u64>> {
        let path = self.disk.folders.path(blob, Form::Plain);
        let stat = move |disk: &Arc<Disk>| disk.files.stat(&path).map_err(store_error);
        // Where it is gone, so is the blob.
        let written = self
            .blocking(stat)
            .await
            .map_or(UNIX_EPOCH, |(_, written)| written);
        let Some(body) = self.plain(blob, stated, pace).await? else {
            return Ok(None);
        };
        match write::write(&self.disk, *blob, Purpose::InPlaceOfPlain(written), body).await {
            Ok(length) => Ok(Some(length)),
            // Where it cannot be written, the blob is no worse for it.
            Err(WriteError::Store(error)) => {
                Err(StoreError::new(StoreErrorKind::Unavailable, error.reason()))
            }
            Err(WriteError::Body(error)) => Err(cause(&error)),
        }
    }

    /// The bytes of a blob's plain file, and an error at their end where they are not what is stated.
    async fn plain(&self, blob: &BlobRef, stated: Stated, pace: &Pace) -> StoreResult<Option<BodyStream>> {
        let Some(opened) = self.open_form(blob, Form::Plain).await? else {
            return Ok(None);
        };
        let path = self.disk.folders.path(blob, Form::Plain);
        if opened.length != stated.length {
            return Err(StoreError::corrupt(format!(
                "{} is damaged: it has {} bytes, and not {} as a record says",
                path.display(),
                opened.length,
                stated.length
            )));
        }
        let bytes = self.bytes_of(opened).await?;
        let path = path.display().to_string();
        Ok(Some(compared(bytes, stated, path, pace.clone())))
    }

    async fn open_form(&self, blob: &BlobRef, form: Form) -> StoreResult<Option<Opened>> {
        let blob = *blob;
        self.blocking(move |disk| {
            if disk.deletions.hides(&blob) {
                return Ok(None);
            }
            Opened::find(disk, &blob, form)
        })
        .await
    }

    async fn bytes_of(&self, opened: Opened) -> StoreResult<BlobStream> {
        let length = opened.length;
        if length == 0 {
            return Ok(stream::empty().boxed());
        }
        self.blocking(move |_| opened.read(0..length)).await
    }

    async fn has_plain(&self, blob: &BlobRef) -> StoreResult<bool> {
        let path = self.disk.folders.path(blob, Form::Plain);
        let look = self.blocking(move |disk| match disk.files.stat(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(store_error(error)),
        });
        look.await
    }

    async fn remove_plain(&self, blob: &BlobRef) -> StoreResult<()> {
        let blob = *blob;
        self.blocking(move |disk| {
            // The name of the checked one may not be on the disk yet.
            let synced = disk.files.sync_dir(&disk.folders.folder(&blob));
            let plain = disk.folders.path(&blob, Form::Plain);
            synced
                .and_then(|()| disk.remove_if_there(&plain))
                .map_err(store_error)
        })
        .await
    }
}

/// Why a file did not give its bytes, or others than were stated.
fn cause(error: &S3Error) -> StoreError {
    match error
        .source()
        .and_then(|source| source.downcast_ref::<StoreError>())
    {
        Some(source) => StoreError::new(source.kind, source.reason()),
        None => StoreError::corrupt(error.to_string()),
    }
}

/// Reads to the end, and returns how many bytes there were.
async fn drain(mut bytes: BlobStream, pace: &Pace) -> StoreResult<u64> {
    let mut length = 0;
    while let Some(piece) = bytes.try_next().await? {
        length += piece.len() as u64;
        pace.pass(piece.len() as u64).await;
    }
    Ok(length)
}

/// The bytes, and an error at their end where they are not what is stated.
fn compared(bytes: BlobStream, stated: Stated, path: String, pace: Pace) -> BodyStream {
    let state = Some((bytes, Crc64nvmeHasher::default()));
    stream::try_unfold(state, move |state| {
        let (pace, path) = (pace.clone(), path.clone());
        async move {
            let Some((mut bytes, mut crc)) = state else {
                return Ok::<_, S3Error>(None);
            };
            if let Some(piece) = bytes.try_next().await? {
                crc.update(&piece);
                pace.pass(piece.len() as u64).await;
                return Ok(Some((piece, Some((bytes, crc)))));
            }
            let found = crc.value();
            if found != stated.crc64nvme {
                let problem = format!(
                    "{path} is damaged: its CRC-64/NVME is {found:016x}, and not {:016x} as a record says",
                    stated.crc64nvme
                );
                return Err(StoreError::corrupt(problem).into());
            }
            Ok(None)
        }
    })
    .boxed()
}
