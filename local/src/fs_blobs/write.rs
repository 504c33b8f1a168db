//! Writing a blob: to a temporary file first.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{BodyStream, StoreResult, WriteError};
use bytes::Buf;
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use super::buffers::Buffer;
use super::{Disk, stopped, store_error};

/// Writes a body to a file that becomes the blob once it is whole and synced. Holds two buffers: one is written while
/// the other one fills.
pub(super) async fn write(disk: &Arc<Disk>, blob: BlobRef, mut body: BodyStream) -> Result<u64, WriteError> {
    let mut buffer = disk.buffers.take();
    let mut total = 0;
    let mut written: Option<Written> = None;
    while let Some(piece) = body.next().await {
        let mut piece = match piece {
            Ok(piece) => piece,
            Err(error) => {
                discard(written).await;
                return Err(WriteError::Body(error));
            }
        };
        total += piece.len() as u64;
        while !piece.is_empty() {
            piece.advance(buffer.take_from(&piece));
            if buffer.is_full() {
                let (draft, empty) = match finished(written.take()).await? {
                    Some((draft, buffer)) => (Some(draft), buffer),
                    None => (None, disk.buffers.take()),
                };
                let full = std::mem::replace(&mut buffer, empty);
                written = Some(spawn_write(disk, blob, draft, full));
            }
        }
    }
    let draft = finished(written).await?.map(|(draft, _)| draft);
    let disk = Arc::clone(disk);
    let published = spawn_blocking(move || publish(&disk, &blob, draft, buffer.as_ref())).await;
    published.map_err(stopped)?.map_err(store_error)?;
    Ok(total)
}

/// A buffer on its way to the file, then the file and the emptied buffer.
type Written = JoinHandle<io::Result<(Draft, Buffer)>>;

fn spawn_write(disk: &Arc<Disk>, blob: BlobRef, draft: Option<Draft>, mut buffer: Buffer) -> Written {
    let disk = Arc::clone(disk);
    spawn_blocking(move || {
        let draft = append(&disk, &blob, draft, buffer.as_ref())?;
        draft.begin_writing(buffer.as_ref().len() as u64);
        buffer.clear();
        Ok((draft, buffer))
    })
}

/// The file, created if this is its first write, with `bytes` at its end.
fn append(disk: &Arc<Disk>, blob: &BlobRef, draft: Option<Draft>, bytes: &[u8]) -> io::Result<Draft> {
    let draft = match draft {
        Some(draft) => draft,
        None => Draft::create(disk, &format!("{}-{}", blob.bucket, blob.blob))?,
    };
    draft.append(bytes)
}

/// The file and the emptied buffer, where anything was written, once that is done.
async fn finished(written: Option<Written>) -> StoreResult<Option<(Draft, Buffer)>> {
    let Some(written) = written else {
        return Ok(None);
    };
    written.await.map_err(stopped)?.map_err(store_error).map(Some)
}

/// Removes the file before the body's error is passed on, so that nothing is left when the client hears of it.
async fn discard(written: Option<Written>) {
    let Some(written) = written else {
        return;
    };
    if let Ok(Ok((draft, _))) = written.await
        && let Err(error) = spawn_blocking(move || draft.discard()).await
    {
        tracing::warn!(%error, "an unfinished blob was not removed");
    }
}

/// Writes the last bytes and makes the file the blob. A small body is one trip to a blocking thread.
fn publish(disk: &Arc<Disk>, blob: &BlobRef, draft: Option<Draft>, rest: &[u8]) -> io::Result<()> {
    let draft = append(disk, blob, draft, rest)?;
    if let Err(error) = disk.folders.prepare(disk.files.as_ref(), blob) {
        draft.discard();
        return Err(error);
    }
    let path = disk.folders.path(blob);
    // An import brings blobs back under their names.
    disk.deletions.wait_for(blob);
    draft.rename(&path)?;
    let synced = disk.files.sync_dir(&disk.folders.folder(blob));
    if synced.is_err() {
        // The name might not last; a write that failed must not be seen.
        remove(disk, &path);
    }
    synced
}

/// A file in `tmp/`, which is removed unless it gets its name. Every method that fails has removed it.
pub(super) struct Draft {
    disk: Arc<Disk>,
    file: File,
    length: u64,
    /// `None` once nothing is left to remove.
    path: Option<PathBuf>,
}

impl Draft {
    pub(super) fn create(disk: &Arc<Disk>, name: &str) -> io::Result<Self> {
        let path = disk.folders.tmp().join(name);
        Ok(Self {
            file: disk.files.create(&path)?,
            disk: Arc::clone(disk),
            length: 0,
            path: Some(path),
        })
    }

    /// Writes `bytes` at the end.
    pub(super) fn append(mut self, bytes: &[u8]) -> io::Result<Self> {
        match self.disk.files.append(&mut self.file, bytes) {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(self)
            }
            Err(error) => {
                self.discard();
                Err(error)
            }
        }
    }

    /// Has the last bytes go to the disk already.
    fn begin_writing(&self, bytes: u64) {
        let files = &self.disk.files;
        files.begin_writing(&self.file, self.length - bytes..self.length);
    }

    /// Makes the bytes durable, then gives the file its name, over any file that has it.
    pub(super) fn rename(mut self, to: &Path) -> io::Result<()> {
        let Some(from) = self.path.take() else {
            return Ok(());
        };
        let files = &self.disk.files;
        let renamed = files.sync(&self.file).and_then(|()| files.rename(&from, to));
        if renamed.is_err() {
            remove(&self.disk, &from);
        }
        renamed
    }

    /// Removes the file. Blocks, as dropping does not.
    fn discard(mut self) {
        if let Some(path) = self.path.take() {
            remove(&self.disk, &path);
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else {
            return;
        };
        // The future of a write may be dropped on an async thread, which must not block. What a runtime
        // that shuts down does not get to is removed when the store is opened again.
        let disk = Arc::clone(&self.disk);
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove(&disk, &path))),
            Err(_) => remove(&disk, &path),
        }
    }
}

fn remove(disk: &Disk, path: &Path) {
    if let Err(error) = disk.files.remove(path) {
        tracing::warn!(%error, path = %path.display(), "an unfinished blob was not removed");
    }
}
