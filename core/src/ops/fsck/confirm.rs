//! Looking at a blob itself, and once more at what names it.

use futures_util::TryStreamExt;

use super::Naming;
use crate::digest::Crc64nvmeHasher;
use crate::model::{BlobRef, Manifest, PartNumber, VersionName};
use crate::ops::layout::all_extents;
use crate::ops::progress::Progress;
use crate::ports::{BlobRead, Ports, StoreResult};

/// What became of reading a blob.
pub(super) enum Read {
    /// It was read to its end, and has this checksum.
    Crc64nvme(u64),
    /// It is not there, or was deleted meanwhile.
    Missing,
    /// The store says that it is damaged, or cannot read it for another reason that is this blob's.
    Unreadable(String),
}

/// Reads a blob to its end.
pub(super) async fn read_whole(
    ports: &Ports,
    blob: &BlobRef,
    size: u64,
    progress: &Progress,
) -> StoreResult<Read> {
    match crc_of(ports, blob, size, progress).await {
        Ok(crc) => Ok(crc.map_or(Read::Missing, Read::Crc64nvme)),
        Err(error) if error.is_damage() => Ok(Read::Unreadable(error.reason())),
        Err(error) => Err(error),
    }
}

async fn crc_of(ports: &Ports, blob: &BlobRef, size: u64, progress: &Progress) -> StoreResult<Option<u64>> {
    let mut crc = Crc64nvmeHasher::default();
    if size > 0 {
        let BlobRead::Found(mut bytes) = ports.blobs.read(blob, 0..size).await? else {
            return Ok(None);
        };
        while let Some(piece) = bytes.try_next().await? {
            crc.update(&piece);
            progress.pass_bytes(piece.len() as u64);
        }
    }
    progress.pass_blobs(1);
    Ok(Some(crc.value()))
}

/// Whether what named a blob still does: it may have been replaced or deleted meanwhile.
pub(super) async fn still_names(ports: &Ports, named_by: &Naming, blob: &BlobRef) -> StoreResult<bool> {
    match named_by {
        Naming::Document { bucket, kind } => {
            let found = ports.metadata.bucket(bucket).await?;
            let extent = found
                .as_ref()
                .and_then(|found| found.documents.get(*kind)?.blob());
            Ok(extent.is_some_and(|extent| extent.blob == *blob))
        }
        Naming::Object { bucket, key, version } => {
            let version = version.map_or(VersionName::Null, VersionName::Id);
            let found = ports.metadata.lookup_version(bucket, key, version).await?;
            let Some(object) = found.object else {
                return Ok(false);
            };
            if object.manifest.blobs().any(|named| named == *blob) {
                return Ok(true);
            }
            if object.manifest.layout_blob().is_none() {
                return Ok(false);
            }
            match lists(ports, &object.manifest, blob).await {
                // It did, when it could be read.
                Err(error) if error.is_damage() => Ok(true),
                lists => lists,
            }
        }
        Naming::Part {
            bucket,
            upload,
            number,
            ..
        } => {
            let found = ports.metadata.lookup_upload(bucket, *upload).await?;
            let Some(upload) = found.upload else {
                return Ok(false);
            };
            let mut after = PartNumber::new(u64::from(number.get()) - 1).ok();
            loop {
                let page = ports.metadata.scan_parts(&upload, after, 1).await?;
                if let Some(part) = page.items.first() {
                    let names = part.extents.iter().any(|extent| extent.blob == *blob);
                    return Ok(part.number == *number && names);
                }
                match page.next {
                    Some(next) => after = Some(next),
                    None => return Ok(false),
                }
            }
        }
    }
}

/// Whether the layout of a manifest, which lies in a blob, lists `blob`.
async fn lists(ports: &Ports, manifest: &Manifest, blob: &BlobRef) -> StoreResult<bool> {
    let Some(mut extents) = all_extents(ports, manifest).await? else {
        return Ok(false);
    };
    while let Some(extent) = extents.next().await? {
        if extent.blob == *blob {
            return Ok(true);
        }
    }
    Ok(false)
}
