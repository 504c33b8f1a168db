//! Manifests: reading through them, and spilling those that are too large for a row.

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::Context;
use super::format::raise_format;
use super::layout::{Extents, Listed, ONE_PAGE, check_extents, write_pages};
use super::read_ahead::ReadAhead;
use crate::digest::{combine_crc64nvme, crc64nvme, crc64nvme_checksum};
use crate::model::{
    BlobId, BlobRef, BucketId, Checksum, Extent, Format, Layout, Manifest, PagedLayout, S3Error,
    SpilledLayout,
};
use crate::ports::{BlobRead, BlobStream, Ports, StoreError, StoreResult, WriteError, new_id};

/// The bytes of `extents`, or `None` when the first blob is gone: then the record that named it was replaced, and is
/// to be read again.
pub(super) async fn open(context: &Context, mut extents: Extents) -> StoreResult<Option<BlobStream>> {
    let Some(first) = extents.next().await? else {
        return Ok(Some(stream::empty().boxed()));
    };
    let blobs = context.ports.blobs.clone();
    let BlobRead::Found(head) = blobs.read(&first.blob, first.range()).await? else {
        return Ok(None);
    };
    Ok(Some(if extents.is_at_end() {
        head
    } else {
        ReadAhead::new(blobs, head, extents).boxed()
    }))
}

/// The CRC-64/NVME of extents that are whole blobs; that of a piece of a blob is not known.
pub(super) fn crc64nvme_of(extents: &[Extent]) -> Option<Checksum> {
    whole_crc(extents).map(crc64nvme_checksum)
}

/// As [`crc64nvme_of`], as a number.
pub(super) fn whole_crc(extents: &[Extent]) -> Option<u64> {
    let whole = |extent: &Extent| {
        extent
            .is_whole()
            .then_some((extent.blob_crc64nvme, extent.length))
    };
    let crcs: Option<Vec<_>> = extents.iter().map(whole).collect();
    crcs.map(combine_crc64nvme)
}

/// As [`crc64nvme_of`], of pages of extents.
pub(super) async fn crc64nvme_of_pages(mut extents: Extents) -> StoreResult<Option<Checksum>> {
    let mut all: Option<u64> = None;
    while let Some(page) = extents.next_page().await? {
        let Some(crc) = whole_crc(&page) else {
            return Ok(None);
        };
        let length = page.iter().map(|extent| extent.length).sum();
        all = Some(match all {
            None => crc,
            Some(before) => combine_crc64nvme([(before, 0), (crc, length)]),
        });
    }
    Ok(Some(crc64nvme_checksum(all.unwrap_or_else(|| crc64nvme(b"")))))
}

/// The manifest of `layout`: in the row where it fits, else in a blob of its own that is written first.
pub(super) async fn place_layout(
    ports: &Ports,
    bucket: BucketId,
    layout: Layout,
) -> Result<Manifest, S3Error> {
    let entries = layout.extents.len() + layout.parts.len();
    if entries == 0 {
        return Ok(Manifest::empty());
    }
    if entries <= ports.metadata.layout_limit() {
        return Ok(Manifest::Extents(layout));
    }
    check_extents(layout.extents.len())?;
    if entries > ONE_PAGE {
        let extents = layout.extents.into_iter().map(Listed::Extent);
        let listed = extents.chain(layout.parts.into_iter().map(Listed::Part));
        let listed = stream::iter(listed.map(Ok)).boxed();
        return in_pages(ports, write_pages(ports, new_blob(ports, bucket), listed).await?).await;
    }
    let bytes = serde_json::to_vec(&layout).map_err(StoreError::internal)?;
    let parts = u32::try_from(layout.parts.len()).unwrap_or(u32::MAX);
    Ok(Manifest::Spilled(SpilledLayout {
        extent: write_bytes(ports, bucket, Bytes::from(bytes)).await?,
        parts,
    }))
}

/// A manifest that programs which do not know [`Format::PAGED`] cannot read, so that the store has that format from
/// here on.
pub(super) async fn in_pages(ports: &Ports, layout: PagedLayout) -> Result<Manifest, S3Error> {
    raise_format(ports, Format::PAGED).await?;
    Ok(Manifest::Paged(layout))
}

/// The name of a blob that is to be written.
pub(super) fn new_blob(ports: &Ports, bucket: BucketId) -> BlobRef {
    BlobRef {
        bucket,
        blob: new_id(ports.entropy.as_ref(), BlobId::from_bytes),
    }
}

/// Writes bytes that are at hand, and not empty, to a fresh blob.
pub(super) async fn write_bytes(ports: &Ports, bucket: BucketId, bytes: Bytes) -> StoreResult<Extent> {
    let blob = new_blob(ports, bucket);
    let (length, crc) = (bytes.len() as u64, crc64nvme(&bytes));
    let body = stream::once(async move { Ok(bytes) }).boxed();
    match ports.blobs.write(&blob, body, Some(length)).await {
        Ok(_) => Ok(Extent::whole(blob, length, crc)),
        Err(WriteError::Store(error)) => Err(error),
        Err(WriteError::Body(error)) => Err(StoreError::internal(error)),
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
