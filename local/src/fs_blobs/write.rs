//! Writing a blob: to a temporary file first.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{BodyStream, StoreResult, WriteError};
use bytes::Buf;
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use super::buffers::{Buffer, SIZE};
use super::folders::Form;
use super::frames::{FRAME, Sums};
use super::{Disk, stopped, store_error};

/// A full buffer is whole frames, as [`Sums`] wants them.
const _: () = assert!(SIZE.is_multiple_of(FRAME));

/// Which file is written.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// That of a new blob.
    New,
    /// The checked file of a blob that has a plain one, which was written at that time and makes way.
    InPlaceOfPlain(SystemTime),
}

/// The file that is written.
#[derive(Clone, Copy)]
struct Target {
    blob: BlobRef,
    purpose: Purpose,
}

/// Writes a body to a checked file that becomes the blob's once it is whole and synced. Holds two buffers: one is
/// written while the other one fills.
pub(super) async fn write(
    disk: &Arc<Disk>,
    blob: BlobRef,
    purpose: Purpose,
    mut body: BodyStream,
) -> Result<u64, WriteError> {
    let target = Target { blob, purpose };
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
                written = Some(spawn_write(disk, target, draft, full));
            }
        }
    }
    let draft = finished(written).await?.map(|(draft, _)| draft);
    let disk = Arc::clone(disk);
    let published = spawn_blocking(move || publish(&disk, target, draft, buffer)).await;
    published.map_err(stopped)?.map_err(store_error)?;
    Ok(total)
}

/// A buffer on its way to the file, then the file and the emptied buffer.
type Written = JoinHandle<io::Result<(BlobDraft, Buffer)>>;

fn spawn_write(disk: &Arc<Disk>, target: Target, draft: Option<BlobDraft>, mut buffer: Buffer) -> Written {
    let disk = Arc::clone(disk);
    spawn_blocking(move || {
        let draft = BlobDraft::begun(&disk, target, draft)?.append(buffer.as_ref())?;
        draft.file.begin_writing(buffer.as_ref().len() as u64);
        buffer.clear();
        Ok((draft, buffer))
    })
}

/// A checked file that is not whole yet.
struct BlobDraft {
    file: Draft,
    sums: Sums,
}

impl BlobDraft {
    /// The file, created if this is its first write.
    fn begun(disk: &Arc<Disk>, target: Target, draft: Option<Self>) -> io::Result<Self> {
        if let Some(draft) = draft {
            return Ok(draft);
        }
        let suffix = match target.purpose {
            Purpose::New => "",
            Purpose::InPlaceOfPlain(_) => "-checked",
        };
        let name = format!("{}-{}{suffix}", target.blob.bucket, target.blob.blob);
        Ok(Self {
            file: Draft::create(disk, &name)?,
            sums: Sums::default(),
        })
    }

    /// Writes whole frames at the end.
    fn append(mut self, frames: &[u8]) -> io::Result<Self> {
        self.sums.add(frames);
        let file = self.file.append(frames)?;
        Ok(Self { file, ..self })
    }

    /// Writes the last bytes of the body, and what stands after it.
    fn finish(mut self, blob: &BlobRef, mut rest: Buffer) -> io::Result<Draft> {
        self.sums.add(rest.as_ref());
        let end = self.sums.finish(blob);
        // Mostly the buffer has room for it: then it costs no write.
        let taken = rest.take_from(&end);
        let file = self.file.append(rest.as_ref())?;
        match &end[taken..] {
            [] => Ok(file),
            more => file.append(more),
        }
    }
}

/// The file and the emptied buffer, where anything was written, once that is done.
async fn finished(written: Option<Written>) -> StoreResult<Option<(BlobDraft, Buffer)>> {
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
        && let Err(error) = spawn_blocking(move || draft.file.discard()).await
    {
        tracing::warn!(%error, "an unfinished blob was not removed");
    }
}

/// Writes the last bytes and makes the file the blob. A small body is one trip to a blocking thread.
fn publish(disk: &Arc<Disk>, target: Target, draft: Option<BlobDraft>, rest: Buffer) -> io::Result<()> {
    let blob = &target.blob;
    let draft = BlobDraft::begun(disk, target, draft)?.finish(blob, rest)?;
    if let Purpose::InPlaceOfPlain(written) = target.purpose {
        return take_place_of_plain(disk, blob, draft, written);
    }
    if let Err(error) = disk.folders.prepare(disk.files.as_ref(), blob) {
        draft.discard();
        return Err(error);
    }
    let path = disk.folders.path(blob, Form::Checked);
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

/// Gives a blob its checked file, and then takes its plain one away. In between it has both, which a crash may leave
/// so: each is the blob.
fn take_place_of_plain(disk: &Disk, blob: &BlobRef, draft: Draft, written: SystemTime) -> io::Result<()> {
    let draft = draft.written_at(written)?.sync()?;
    let path = disk.folders.path(blob, Form::Checked);
    {
        // A scan that reads the folder's names meanwhile could see neither file.
        let _renaming = disk.renaming.write().unwrap_or_else(PoisonError::into_inner);
        draft.place(&path)?;
    }
    let synced = disk.files.sync_dir(&disk.folders.folder(blob));
    let plain = disk.folders.path(blob, Form::Plain);
    let removed = match &synced {
        Ok(()) => disk.files.remove(&plain),
        Err(_) => disk.files.stat(&plain).map(drop),
    };
    match removed {
        // The blob was deleted meanwhile, and stays so.
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.remove_if_there(&path),
        removed => synced.and(removed),
    }
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
        let appended = self.disk.files.append(&mut self.file, bytes);
        self.length += bytes.len() as u64;
        self.unless_failed(appended)
    }

    /// Has the last bytes go to the disk already.
    fn begin_writing(&self, bytes: u64) {
        let files = &self.disk.files;
        files.begin_writing(&self.file, self.length - bytes..self.length);
    }

    /// Makes the bytes durable, then gives the file its name, over any file that has it.
    pub(super) fn rename(self, to: &Path) -> io::Result<()> {
        self.sync()?.place(to)
    }

    fn sync(self) -> io::Result<Self> {
        let synced = self.disk.files.sync(&self.file);
        self.unless_failed(synced)
    }

    /// Has the file count as written at that time.
    fn written_at(self, time: SystemTime) -> io::Result<Self> {
        let set = self.disk.files.set_written(&self.file, time);
        self.unless_failed(set)
    }

    fn unless_failed(self, result: io::Result<()>) -> io::Result<Self> {
        match result {
            Ok(()) => Ok(self),
            Err(error) => {
                self.discard();
                Err(error)
            }
        }
    }

    /// Gives a file that is synced its name.
    fn place(mut self, to: &Path) -> io::Result<()> {
        let Some(from) = self.path.take() else {
            return Ok(());
        };
        let renamed = self.disk.files.rename(&from, to);
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
