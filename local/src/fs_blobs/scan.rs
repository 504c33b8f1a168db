//! Finding all blobs, in order.

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::time::UNIX_EPOCH;

use bleepstore_core::model::{BlobId, BlobRef, BucketId, Timestamp};
use bleepstore_core::ports::{BlobEntry, BlobPage};

use super::Disk;

/// Blobs that one page holds at most, whatever the caller asks for.
const PAGE: usize = 10_000;

/// Walks the folders in the order of their names, which is the order of the blobs, until the page is full.
pub(super) fn page(disk: &Disk, after: Option<BlobRef>, limit: usize) -> io::Result<BlobPage> {
    let mut walk = Walk {
        disk,
        after,
        limit: limit.min(PAGE),
        blobs: Vec::new(),
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
    Ok(BlobPage {
        blobs: walk.blobs,
        next: next.flatten(),
    })
}

struct Walk<'a> {
    disk: &'a Disk,
    after: Option<BlobRef>,
    limit: usize,
    blobs: Vec<BlobEntry>,
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
                self.blobs(bucket, &folder.join(format!("{second:02x}")))?;
                if self.is_full() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn blobs(&mut self, bucket: BucketId, folder: &Path) -> io::Result<()> {
        for blob in self.names::<BlobId>(folder)? {
            let name = BlobRef { bucket, blob };
            if self.after.is_some_and(|after| name <= after) {
                continue;
            }
            if self.is_full() {
                return Ok(());
            }
            if self.disk.deletions.hides(&name) {
                continue;
            }
            let (size, written) = match self.disk.files.stat(&self.disk.folders.path(&name)) {
                Ok(found) => found,
                // Deleted since its name was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let age = written.duration_since(UNIX_EPOCH).unwrap_or_default();
            self.blobs.push(BlobEntry {
                blob: name,
                size,
                created: Timestamp::from_millis(0).plus(age),
            });
        }
        Ok(())
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
