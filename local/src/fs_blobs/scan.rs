//! Finding all blobs, in order.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

use bleepstore_core::model::{BlobRef, BucketId, Timestamp};
use bleepstore_core::ports::{BlobEntry, BlobPage};

use super::Disk;
use super::folders::{FileName, Form};
use super::frames::body_length;

/// Blobs that one page holds at most, whatever the caller asks for.
const PAGE: usize = 10_000;

/// What a part of the folders holds.
pub(super) struct Found {
    pub(super) page: BlobPage,
    /// Files with the names of blobs in folders of other blobs, where nobody looks for them.
    pub(super) strays: Vec<PathBuf>,
}

/// Walks the folders in the order of their names, which is the order of the blobs, until the page is full.
pub(super) fn page(disk: &Disk, after: Option<BlobRef>, limit: usize) -> io::Result<Found> {
    let mut walk = Walk {
        disk,
        after,
        limit: limit.min(PAGE),
        blobs: Vec::new(),
        strays: Vec::new(),
    };
    let root = disk.folders.blobs();
    for bucket in walk.names::<BucketId>(root)? {
        if after.is_some_and(|after| bucket < after.bucket) {
            continue;
        }
        walk.bucket(bucket, &root.join(bucket.to_string()))?;
        if walk.is_full() {
            break;
        }
    }
    let next = walk.is_full().then(|| walk.blobs.last().map(|entry| entry.blob));
    let page = BlobPage {
        blobs: walk.blobs,
        next: next.flatten(),
    };
    Ok(Found {
        page,
        strays: walk.strays,
    })
}

struct Walk<'a> {
    disk: &'a Disk,
    after: Option<BlobRef>,
    limit: usize,
    blobs: Vec<BlobEntry>,
    strays: Vec<PathBuf>,
}

/// The name of a folder of the fan-out: two lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fan(u8);

impl FromStr for Fan {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let byte = u8::from_str_radix(text, 16).map_err(drop)?;
        if format!("{byte:02x}") == text {
            Ok(Self(byte))
        } else {
            Err(())
        }
    }
}

impl Walk<'_> {
    fn is_full(&self) -> bool {
        self.blobs.len() >= self.limit
    }

    fn bucket(&mut self, bucket: BucketId, folder: &Path) -> io::Result<()> {
        // The fan-out that the scan left off in; what lies before it was in earlier pages.
        let start = match self.after {
            Some(after) if after.bucket == bucket => {
                let [first, second, ..] = *after.blob.as_bytes();
                (first, second)
            }
            _ => (0, 0),
        };
        for Fan(first) in self.names(folder)? {
            if first < start.0 {
                continue;
            }
            let folder = folder.join(format!("{first:02x}"));
            for Fan(second) in self.names(&folder)? {
                if (first, second) < start {
                    continue;
                }
                self.blobs(bucket, [first, second], &folder.join(format!("{second:02x}")))?;
                if self.is_full() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn blobs(&mut self, bucket: BucketId, fan: [u8; 2], folder: &Path) -> io::Result<()> {
        let resumed = self
            .after
            .is_some_and(|after| after.bucket == bucket && after.blob.as_bytes().starts_with(&fan));
        for FileName { blob, form } in self.files(folder)? {
            let name = BlobRef { bucket, blob };
            // Names of other folders come in no order here: those before this one were told of when the scan left off
            // in it.
            let ordered = resumed || blob.as_bytes().starts_with(&fan);
            if ordered && self.after.is_some_and(|after| name <= after) {
                continue;
            }
            if self.is_full() {
                return Ok(());
            }
            if self.disk.deletions.hides(&name) {
                continue;
            }
            if !blob.as_bytes().starts_with(&fan) {
                self.strays.extend(
                    self.disk
                        .folders
                        .path(&name, form)
                        .file_name()
                        .map(|name| folder.join(name)),
                );
                continue;
            }
            if let Some(entry) = self.entry(name, form)? {
                self.blobs.push(entry);
            }
        }
        Ok(())
    }

    /// A blob that had a file of that form a moment ago. Its size is that of its body, and 0 where its file's length is
    /// that of no whole one.
    fn entry(&self, blob: BlobRef, form: Form) -> io::Result<Option<BlobEntry>> {
        // A plain file may have made way for a checked one meanwhile.
        for form in [form, Form::Checked] {
            let (length, written) = match self.disk.files.stat(&self.disk.folders.path(&blob, form)) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // It keeps nobody from the others, and is too young to be garbage.
                Err(error) => {
                    tracing::error!(%blob, %error, "the file of a blob cannot be looked at");
                    (0, SystemTime::now())
                }
            };
            let age = written.duration_since(UNIX_EPOCH).unwrap_or_default();
            return Ok(Some(BlobEntry {
                blob,
                size: match form {
                    Form::Checked => body_length(length).unwrap_or(0),
                    Form::Plain => length,
                },
                created: Timestamp::from_millis(0).plus(age),
            }));
        }
        // Deleted since its name was read.
        Ok(None)
    }

    /// The files of blobs in a folder, in the order of the blobs: one for each, the checked one where there are two.
    fn files(&self, folder: &Path) -> io::Result<Vec<FileName>> {
        let _no_renaming = self.disk.renaming.read().unwrap_or_else(PoisonError::into_inner);
        let mut files = self.names::<FileName>(folder)?;
        files.dedup_by_key(|file| file.blob);
        Ok(files)
    }

    /// The names in a folder that can be read as `T`, in ascending order. Others are not the store's.
    fn names<T: FromStr + Ord>(&self, folder: &Path) -> io::Result<Vec<T>> {
        let names = self.disk.files.list(folder)?;
        let mut found: Vec<T> = names
            .iter()
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect();
        found.sort_unstable();
        Ok(found)
    }
}
