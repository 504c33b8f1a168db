//! How much a store holds.

use futures_util::TryStreamExt;

use super::gc::{GcError, GcOptions, Tally, collect_round};
use super::progress::Progress;
use super::rows::{self, Pages};
use crate::model::{Bucket, BucketName, ObjectKind, ObjectRecord, Owner};
use crate::ports::{Ports, StoreRecord, StoreResult};

/// What a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The store's record of itself.
    pub store: Option<StoreRecord>,
    /// Its buckets, in ascending order of their names.
    pub buckets: Vec<BucketStats>,
    /// Its credentials.
    pub credentials: u64,
    /// All blobs, garbage included.
    pub blobs: Tally,
    /// Blobs that garbage collection would delete now, of a large store a few less ([`GcOptions::mark_memory`]); `None`
    /// where the two stores do not belong together.
    pub garbage: Option<Tally>,
}

/// What a bucket holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketStats {
    /// Its name.
    pub name: BucketName,
    /// Whose it is.
    pub owner: Owner,
    /// Objects in it.
    pub objects: u64,
    /// The sum of their lengths. Copies count, though they may share their bytes.
    pub bytes: u64,
    /// Versions of objects that are not current.
    pub versions: u64,
    /// The sum of their lengths.
    pub version_bytes: u64,
    /// Delete markers, current or not.
    pub markers: u64,
    /// Open uploads.
    pub uploads: u64,
    /// The sum of the lengths of their parts.
    pub upload_bytes: u64,
}

/// Reads all records and the names of all blobs.
pub async fn stats(ports: &Ports, progress: &Progress) -> StoreResult<Stats> {
    let store = ports.metadata.store_record().await?;
    let mut buckets = Vec::new();
    let mut each = rows::each_bucket(ports);
    while let Some(bucket) = each.try_next().await? {
        buckets.push(bucket_stats(ports, bucket, progress).await?);
    }
    let mut credentials = 0;
    let mut pages = rows::credentials(ports);
    while let Some(page) = pages.try_next().await? {
        credentials += page.len() as u64;
    }
    let garbage = garbage(ports).await?;
    let blobs = match &garbage {
        Some((seen, _)) => *seen,
        None => all_blobs(ports).await?,
    };
    Ok(Stats {
        store,
        buckets,
        credentials,
        blobs,
        garbage: garbage.map(|(_, garbage)| garbage),
    })
}

async fn bucket_stats(ports: &Ports, bucket: Bucket, progress: &Progress) -> StoreResult<BucketStats> {
    let current = sum(rows::records(ports, &bucket), progress).await?;
    let versions = match bucket.versioning {
        Some(_) => sum(rows::versions(ports, &bucket), progress).await?,
        None => Sum::default(),
    };
    let (mut open, mut upload_bytes) = (0, 0);
    let mut uploads = rows::uploads(ports, &bucket);
    while let Some(page) = uploads.try_next().await? {
        for upload in page {
            open += 1;
            let mut parts = rows::parts(ports, &upload);
            while let Some(page) = parts.try_next().await? {
                upload_bytes += page.iter().map(|part| part.size).sum::<u64>();
            }
        }
    }
    Ok(BucketStats {
        name: bucket.name,
        owner: bucket.owner,
        objects: current.objects,
        bytes: current.bytes,
        versions: versions.objects,
        version_bytes: versions.bytes,
        markers: current.markers + versions.markers,
        uploads: open,
        upload_bytes,
    })
}

#[derive(Default)]
struct Sum {
    objects: u64,
    bytes: u64,
    markers: u64,
}

async fn sum(mut records: Pages<ObjectRecord>, progress: &Progress) -> StoreResult<Sum> {
    let mut sum = Sum::default();
    while let Some(page) = records.try_next().await? {
        progress.pass_records(page.len() as u64);
        for record in page {
            match record.kind {
                ObjectKind::Object => {
                    sum.objects += 1;
                    sum.bytes += record.size;
                }
                ObjectKind::DeleteMarker => sum.markers += 1,
            }
        }
    }
    Ok(sum)
}

/// All blobs, and those that gc would delete.
async fn garbage(ports: &Ports) -> StoreResult<Option<(Tally, Tally)>> {
    let options = GcOptions {
        dry_run: true,
        exclusive: true,
        ..GcOptions::default()
    };
    match collect_round(ports, &options).await {
        Ok(round) => Ok(Some((round.seen, round.deleted))),
        Err(GcError::Store(error)) => Err(error),
        Err(GcError::NotOwned | GcError::TooMuch { .. } | GcError::TooSlow | GcError::FormatRose) => Ok(None),
    }
}

async fn all_blobs(ports: &Ports) -> StoreResult<Tally> {
    let mut blobs = Tally::default();
    let mut after = None;
    loop {
        let page = ports.blobs.scan(after.as_ref(), rows::PAGE).await?;
        page.blobs.iter().for_each(|entry| blobs.add(entry.size));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(blobs),
        }
    }
}
