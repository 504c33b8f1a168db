//! The file, and how it grows.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::OpenError;
use super::line;
use super::replay::{Replayed, replay};
use crate::files::FileOps;
use crate::group_commit::lost;

/// A log that is appended to. All of it is durable between two calls.
pub(super) struct Log {
    files: Arc<dyn FileOps>,
    path: PathBuf,
    file: File,
    length: u64,
    sealed: bool,
}

/// Why lines were not appended.
#[derive(Debug)]
pub(super) enum AppendError {
    /// Nothing of them is in the file.
    Refused(io::Error),
    /// Nobody knows what is in the file, for this reason.
    Lost(String),
}

impl Log {
    /// Opens the log at `path`, or creates it; reads all of it, and removes what an unfinished write left at its end.
    /// What was read is durable when this returns.
    pub(super) fn open(files: Arc<dyn FileOps>, path: &Path) -> Result<(Self, Replayed), OpenError> {
        let opened = match files.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(&files, path).map_err(OpenError::io("the log cannot be created"))?;
                files.open(path)
            }
            opened => opened,
        };
        let (reading, _) = opened.map_err(OpenError::io("the log cannot be opened"))?;
        let replayed = replay(reading)?;
        discard_draft(files.as_ref(), path).map_err(OpenError::io("an unfinished log cannot be removed"))?;
        let file = files
            .reopen(path)
            .map_err(OpenError::io("the log cannot be opened for writing"))?;
        let settled = match replayed.torn {
            0 => Ok(()),
            _ => files.truncate(&file, replayed.length),
        };
        // Also of a whole log: the process that wrote it may have ended between a write and its sync, or between a
        // rename and its sync, and what readers will be shown must last.
        settled
            .and_then(|()| files.sync(&file))
            .and_then(|()| folder(path))
            .and_then(|folder| files.sync_dir(folder))
            .map_err(OpenError::io("the log cannot be made durable"))?;
        if replayed.torn > 0 {
            tracing::warn!(
                bytes = replayed.torn,
                log = %path.display(),
                "the end of the log was an unfinished write, which nobody was told to be done; it was removed"
            );
        }
        let log = Self {
            files,
            path: path.to_owned(),
            file,
            length: replayed.length,
            sealed: replayed.sealed,
        };
        Ok((log, replayed))
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines. They are durable when this returns `Ok`.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), AppendError> {
        if let Err(error) = self.files.append(&mut self.file, lines) {
            // A part of the lines may be there, and would be read by the next start.
            let removed = self.files.truncate(&self.file, self.length);
            removed.and_then(|()| self.files.sync(&self.file)).map_err(gone)?;
            return Err(AppendError::Refused(error));
        }
        self.files.sync(&self.file).map_err(gone)?;
        self.length += lines.len() as u64;
        self.sealed = false;
        Ok(())
    }

    /// Says in the log that all of it is durable, so that later damage to its last lines is not taken for an
    /// unfinished write.
    pub(super) fn seal(&mut self) -> Result<(), AppendError> {
        if self.sealed {
            return Ok(());
        }
        let mut lines = Vec::new();
        line::write_record(&mut lines, self.length, &[])
            .map_err(|error| AppendError::Refused(error.into()))?;
        self.append(&lines)?;
        self.sealed = true;
        Ok(())
    }

    /// Puts a draft that is durable, and has all that this log has, in this log's place.
    pub(super) fn replace_by(&mut self, draft: Draft) -> Result<(), AppendError> {
        if let Err(error) = self.files.rename(&draft.path, &self.path) {
            // After this error alone, POSIX does not say which file has the name.
            if error.raw_os_error() == Some(EIO) {
                return Err(gone(error));
            }
            draft.discard();
            return Err(AppendError::Refused(error));
        }
        self.file = draft.file;
        self.length = draft.length;
        self.sealed = true;
        // Until this is durable, the next start may find the old log, without what is appended to the new one.
        folder(&self.path)
            .and_then(|folder| self.files.sync_dir(folder))
            .map_err(gone)
    }
}

/// "Input/output error", the same number on every Unix.
const EIO: i32 = 5;

fn gone(error: io::Error) -> AppendError {
    AppendError::Lost(lost("the log", &error))
}

/// A log that is being written to take another's place, or the place of none.
pub(super) struct Draft {
    files: Arc<dyn FileOps>,
    path: PathBuf,
    file: File,
    length: u64,
}

impl Draft {
    /// Begins a log beside the one at `path`, with a header.
    pub(super) fn create(files: Arc<dyn FileOps>, path: &Path) -> io::Result<Self> {
        discard_draft(files.as_ref(), path)?;
        let path = draft_path(path);
        let mut draft = Self {
            file: files.create(&path)?,
            files,
            path,
            length: 0,
        };
        let mut header = Vec::new();
        line::write_header(&mut header)?;
        match draft.append(&header) {
            Ok(()) => Ok(draft),
            Err(error) => {
                draft.discard();
                Err(error)
            }
        }
    }

    /// Appends whole lines, which are not durable yet.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.files.append(&mut self.file, lines)?;
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Makes all of it durable, but for its name.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.files.sync(&self.file)
    }

    /// Says at its end that all of it will be durable before it gets its name, and makes it so.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        let mut lines = Vec::new();
        line::write_record(&mut lines, self.length, &[])?;
        self.append(&lines)?;
        self.sync()
    }

    /// Removes it.
    pub(super) fn discard(self) {
        if let Err(error) = self.files.remove(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "an unfinished log was not removed");
        }
    }
}

/// Makes a log without rows, which is never seen without its header.
fn create(files: &Arc<dyn FileOps>, path: &Path) -> io::Result<()> {
    let draft = Draft::create(Arc::clone(files), path)?;
    let created = draft.sync().and_then(|()| files.rename(&draft.path, path));
    if created.is_err() {
        draft.discard();
    }
    created
}

fn discard_draft(files: &dyn FileOps, path: &Path) -> io::Result<()> {
    match files.remove(&draft_path(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn folder(path: &Path) -> io::Result<&Path> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(folder) => Ok(folder),
        None => Err(io::ErrorKind::InvalidInput.into()),
    }
}
