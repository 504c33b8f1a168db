//! Taking what some record names out of what may be garbage.

use std::collections::{HashMap, HashSet};
use std::fmt;

use futures_util::TryStreamExt;

use crate::model::{BlobRef, Manifest, Timestamp, Upload};
use crate::ops::layout::{Extents, all_extents};
use crate::ops::rows;
use crate::ports::{BlobEntry, Ports, StoreResult};

/// How many layouts are remembered: some megabytes. One more is read again for each copy.
const REMEMBERED: usize = 100_000;

/// Blobs that no record has been found to name.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    blobs: HashMap<BlobRef, u64>,
    unreadable_layouts: usize,
    /// Blobs of layouts that have been marked: copies share them.
    layouts: HashSet<BlobRef>,
}

impl Garbage {
    pub(super) fn add(&mut self, entry: BlobEntry) {
        self.blobs.insert(entry.blob, entry.size);
    }

    pub(super) fn len(&self) -> usize {
        self.blobs.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// Each blob, and its size.
    pub(super) fn blobs(&self) -> impl Iterator<Item = (BlobRef, u64)> + '_ {
        self.blobs.iter().map(|(blob, size)| (*blob, *size))
    }

    pub(super) fn size(&self, blob: &BlobRef) -> u64 {
        self.blobs.get(blob).copied().unwrap_or(0)
    }

    /// How many layouts could not be read.
    pub(super) fn unreadable_layouts(&self) -> usize {
        self.unreadable_layouts
    }

    /// What the layout in that blob lists is kept, and need not be read again.
    fn remember(&mut self, layout: BlobRef) {
        if self.layouts.len() < REMEMBERED {
            self.layouts.insert(layout);
        }
    }

    fn keep(&mut self, blob: &BlobRef) {
        self.blobs.remove(blob);
    }

    /// Keeps everything, since any of it may be named by a layout that cannot be read. When a blob was written tells nothing:
    /// one that was restored from a backup, or copied by a migration, is younger than its record.
    fn keep_all(&mut self) {
        self.unreadable_layouts += 1;
        self.blobs.clear();
    }
}

/// Takes every blob that some record names out of `garbage`. Manifests that expire before `retired_until` are no records
/// any more.
pub(super) async fn mark(ports: &Ports, retired_until: Timestamp, garbage: &mut Garbage) -> StoreResult<()> {
    let mut buckets = rows::each_bucket(ports);
    while let Some(bucket) = buckets.try_next().await? {
        bucket
            .documents
            .blobs()
            .for_each(|(_, extent)| garbage.keep(&extent.blob));
        let mut uploads = rows::uploads(ports, &bucket);
        while let Some(page) = uploads.try_next().await? {
            for upload in page {
                mark_parts(ports, &upload, garbage).await?;
            }
        }
    }
    let mut buckets = rows::each_bucket(ports);
    while let Some(bucket) = buckets.try_next().await? {
        let mut records = rows::records(ports, &bucket);
        while let Some(page) = records.try_next().await? {
            for record in page {
                if let Some(problem) = mark_named(ports, &record.manifest, garbage).await? {
                    let bucket = &bucket.name;
                    tracing::error!(%bucket, %problem, "the layout of an object cannot be read: what it may name is not deleted");
                    garbage.keep_all();
                }
            }
        }
    }
    let mut retired = rows::retired(ports, retired_until);
    while let Some(page) = retired.try_next().await? {
        for retired in page {
            match mark_named(ports, &retired.manifest, garbage).await? {
                // Whoever retired it may have freed the layout itself, which nothing else names.
                None | Some(Problem::Missing) => {}
                Some(problem) => {
                    tracing::error!(commit = %retired.commit_id, %problem, "the layout of a retired manifest cannot be read");
                    garbage.keep_all();
                }
            }
        }
    }
    Ok(())
}

async fn mark_parts(ports: &Ports, upload: &Upload, garbage: &mut Garbage) -> StoreResult<()> {
    let mut parts = rows::parts(ports, upload);
    while let Some(page) = parts.try_next().await? {
        for extent in page.iter().flat_map(|part| &part.extents) {
            garbage.keep(&extent.blob);
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
    garbage: &mut Garbage,
) -> StoreResult<Option<Problem>> {
    manifest.blobs().for_each(|blob| garbage.keep(&blob));
    let Some(layout) = manifest.layout_blob() else {
        return Ok(None);
    };
    if garbage.layouts.contains(&layout.blob) {
        return Ok(None);
    }
    let marked = match all_extents(ports, manifest).await {
        Ok(Some(extents)) => mark_extents(extents, garbage).await,
        Ok(None) => return Ok(Some(Problem::Missing)),
        Err(error) => Err(error),
    };
    match marked {
        Ok(()) => {
            garbage.remember(layout.blob);
            Ok(None)
        }
        Err(error) if error.is_damage() => Ok(Some(Problem::Unreadable(error.to_string()))),
        Err(error) => Err(error),
    }
}

async fn mark_extents(mut extents: Extents, garbage: &mut Garbage) -> StoreResult<()> {
    while let Some(page) = extents.next_page().await? {
        page.iter().for_each(|extent| garbage.keep(&extent.blob));
    }
    Ok(())
}
