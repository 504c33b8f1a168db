//! Whether records and bytes agree, slice by slice.
//!
//! A slice takes the next run of blobs, as gc does, and then reads every record. What a record names in that run must be
//! there with its length. What looks wrong is looked at once more, so that a store that is written to meanwhile shows
//! nothing that is not so.

mod confirm;
mod finding;
mod records;

pub use finding::{Finding, Naming};

use std::collections::HashMap;
use std::ops::AddAssign;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use self::confirm::{Read, read_whole, still_names};
use super::edit::RETIRED_FOR;
use super::gc::{GcError, Tally, check_ownership};
use super::progress::Progress;
use super::rows;
use crate::model::{BlobRef, Extent, Timestamp};
use crate::ports::{BlobRead, Ports, StoreError, StoreResult};

/// How many blobs are read at the same time.
const READS: usize = 4;

/// How a check works.
#[derive(Clone, Debug)]
pub struct FsckOptions {
    /// Blobs that no record names are only findings once they are older than this: a request that is under way has
    /// written its blob and not yet its record.
    pub grace: Duration,
    /// Read every blob that a record names, and compare it with the checksum that the record has of it; check the
    /// bodies that lie in records.
    pub verify_checksums: bool,
    /// How many blobs one slice looks at: what bounds the memory. Each slice reads all records.
    pub slice: usize,
}

impl Default for FsckOptions {
    fn default() -> Self {
        Self {
            grace: RETIRED_FOR,
            verify_checksums: false,
            slice: 250_000,
        }
    }
}

/// What one slice found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Records that were read: objects, and parts of open uploads.
    pub records: u64,
    /// Blobs of the slice.
    pub blobs: Tally,
    /// Blobs whose bytes were read.
    pub verified: Tally,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// Where the next slice starts; `None` when the check is complete.
    pub next: Option<BlobRef>,
}

/// Adds a later slice, and takes over where that one stopped.
impl AddAssign for FsckReport {
    fn add_assign(&mut self, mut later: Self) {
        // Each slice reads all records.
        self.records = self.records.max(later.records);
        self.blobs += later.blobs;
        self.verified += later.verified;
        self.findings.append(&mut later.findings);
        self.next = later.next;
    }
}

/// Checks the slice of blobs after `cursor`, and changes nothing.
pub async fn check_slice(
    ports: &Ports,
    options: &FsckOptions,
    cursor: Option<BlobRef>,
    progress: &Progress,
) -> StoreResult<FsckReport> {
    let started = ports.clock.now();
    let owned = match check_ownership(ports).await {
        Ok(_) => true,
        Err(GcError::Store(error)) => return Err(error),
        Err(_) => false,
    };
    let mut slice = Slice::scan(ports, options, cursor).await?;
    if cursor.is_none() && !owned {
        slice.report.findings.push(Finding::NotOwned);
    }
    slice.read_records(ports, options, started, progress).await?;
    slice.confirm_missing(ports).await?;
    if options.verify_checksums {
        slice.verify(ports, progress).await?;
    }
    slice.find_orphans(started.minus(options.grace));
    Ok(slice.report)
}

/// A blob that the scan showed.
struct Seen {
    size: u64,
    created: Timestamp,
    /// The first that names it, with the checksum that it has.
    named: Option<(Naming, u64)>,
    /// Whether a retired manifest names it.
    retired: bool,
}

/// A blob that a record names and that the scan did not show.
struct Suspect {
    extent: Extent,
    named_by: Naming,
}

struct Slice {
    after: Option<BlobRef>,
    blobs: HashMap<BlobRef, Seen>,
    suspects: Vec<Suspect>,
    /// Whether there is a layout that cannot be read: it may name any blob, and gc keeps them all.
    unreadable: bool,
    report: FsckReport,
}

impl Slice {
    async fn scan(ports: &Ports, options: &FsckOptions, cursor: Option<BlobRef>) -> StoreResult<Self> {
        let mut slice = Self {
            after: cursor,
            blobs: HashMap::new(),
            suspects: Vec::new(),
            unreadable: false,
            report: FsckReport::default(),
        };
        let mut after = cursor;
        while slice.blobs.len() < options.slice {
            let limit = rows::PAGE.min(options.slice - slice.blobs.len());
            let page = ports.blobs.scan(after.as_ref(), limit).await?;
            for entry in page.blobs {
                slice.report.blobs.add(entry.size);
                let seen = Seen {
                    size: entry.size,
                    created: entry.created,
                    named: None,
                    retired: false,
                };
                slice.blobs.insert(entry.blob, seen);
            }
            slice.report.next = page.next;
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok(slice)
    }

    /// Whether the slice holds every blob between its neighbours that is like this one.
    fn covers(&self, blob: &BlobRef) -> bool {
        self.after.is_none_or(|after| *blob > after) && self.report.next.is_none_or(|last| *blob <= last)
    }

    /// Looks for the blobs that were not shown once more, and for what named them.
    async fn confirm_missing(&mut self, ports: &Ports) -> StoreResult<()> {
        for Suspect { extent, named_by } in std::mem::take(&mut self.suspects) {
            let blob = extent.blob;
            let finding = match ports.blobs.read(&blob, extent.range()).await {
                Ok(BlobRead::Found(_)) => continue,
                Ok(BlobRead::Missing) => Finding::Missing {
                    blob,
                    named_by: named_by.clone(),
                },
                Err(error) if error.is_damage() => Finding::Unreadable {
                    blob,
                    named_by: named_by.clone(),
                    problem: error.reason(),
                },
                Err(error) => return Err(error),
            };
            if still_names(ports, &named_by, &blob).await? {
                self.report.findings.push(finding);
            }
        }
        Ok(())
    }

    /// Reads every blob that is named.
    async fn verify(&mut self, ports: &Ports, progress: &Progress) -> StoreResult<()> {
        let named: Vec<_> = self
            .blobs
            .iter()
            .filter_map(|(blob, seen)| Some((*blob, seen.size, seen.named.clone()?)))
            .map(|(blob, size, named)| async move {
                Ok::<_, StoreError>((blob, size, named, read_whole(ports, &blob, size, progress).await?))
            })
            .collect();
        let mut read = stream::iter(named).buffer_unordered(READS);
        while let Some((blob, size, (named_by, expected), found)) = read.try_next().await? {
            let named = named_by.clone();
            let finding = match found {
                Read::Crc64nvme(found) => {
                    self.report.verified.add(size);
                    if found != expected {
                        self.report.findings.push(Finding::WrongChecksum {
                            blob,
                            named_by,
                            expected,
                            found,
                        });
                    }
                    continue;
                }
                Read::Missing => Finding::Missing { blob, named_by },
                Read::Unreadable(problem) => Finding::Unreadable {
                    blob,
                    named_by,
                    problem,
                },
            };
            if still_names(ports, &named, &blob).await? {
                self.report.findings.push(finding);
            }
        }
        Ok(())
    }

    fn find_orphans(&mut self, newest: Timestamp) {
        let mut orphans: Vec<_> = self
            .blobs
            .iter()
            .filter(|(_, seen)| seen.named.is_none() && !seen.retired && seen.created <= newest)
            .filter(|_| !self.unreadable)
            .map(|(blob, seen)| Finding::Orphan {
                blob: *blob,
                size: seen.size,
                created: seen.created,
            })
            .collect();
        orphans.sort_by_key(|finding| match finding {
            Finding::Orphan { blob, .. } => Some(*blob),
            _ => None,
        });
        self.report.findings.append(&mut orphans);
    }
}
