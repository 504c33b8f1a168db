//! The disk with faults: each operation that changes something can be made to fail.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::{DiskFiles, FileOps};

/// The disk, which fails after some number of changes: from then on until `left` is set again, or once.
pub(crate) struct Faulty {
    /// How many changes are left; `usize::MAX` where none fails.
    pub(crate) left: AtomicUsize,
    /// Whether only one change fails.
    pub(crate) once: AtomicBool,
    /// Whether an append that fails has written half of its bytes.
    pub(crate) halves: AtomicBool,
    /// Held by whoever wants files not to be synced yet.
    pub(crate) syncing: Mutex<()>,
    /// Held by whoever wants files not to be removed yet.
    pub(crate) removing: Mutex<()>,
    /// The folders that were synced.
    pub(crate) synced: Mutex<Vec<PathBuf>>,
    /// The operations that failed.
    pub(crate) failed: Mutex<Vec<&'static str>>,
}

impl Default for Faulty {
    fn default() -> Self {
        Self {
            left: AtomicUsize::new(usize::MAX),
            once: AtomicBool::new(false),
            halves: AtomicBool::new(false),
            syncing: Mutex::default(),
            removing: Mutex::default(),
            synced: Mutex::default(),
            failed: Mutex::default(),
        }
    }
}

impl Faulty {
    /// Makes the change fail that comes after `left` others, and no other.
    pub(crate) fn fail_once_after(&self, left: usize) {
        self.once.store(true, Ordering::Relaxed);
        self.left.store(left, Ordering::Relaxed);
    }

    fn step(&self, name: &'static str) -> io::Result<()> {
        match self.left.load(Ordering::Relaxed) {
            usize::MAX => Ok(()),
            0 => {
                if self.once.load(Ordering::Relaxed) {
                    self.left.store(usize::MAX, Ordering::Relaxed);
                }
                self.failed.lock().unwrap().push(name);
                Err(io::ErrorKind::StorageFull.into())
            }
            left => {
                self.left.store(left - 1, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

impl FileOps for Arc<Faulty> {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step("create")?;
        DiskFiles.create(path)
    }
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let result = self.step("append");
        if result.is_err() && self.halves.load(Ordering::Relaxed) {
            DiskFiles.append(file, &bytes[..bytes.len() / 2])?;
        }
        result.and_then(|()| DiskFiles.append(file, bytes))
    }
    fn begin_writing(&self, file: &File, bytes: Range<u64>) {
        DiskFiles.begin_writing(file, bytes);
    }
    fn reopen(&self, path: &Path) -> io::Result<File> {
        DiskFiles.reopen(path)
    }
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        self.step("truncate")?;
        DiskFiles.truncate(file, length)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        drop(self.syncing.lock().unwrap());
        self.step("sync")?;
        DiskFiles.sync(file)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename")?;
        DiskFiles.rename(from, to)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step("sync_dir")?;
        self.synced.lock().unwrap().push(path.to_owned());
        DiskFiles.sync_dir(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step("create_dir")?;
        DiskFiles.create_dir(path)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        drop(self.removing.lock().unwrap());
        DiskFiles.remove(path)
    }
    fn open(&self, path: &Path) -> io::Result<(File, u64)> {
        DiskFiles.open(path)
    }
    fn open_own(&self, path: &Path) -> io::Result<(File, u64)> {
        DiskFiles.open_own(path)
    }
    fn read_at(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        DiskFiles.read_at(file, buffer, offset)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        DiskFiles.read(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        DiskFiles.list(path)
    }
    fn stat(&self, path: &Path) -> io::Result<(u64, SystemTime)> {
        DiskFiles.stat(path)
    }
    fn set_written(&self, file: &File, time: SystemTime) -> io::Result<()> {
        self.step("set_written")?;
        DiskFiles.set_written(file, time)
    }
}
