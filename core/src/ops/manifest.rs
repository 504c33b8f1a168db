//! Manifests: slicing them, reading through them, and spilling those that are too large for a row.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Context;
use super::read_ahead::ReadAhead;
use crate::digest::{combine_crc64nvme, crc64nvme, crc64nvme_checksum};
use crate::model::{
    BlobId, BlobRef, BucketId, Checksum, ErrorCode, Extent, Layout, Manifest, S3Error, SpilledLayout,
};
use crate::ports::{BlobRead, BlobStream, Ports, StoreError, StoreResult, WriteError, new_id, read_stored};

/// The largest layout that is written or read back, in bytes of JSON: some 300,000 extents. 10,000 parts stay well below
/// it, unless they are copies that name many pieces each.
const MAX_SPILLED: u64 = 64 << 20;

/// The runs of bytes at `range` of the bytes that `extents` make up. `range` lies within them.
pub(super) fn slice(extents: &[Extent], range: &Range<u64>) -> Vec<Extent> {
    let mut sliced = Vec::new();
    let mut start = 0;
    for extent in extents {
        let end = start + extent.length;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            sliced.push(Extent {
                offset: extent.offset + (from - start),
                length: to - from,
                ..*extent
            });
        }
        start = end;
    }
    sliced
}

/// The bytes of `extents`, or `None` when the first blob is gone: then the record that named it was replaced, and is
/// to be read again.
pub(super) async fn open(context: &Context, extents: Vec<Extent>) -> StoreResult<Option<BlobStream>> {
    let mut rest = VecDeque::from(extents);
    let Some(first) = rest.pop_front() else {
        return Ok(Some(stream::empty().boxed()));
    };
    let blobs = context.ports.blobs.clone();
    let BlobRead::Found(head) = blobs.read(&first.blob, first.range()).await? else {
        return Ok(None);
    };
    Ok(Some(if rest.is_empty() {
        head
    } else {
        ReadAhead::new(blobs, head, rest).boxed()
    }))
}

/// The CRC-64/NVME of extents that are whole blobs; that of a piece of a blob is not known.
pub(super) fn crc64nvme_of(extents: &[Extent]) -> Option<Checksum> {
    let whole = |extent: &Extent| {
        extent
            .is_whole()
            .then_some((extent.blob_crc64nvme, extent.length))
    };
    let crcs: Option<Vec<_>> = extents.iter().map(whole).collect();
    crcs.map(|crcs| crc64nvme_checksum(combine_crc64nvme(crcs)))
}

/// The layout of a manifest that is not inline, or `None` when it was spilled and its blob is gone.
pub(super) async fn load_layout(context: &Context, manifest: &Manifest) -> StoreResult<Option<Layout>> {
    match manifest {
        Manifest::Inline(_) => Ok(Some(Layout::default())),
        Manifest::Extents(layout) => Ok(Some(layout.clone())),
        Manifest::Spilled(spilled) => load_spilled(&context.ports, spilled).await,
    }
}

/// The layout that lies in a blob, checked against its CRC; `None` when the blob is gone.
pub(super) async fn load_spilled(ports: &Ports, spilled: &SpilledLayout) -> StoreResult<Option<Layout>> {
    let extent = &spilled.extent;
    if extent.length > MAX_SPILLED {
        return Err(StoreError::corrupt(format!(
            "the layout in blob {} is too large",
            extent.blob
        )));
    }
    let BlobRead::Found(bytes) = ports.blobs.read(&extent.blob, extent.range()).await? else {
        return Ok(None);
    };
    let bytes = bytes
        .try_fold(BytesMut::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await?;
    if crc64nvme(&bytes) != extent.blob_crc64nvme {
        return Err(StoreError::corrupt(format!(
            "the layout in blob {} is damaged",
            extent.blob
        )));
    }
    read_stored(&bytes).map(Some)
}

/// The manifest of `layout`: in the row where it fits, else in a blob of its own that is written first.
/// One that could not be read back is refused.
pub(super) async fn place_layout(
    ports: &Ports,
    bucket: BucketId,
    layout: Layout,
) -> Result<Manifest, S3Error> {
    if layout.extents.is_empty() && layout.parts.is_empty() {
        return Ok(Manifest::empty());
    }
    if layout.extents.len() + layout.parts.len() <= ports.metadata.layout_limit() {
        return Ok(Manifest::Extents(layout));
    }
    let bytes = Bytes::from(serialised(&layout)?);
    let parts = u32::try_from(layout.parts.len()).unwrap_or(u32::MAX);
    Ok(Manifest::Spilled(SpilledLayout {
        extent: write_bytes(ports, bucket, bytes).await?,
        parts,
    }))
}

/// The layout as it is stored, unless it is too large to be read back.
fn serialised(layout: &Layout) -> Result<Vec<u8>, S3Error> {
    let mut bytes = Bounded(Vec::new());
    match serde_json::to_writer(&mut bytes, layout) {
        Ok(()) => Ok(bytes.0),
        Err(error) if error.is_io() => Err(S3Error::message(
            ErrorCode::InvalidRequest,
            format!(
                "The object would consist of {} pieces, which are too many to be found again. Copy larger parts, or \
                 upload them.",
                layout.extents.len()
            ),
        )),
        Err(error) => Err(StoreError::internal(error).into()),
    }
}

/// Takes as many bytes as a layout may have.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.0.len() + bytes.len()) as u64 > MAX_SPILLED {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes bytes that are at hand, and not empty, to a fresh blob.
pub(super) async fn write_bytes(ports: &Ports, bucket: BucketId, bytes: Bytes) -> StoreResult<Extent> {
    let blob = BlobRef {
        bucket,
        blob: new_id(ports.entropy.as_ref(), BlobId::from_bytes),
    };
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
