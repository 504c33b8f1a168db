//! The data folder: one server at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bleepstore_tools::{Failure, Result};

use crate::trust::check_folder;

/// A data folder that this process holds until it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The kernel frees the lock when the process ends, however it ends.
    _lock: File,
}

impl DataDir {
    /// Creates the folder (mode 0700) where it is missing, and locks it. One that others may write to is refused.
    pub fn open(path: &Path) -> Result<Self> {
        create(path)?;
        check_folder(path)?;
        Self::take(path)?.ok_or_else(|| in_use(path))
    }

    /// Locks the folder; `None` where another process has the lock.
    fn take(path: &Path) -> Result<Option<Self>> {
        let path = fs::canonicalize(path).map_err(|error| failed(path, "cannot be found", error))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(|error| failed(&path, "is not writable", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { path, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(&path, "cannot be locked", error)),
        }
    }

    /// Locks a folder that a server made.
    pub fn open_existing(path: &Path) -> Result<Self> {
        existing(path)?;
        Self::take(path)?.ok_or_else(|| in_use(path))
    }

    /// Locks a folder that a server made, unless another process holds it.
    pub fn open_unless_in_use(path: &Path) -> Result<Option<Self>> {
        existing(path)?;
        Self::take(path)
    }

    /// The folder's absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn failed(path: &Path, what: &str, error: io::Error) -> Failure {
    Failure::new(format!("the data folder {} {what}: {error}", path.display()))
}

fn in_use(path: &Path) -> Failure {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    Failure::new(format!(
        "the data folder {} is in use by another server",
        path.display()
    ))
}

/// Creates the folder where it is missing.
fn create(path: &Path) -> Result<()> {
    let fresh = !path.exists();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| failed(path, "cannot be created", error))?;
    if !fresh {
        return Ok(());
    }
    let found = fs::canonicalize(path).map_err(|error| failed(path, "cannot be found", error))?;
    // The folder's own name must survive a crash as well as what is in it.
    let synced = found.parent().map_or(Ok(()), |parent| {
        File::open(parent).and_then(|parent| parent.sync_all())
    });
    synced.map_err(|error| failed(path, "cannot be made durable", error))
}

/// The path of a folder that a server made.
pub fn existing(path: &Path) -> Result<PathBuf> {
    let lost = || Failure::new(format!("{} is not a data folder", path.display()));
    if path.join("lock").is_file() {
        fs::canonicalize(path).map_err(|_| lost())
    } else {
        Err(lost())
    }
}

/// Writes a file of mode 0600: whole and durable when this returns `Ok`, and never seen in part.
pub fn write_private(path: &Path, contents: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let temporary = path.with_extension("new");
    // Left over by a crash, it could have another mode.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(contents.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}
