//! Reading what all records name.

use std::collections::HashSet;
use std::fmt;

use futures_util::TryStreamExt;

use super::marked::Marked;
use super::{GcError, GcOptions, check_ownership, retired_until};
use crate::model::{BlobRef, Bucket, Manifest, ObjectRecord, Timestamp, Upload};
use crate::ops::edit::RETIRED_FOR;
use crate::ops::layout::{Extents, all_extents};
use crate::ops::rows::{self, Pages};
use crate::ports::{Ports, StoreRecord, StoreResult};

/// How many layouts are remembered: some megabytes. One more is read again for each copy.
const REMEMBERED: usize = 100_000;

/// The share of the garbage that may be taken for named before somebody is told.
const MUCH: f64 = 0.1;

/// What all records of a store named. [The module](super) says how long it is true.
pub(super) struct Mark {
    began: Timestamp,
    /// What the store's record was before.
    record: StoreRecord,
    marked: Marked,
    unreadable_layouts: usize,
}

impl Mark {
    /// Reads all records. `record` was read before `began`, which is now or was a moment ago.
    pub(super) async fn make(
        ports: &Ports,
        options: &GcOptions,
        record: &StoreRecord,
        began: Timestamp,
    ) -> Result<Self, GcError> {
        let mut seed = [0; 8];
        ports.entropy.fill(&mut seed);
        let mut marking = Marking {
            marked: Marked::new(options.mark_memory, u64::from_be_bytes(seed)),
            unreadable_layouts: 0,
            layouts: HashSet::new(),
        };
        // In this order, which is the one in which names move.
        mark_buckets(ports, &mut marking).await?;
        mark_objects(ports, &mut marking).await?;
        mark_retired(ports, retired_until(options.grace, began), &mut marking).await?;
        let longest = options.grace.min(RETIRED_FOR) / 2;
        if !options.exclusive && !options.dry_run && ports.clock.now().since(began) > longest {
            return Err(GcError::TooSlow);
        }
        let taken_for_named = marking.marked.taken_for_named();
        if taken_for_named > MUCH {
            tracing::warn!(
                taken_for_named,
                "there are more blobs than the memory of garbage collection can tell apart: this share of the garbage stays"
            );
        }
        Ok(Self {
            began,
            record: *record,
            marked: marking.marked,
            unreadable_layouts: marking.unreadable_layouts,
        })
    }

    /// What was written later than the grace before this is no garbage.
    pub(super) const fn began(&self) -> Timestamp {
        self.began
    }

    /// How many layouts could not be read.
    pub(super) const fn unreadable_layouts(&self) -> usize {
        self.unreadable_layouts
    }

    /// Whether a record may name that blob. Any may be named by a layout that cannot be read. When a blob was written tells
    /// nothing then: one that was restored from a backup, or copied by a migration, is younger than its record.
    pub(super) fn may_be_named(&self, blob: &BlobRef) -> bool {
        self.unreadable_layouts > 0 || self.marked.contains(blob)
    }

    /// Whether the store still is what was marked: of the same epoch, and in the same format.
    pub(super) fn is_of(&self, record: &StoreRecord) -> bool {
        let what = |record: &StoreRecord| (record.store, record.epoch, record.format);
        what(&self.record) == what(record)
    }

    /// Asks both stores whether what was not met may be deleted.
    pub(super) async fn check_whether_it_holds(&self, ports: &Ports) -> Result<(), GcError> {
        let record = check_ownership(ports).await?;
        // A program that has raised the format since may have moved rows from before the mark to where this one does not
        // look.
        if record.format != self.record.format {
            return Err(GcError::FormatRose);
        }
        match self.is_of(&record) {
            true => Ok(()),
            false => Err(GcError::NotOwned),
        }
    }
}

/// A mark that is not complete.
struct Marking {
    marked: Marked,
    unreadable_layouts: usize,
    /// Blobs of layouts that have been marked, as copies share them. These are known exactly: one that was taken for marked
    /// would lose what it lists.
    layouts: HashSet<BlobRef>,
}

impl Marking {
    /// What the layout in that blob lists is marked, and need not be read again.
    fn remember(&mut self, layout: BlobRef) {
        if self.layouts.len() < REMEMBERED {
            self.layouts.insert(layout);
        }
    }
}

/// Marks what all buckets name: their documents, and the parts of their uploads.
async fn mark_buckets(ports: &Ports, marking: &mut Marking) -> StoreResult<()> {
    let mut buckets = rows::each_bucket(ports);
    while let Some(bucket) = buckets.try_next().await? {
        for (_, extent) in bucket.documents.blobs() {
            marking.marked.insert(&extent.blob);
        }
        mark_uploads(ports, &bucket, marking).await?;
    }
    Ok(())
}

async fn mark_uploads(ports: &Ports, bucket: &Bucket, marking: &mut Marking) -> StoreResult<()> {
    let mut uploads = rows::uploads(ports, bucket);
    while let Some(page) = uploads.try_next().await? {
        for upload in page {
            mark_parts(ports, &upload, marking).await?;
        }
    }
    Ok(())
}

async fn mark_parts(ports: &Ports, upload: &Upload, marking: &mut Marking) -> StoreResult<()> {
    let mut parts = rows::parts(ports, upload);
    while let Some(page) = parts.try_next().await? {
        for extent in page.iter().flat_map(|part| &part.extents) {
            marking.marked.insert(&extent.blob);
        }
    }
    Ok(())
}

/// Marks what objects name, and then what versions do that are not current: a version only ceases to be current by
/// itself, and becomes it only once its manifest is retired.
async fn mark_objects(ports: &Ports, marking: &mut Marking) -> StoreResult<()> {
    let mut buckets = rows::each_bucket(ports);
    while let Some(bucket) = buckets.try_next().await? {
        mark_records(ports, &bucket, rows::records(ports, &bucket), marking).await?;
    }
    let mut buckets = rows::each_bucket(ports);
    while let Some(bucket) = buckets.try_next().await? {
        // Read now: it may keep versions since its objects were marked.
        if bucket.versioning.is_some() {
            mark_records(ports, &bucket, rows::versions(ports, &bucket), marking).await?;
        }
    }
    Ok(())
}

async fn mark_records(
    ports: &Ports,
    bucket: &Bucket,
    mut records: Pages<ObjectRecord>,
    marking: &mut Marking,
) -> StoreResult<()> {
    while let Some(page) = records.try_next().await? {
        for record in page {
            if let Some(problem) = mark_named(ports, &record.manifest, marking).await? {
                let bucket = &bucket.name;
                tracing::error!(%bucket, %problem, "the layout of an object cannot be read: what it may name is not deleted");
                marking.unreadable_layouts += 1;
            }
        }
    }
    Ok(())
}

/// Marks what is named by manifests that expire at `until` or later; others are no roots any more.
async fn mark_retired(ports: &Ports, until: Timestamp, marking: &mut Marking) -> StoreResult<()> {
    let mut retired = rows::retired(ports, until);
    while let Some(page) = retired.try_next().await? {
        for retired in page {
            match mark_named(ports, &retired.manifest, marking).await? {
                // Whoever retired it may have freed the layout itself, which nothing else names.
                None | Some(Problem::Missing) => {}
                Some(problem) => {
                    tracing::error!(commit = %retired.commit_id, %problem, "the layout of a retired manifest cannot be read");
                    marking.unreadable_layouts += 1;
                }
            }
        }
    }
    Ok(())
}

/// Why a layout that lies in a blob cannot be read.
#[derive(Debug)]
enum Problem {
    Missing,
    Unreadable(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("its blob is missing"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// Marks what a manifest names, as far as its layout can be read.
async fn mark_named(
    ports: &Ports,
    manifest: &Manifest,
    marking: &mut Marking,
) -> StoreResult<Option<Problem>> {
    manifest.blobs().for_each(|blob| marking.marked.insert(&blob));
    let Some(layout) = manifest.layout_blob() else {
        return Ok(None);
    };
    if marking.layouts.contains(&layout.blob) {
        return Ok(None);
    }
    let marked = match all_extents(ports, manifest).await {
        Ok(Some(extents)) => mark_extents(extents, marking).await,
        Ok(None) => return Ok(Some(Problem::Missing)),
        Err(error) => Err(error),
    };
    match marked {
        Ok(()) => {
            marking.remember(layout.blob);
            Ok(None)
        }
        Err(error) if error.is_damage() => Ok(Some(Problem::Unreadable(error.to_string()))),
        Err(error) => Err(error),
    }
}

async fn mark_extents(mut extents: Extents, marking: &mut Marking) -> StoreResult<()> {
    while let Some(page) = extents.next_page().await? {
        page.iter().for_each(|extent| marking.marked.insert(&extent.blob));
    }
    Ok(())
}
