//! The blob port on files: `blobs/{bucket id}/{aa}/{bb}/{blob id}.c1`, where `aa` and `bb` are the first two
//! bytes of the blob's id in hex, so that no folder grows large.
//!
//! Files have checksums (`frames`), and every byte is checked before it is passed on. Release 0.1 wrote `{blob id}`,
//! the body and nothing else: such plain files are read as they are, until a scrub puts checked ones in their place. A
//! file is what its name says, whatever it holds.
//!
//! A blob is written to a file in `tmp/`, synced, renamed into its folder, and the folder is synced: a name
//! under `blobs/` is always a whole blob.

mod buffers;
mod deletions;
mod folders;
mod frames;
mod read;
mod scan;
mod scrub;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{
    BlobPage, BlobRead, BlobStore, BodyStream, DeleteOutcome, OwnerRecord, StoreError, StoreErrorKind,
    StoreResult, WriteError,
};
use bleepstore_core::rows::read_stored;
use tokio::task::spawn_blocking;

use self::buffers::Buffers;
use self::deletions::Deletions;
use self::folders::{Folders, Form};
pub use self::scrub::{Pace, Stated, Verified};
use self::write::Purpose;
use crate::files::{DiskFiles, FileOps, store_error};

/// A blob store in a folder.
#[derive(Clone)]
pub struct FsBlobs {
    disk: Arc<Disk>,
}

/// What the blocking side of every operation works on.
struct Disk {
    files: Box<dyn FileOps>,
    folders: Folders,
    buffers: Arc<Buffers>,
    deletions: Deletions,
    /// Held while the owner record is replaced, whose draft has one name.
    owner: Mutex<()>,
    /// Held for writing while a blob's checked file gets its name beside the plain one.
    renaming: RwLock<()>,
}

impl FsBlobs {
    /// Opens the store in `root`, which must exist, and creates what is missing. Removes what unfinished
    /// writes left: the caller makes sure that no other process uses the folder. Blocks: call it before
    /// serving.
    pub fn open(root: &Path) -> io::Result<Self> {
        Self::open_with(root, Box::new(DiskFiles))
    }

    /// Opens the store in `root` beside another process that may have opened it, and leaves that one's unfinished
    /// writes alone. Blocks.
    pub fn beside(root: &Path) -> io::Result<Self> {
        Self::prepare(root, Box::new(DiskFiles))
    }

    fn open_with(root: &Path, files: Box<dyn FileOps>) -> io::Result<Self> {
        let store = Self::prepare(root, files)?;
        // Nothing is removed from the folder of a store that a later program has raised.
        match store.disk.owner() {
            Err(error) if error.kind == StoreErrorKind::TooNew => return Err(io::Error::other(error)),
            _ => {}
        }
        let Disk { files, folders, .. } = store.disk.as_ref();
        for name in files.list(folders.tmp())? {
            files.remove(&folders.tmp().join(name))?;
        }
        Ok(store)
    }

    fn prepare(root: &Path, files: Box<dyn FileOps>) -> io::Result<Self> {
        let folders = Folders::new(root);
        for folder in [folders.blobs(), folders.tmp()] {
            files.create_dir(folder)?;
        }
        files.sync_dir(root)?;
        let buffers = Arc::default();
        Ok(Self {
            disk: Arc::new(Disk {
                files,
                folders,
                buffers,
                deletions: Deletions::default(),
                owner: Mutex::default(),
                renaming: RwLock::default(),
            }),
        })
    }

    /// Removes the files of all blobs whose deletion is queued.
    pub async fn close(&self) {
        let disk = Arc::clone(&self.disk);
        if let Err(error) = spawn_blocking(move || deletions::drain(&disk)).await {
            tracing::warn!(%error, "some deleted blobs are left to gc");
        }
    }

    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Disk>) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let disk = Arc::clone(&self.disk);
        spawn_blocking(move || work(&disk))
            .await
            .unwrap_or_else(|error| Err(stopped(error)))
    }
}

impl Disk {
    /// Deletes one blob. Not synced: a blob that a crash brings back is an orphan, which gc finds. Its
    /// folder stays, even when it is empty: another blob may be on its way into it.
    fn delete(&self, blob: &BlobRef) -> StoreResult<()> {
        // The plain file first: whoever is about to replace it looks whether it is there still.
        for form in [Form::Plain, Form::Checked] {
            let removed = self.remove_if_there(&self.folders.path(blob, form));
            removed.map_err(store_error)?;
        }
        Ok(())
    }

    fn remove_if_there(&self, path: &Path) -> io::Result<()> {
        match self.files.remove(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn owner_path(&self) -> PathBuf {
        self.folders.blobs().join("owner.json")
    }

    fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        match self.files.read(&self.owner_path()) {
            Ok(json) => read_stored(&json).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(store_error(error)),
        }
    }

    fn set_owner(self: &Arc<Self>, owner: &OwnerRecord) -> StoreResult<()> {
        let json = serde_json::to_vec(owner).map_err(StoreError::internal)?;
        self.replace_owner(&json).map_err(store_error)
    }

    fn replace_owner(self: &Arc<Self>, json: &[u8]) -> io::Result<()> {
        let _alone = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        write::Draft::create(self, "owner.json")?
            .append(json)?
            .rename(&self.owner_path())?;
        self.files.sync_dir(self.folders.blobs())
    }
}

#[async_trait]
impl BlobStore for FsBlobs {
    async fn write(
        &self,
        blob: &BlobRef,
        body: BodyStream,
        _size_hint: Option<u64>,
    ) -> Result<u64, WriteError> {
        write::write(&self.disk, *blob, Purpose::New, body).await
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        let blob = *blob;
        self.blocking(move |disk| read::open(disk, &blob, range)).await
    }

    /// That of one blob returns once it is queued. Many at once are gc's, which counts what became of each.
    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        if let [blob] = *blobs
            && deletions::queue(&self.disk, blob)
        {
            let result = Ok(());
            return vec![DeleteOutcome { blob, result }];
        }
        let (disk, batch) = (Arc::clone(&self.disk), blobs.to_vec());
        let deleted = spawn_blocking(move || {
            let outcome = |blob| DeleteOutcome {
                blob,
                result: disk.delete(&blob),
            };
            batch.into_iter().map(outcome).collect()
        });
        deleted.await.unwrap_or_else(|error| {
            let reason = error.to_string();
            let outcome = |&blob| DeleteOutcome {
                blob,
                result: Err(StoreError::internal(reason.clone())),
            };
            blobs.iter().map(outcome).collect()
        })
    }

    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        let after = after.copied();
        self.blocking(move |disk| scan::page(disk, after, limit).map_err(store_error))
            .await
            .map(|found| found.page)
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        self.blocking(|disk| disk.owner()).await
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        let owner = *owner;
        self.blocking(move |disk| disk.set_owner(&owner)).await
    }
}

/// The blocking task did not finish: it panicked, or the runtime is shutting down.
fn stopped(error: tokio::task::JoinError) -> StoreError {
    StoreError::internal(error)
}
