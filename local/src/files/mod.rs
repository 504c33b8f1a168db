//! The few operations on files that the stores are made of, in one place so that tests can make each fail.

#[cfg(test)]
pub(crate) mod faulty;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use bleepstore_core::ports::{StoreError, StoreErrorKind};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Operations on files. They block.
pub(crate) trait FileOps: Send + Sync {
    /// Creates a file for writing, for its owner alone; one of that name must not exist.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Writes all the bytes at the end.
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
    /// Has the system write these bytes of the file to the disk while more of it comes, so that [`FileOps::sync`] has
    /// less to wait for. Promises nothing.
    fn begin_writing(&self, file: &File, bytes: Range<u64>);
    /// Opens a file to append to it.
    fn reopen(&self, path: &Path) -> io::Result<File>;
    /// Cuts the file off after its first `length` bytes.
    fn truncate(&self, file: &File, length: u64) -> io::Result<()>;
    /// Makes the file's bytes and length durable, though not its name.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Gives the file another name in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Creates a folder, for its owner alone. One that exists is fine.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Removes a file's name. Who has the file open goes on reading.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Opens a file for reading, and tells its length.
    fn open(&self, path: &Path) -> io::Result<(File, u64)>;
    /// Opens a file for reading, and tells its length. `InvalidData` where the name is a symbolic link, or of no file.
    fn open_own(&self, path: &Path) -> io::Result<(File, u64)>;
    /// Fills `buffer` from `offset`; `UnexpectedEof` when the file is shorter.
    fn read_at(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// All of a small file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The names in a folder, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;
    /// A file's length and when it was last written. What is no file, or a symbolic link, has no bytes.
    fn stat(&self, path: &Path) -> io::Result<(u64, SystemTime)>;
    /// Has the file count as last written at that time.
    fn set_written(&self, file: &File, time: SystemTime) -> io::Result<()>;
}

/// The operating system's files.
pub(crate) struct DiskFiles;

impl FileOps for DiskFiles {
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    }

    fn reopen(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).open(path)
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Linux starts to write what it is told not to keep, and keeps it all the same until it is written.
    fn begin_writing(&self, file: &File, bytes: Range<u64>) {
        #[cfg(target_os = "linux")]
        if let Some(length) = std::num::NonZeroU64::new(bytes.end - bytes.start) {
            use rustix::fs::{Advice, fadvise};
            if let Err(error) = fadvise(file, bytes.start, Some(length), Advice::DontNeed) {
                tracing::debug!(%error, "writing was not begun early");
            }
        }
        #[cfg(not(target_os = "linux"))]
        drop((file, bytes));
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn open(&self, path: &Path) -> io::Result<(File, u64)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    fn open_own(&self, path: &Path) -> io::Result<(File, u64)> {
        // Opening a pipe must not wait for who writes to it.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits() as i32)
            .open(path)
            .map_err(|error| match error.raw_os_error() {
                Some(code) if code == Errno::LOOP.raw_os_error() => no_file("it is a symbolic link"),
                _ => error,
            })?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(no_file("it is no file"));
        }
        Ok((file, metadata.len()))
    }

    fn read_at(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn stat(&self, path: &Path) -> io::Result<(u64, SystemTime)> {
        let metadata = fs::symlink_metadata(path)?;
        let length = if metadata.is_file() { metadata.len() } else { 0 };
        Ok((length, metadata.modified()?))
    }

    fn set_written(&self, file: &File, time: SystemTime) -> io::Result<()> {
        file.set_modified(time)
    }
}

fn no_file(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What a failed file operation means to a caller of the port. Nothing of the operation can be seen.
pub(crate) fn store_error(error: io::Error) -> StoreError {
    let kind = match error.kind() {
        // Full disks, quotas, memory and file tables may have room again.
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::OutOfMemory
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::ResourceBusy
        | io::ErrorKind::StaleNetworkFileHandle
        | io::ErrorKind::TimedOut => StoreErrorKind::Unavailable,
        _ if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) => StoreErrorKind::Unavailable,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Internal,
    };
    StoreError::new(kind, error)
}

/// "Too many open files in system", the same number on every Unix.
const ENFILE: i32 = 23;
/// "Too many open files".
const EMFILE: i32 = 24;
