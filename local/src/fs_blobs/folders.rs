//! Where blobs lie, and which of their folders are known to be on disk.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use bleepstore_core::model::{BlobId, BlobRef, BucketId, InvalidId};

use crate::files::FileOps;

/// How many folders are remembered: a few megabytes at most. A forgotten one costs three syncs again.
const REMEMBERED: usize = 1 << 17;

/// What a checked file's name has after the blob's id.
const CHECKED: &str = ".c1";

/// How a blob's file is made, as its name says. A blob that has one of each is read from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// The body, and checksums of its frames: `{blob id}.c1`.
    Checked,
    /// The body and nothing else, as release 0.1 writes it: `{blob id}`.
    Plain,
}

/// The name of a blob's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileName {
    pub(super) blob: BlobId,
    pub(super) form: Form,
}

impl FromStr for FileName {
    type Err = InvalidId;

    fn from_str(name: &str) -> Result<Self, InvalidId> {
        let (id, form) = match name.strip_suffix(CHECKED) {
            Some(id) => (id, Form::Checked),
            None => (name, Form::Plain),
        };
        let blob = id.parse()?;
        Ok(Self { blob, form })
    }
}

/// The paths of a store.
pub(super) struct Folders {
    blobs: PathBuf,
    tmp: PathBuf,
    durable: Mutex<HashSet<Folder>>,
}

/// A folder that holds blobs, or holds such folders.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Folder {
    bucket: BucketId,
    first: Option<u8>,
    second: Option<u8>,
}

impl Folders {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            blobs: root.join("blobs"),
            tmp: root.join("tmp"),
            durable: Mutex::default(),
        }
    }

    /// The folder of all blobs.
    pub(super) fn blobs(&self) -> &Path {
        &self.blobs
    }

    /// The folder of files that are being written.
    pub(super) fn tmp(&self) -> &Path {
        &self.tmp
    }

    /// The file of a blob, in that form.
    pub(super) fn path(&self, blob: &BlobRef, form: Form) -> PathBuf {
        let mut path = self.folder(blob);
        path.push(match form {
            Form::Checked => format!("{}{CHECKED}", blob.blob),
            Form::Plain => blob.blob.to_string(),
        });
        path
    }

    /// The folder that the file of a blob lies in.
    pub(super) fn folder(&self, blob: &BlobRef) -> PathBuf {
        let [.., leaf] = levels(blob);
        self.locate(leaf)
    }

    /// Makes the folder of a blob, and its name and its parents' names durable.
    pub(super) fn prepare(&self, files: &dyn FileOps, blob: &BlobRef) -> io::Result<()> {
        let [.., leaf] = levels(blob);
        if self.is_durable(leaf) {
            return Ok(());
        }
        let mut parent = self.blobs.clone();
        for level in levels(blob) {
            let path = self.locate(level);
            if !self.is_durable(level) {
                files.create_dir(&path)?;
                // Also when it was there: whoever made it may not have come to this point.
                files.sync_dir(&parent)?;
                self.remember(level);
            }
            parent = path;
        }
        Ok(())
    }

    fn locate(&self, folder: Folder) -> PathBuf {
        let mut path = self.blobs.join(folder.bucket.to_string());
        for byte in [folder.first, folder.second].into_iter().flatten() {
            path.push(format!("{byte:02x}"));
        }
        path
    }

    fn is_durable(&self, folder: Folder) -> bool {
        self.durable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&folder)
    }

    fn remember(&self, folder: Folder) {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.len() >= REMEMBERED {
            durable.clear();
        }
        durable.insert(folder);
    }
}

/// The folders above a blob, the outermost first.
fn levels(blob: &BlobRef) -> [Folder; 3] {
    let [first, second, ..] = *blob.blob.as_bytes();
    [(None, None), (Some(first), None), (Some(first), Some(second))].map(|(first, second)| Folder {
        bucket: blob.bucket,
        first,
        second,
    })
}
