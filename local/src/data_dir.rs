//! The data folder: one server at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bleepstore_tools::{Failure, Result};

/// A data folder that this process holds until it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The kernel frees the lock when the process ends, however it ends.
    _lock: File,
}

impl DataDir {
    /// Creates the folder (mode 0700) where it is missing, and locks it.
    pub fn open(path: &Path) -> Result<Self> {
        Self::take(path)?.ok_or_else(|| {
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            Failure::new(format!(
                "the data folder {} is in use by another server",
                path.display()
            ))
        })
    }

    /// The same; `None` where another process has the lock.
    fn take(path: &Path) -> Result<Option<Self>> {
        let failed = |what: &str, error: io::Error| {
            Failure::new(format!("the data folder {} {what}: {error}", path.display()))
        };
        let fresh = !path.exists();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| failed("cannot be created", error))?;
        let path = fs::canonicalize(path).map_err(|error| failed("cannot be found", error))?;
        // The folder's own name must survive a crash as well as what is in it.
        if let Some(parent) = path.parent().filter(|_| fresh) {
            let synced = File::open(parent).and_then(|parent| parent.sync_all());
            synced.map_err(|error| failed("cannot be made durable", error))?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(|error| failed("is not writable", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { path, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("cannot be locked", error)),
        }
    }

    /// Locks a folder that a server made.
    pub fn open_existing(path: &Path) -> Result<Self> {
        existing(path)?;
        Self::open(path)
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
