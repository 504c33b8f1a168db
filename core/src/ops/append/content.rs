//! What an object holds once bytes were appended to it.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::digest::{
    BodyHasher, DigestSlot, Digests, combine_crc64nvme, crc64nvme_checksum, crc64nvme_value,
    full_object_checksum, md5, md5_of_md5s,
};
use crate::model::{
    BlobRef, Bucket, BucketId, Checksum, ChecksumAlgorithm, ETag, ErrorCode, Extent, Layout, Manifest,
    ObjectRecord, PartBoundary, PartNumber, S3Error,
};
use crate::ops::free::free_blob;
use crate::ops::inline::whole_body;
use crate::ops::layout::{Extents, Listed, all_extents, check_extents, parts_of, write_pages};
use crate::ops::manifest::{crc64nvme_of_pages, in_pages, new_blob, place_layout};
use crate::ops::put::store_body;
use crate::ops::{Context, Incoming};

/// Bytes that were stored to be appended.
pub(super) struct Piece {
    digests: Digests,
    stored: Stored,
}

enum Stored {
    /// With all that was before them: nothing, or what lay in this manifest, a record's body.
    Whole {
        manifest: Manifest,
        over: Option<Manifest>,
    },
    /// By themselves; `None` where there are none.
    Alone(Option<Extent>),
}

/// What an object holds.
pub(super) struct Content {
    pub(super) etag: ETag,
    pub(super) size: u64,
    pub(super) checksum: Option<Checksum>,
    pub(super) manifest: Manifest,
}

/// What comes of an append.
pub(super) enum Appended {
    Content(Content),
    /// There is nothing to append to this object.
    Nothing(ObjectRecord),
    /// The object is another one by now, or its layout is gone.
    Overtaken,
}

impl Piece {
    /// Stores a body that is appended to `object`, or is a new one.
    pub(super) async fn store(
        context: &Context,
        bucket: &Bucket,
        object: Option<&ObjectRecord>,
        body: Incoming,
    ) -> Result<Self, S3Error> {
        let whole = match object.map(|object| (object, &object.manifest)) {
            None => body,
            Some((object, Manifest::Inline(before))) => {
                let before = whole_body(&bucket.name, object, before)?;
                let algorithm = object.checksum.as_ref().map(|checksum| checksum.algorithm);
                after(before, body, algorithm)
            }
            Some(_) => {
                let (extent, digests) = body.store(context, bucket.id).await?;
                let stored = Stored::Alone(extent);
                return Ok(Self { digests, stored });
            }
        };
        let (manifest, digests) = store_body(context, bucket, whole).await?;
        let over = object.map(|object| object.manifest.clone());
        let stored = Stored::Whole { manifest, over };
        Ok(Self { digests, stored })
    }

    /// What is there once these bytes were appended to `object`.
    pub(super) async fn after(
        &self,
        context: &Context,
        bucket: BucketId,
        object: Option<&ObjectRecord>,
    ) -> Result<Appended, S3Error> {
        match (&self.stored, object) {
            (Stored::Whole { manifest, over }, object) => {
                if object.map(|object| &object.manifest) != over.as_ref() {
                    return Err(overtaken());
                }
                Ok(Appended::Content(Content {
                    etag: ETag::from_md5(self.digests.md5),
                    size: self.digests.length,
                    checksum: self.digests.checksum.clone(),
                    manifest: manifest.clone(),
                }))
            }
            (
                Stored::Alone(_),
                None
                | Some(ObjectRecord {
                    manifest: Manifest::Inline(_),
                    ..
                }),
            ) => Err(overtaken()),
            (Stored::Alone(None), Some(object)) => Ok(Appended::Nothing(object.clone())),
            (Stored::Alone(Some(extent)), Some(object)) => {
                let Some(parts) = parts_of(&context.ports, &object.manifest).await? else {
                    return Ok(Appended::Overtaken);
                };
                let parts = with_another(parts, object.size, extent.length)?;
                let Some(checksum) = self.checksum(context, object).await? else {
                    return Ok(Appended::Overtaken);
                };
                let etag = self.etag(object, parts.len());
                let Some(manifest) = longer(context, bucket, &object.manifest, *extent, parts).await? else {
                    return Ok(Appended::Overtaken);
                };
                Ok(Appended::Content(Content {
                    etag,
                    size: object.size + extent.length,
                    checksum,
                    manifest,
                }))
            }
        }
    }

    /// As of an object that was uploaded in parts: no MD5 of its bytes, which nobody has read at once.
    fn etag(&self, object: &ObjectRecord, parts: usize) -> ETag {
        let before = md5(object.etag.as_str().as_bytes());
        ETag::from_parts(md5_of_md5s([before, self.digests.md5]), parts)
    }

    /// The checksum of all bytes: of the object's algorithm where that combines, else CRC-64/NVME where that of the
    /// bytes before is known. `None` when the layout that knows it is gone.
    async fn checksum(
        &self,
        context: &Context,
        object: &ObjectRecord,
    ) -> Result<Option<Option<Checksum>>, S3Error> {
        let length = self.digests.length;
        if let (Some(before), Some(appended)) = (&object.checksum, &self.digests.checksum)
            && before.algorithm == appended.algorithm
        {
            let parts = [(before, object.size), (appended, length)];
            if let Some(checksum) = full_object_checksum(before.algorithm, parts) {
                return Ok(Some(Some(checksum)));
            }
        }
        let before = match object.checksum.as_ref().and_then(crc64nvme_value) {
            Some(before) => Some(before),
            None => {
                let Some(extents) = all_extents(&context.ports, &object.manifest).await? else {
                    return Ok(None);
                };
                crc64nvme_of_pages(extents)
                    .await?
                    .as_ref()
                    .and_then(crc64nvme_value)
            }
        };
        let all = before.map(|before| {
            let ranges = [(before, object.size), (self.digests.crc64nvme, length)];
            crc64nvme_checksum(combine_crc64nvme(ranges))
        });
        Ok(Some(all))
    }

    /// The blobs that were written for it.
    fn blobs(&self) -> Vec<BlobRef> {
        match &self.stored {
            Stored::Whole { manifest, .. } => manifest.blobs().collect(),
            Stored::Alone(extent) => extent.iter().map(|extent| extent.blob).collect(),
        }
    }

    /// Frees what was written, which nothing names.
    pub(super) async fn free(&self, context: &Context) {
        for blob in self.blobs() {
            free_blob(context, blob).await;
        }
    }
}

/// What a client is told whose bytes were stored for an object that was replaced meanwhile by another one as long.
fn overtaken() -> S3Error {
    ErrorCode::SlowDown.into()
}

/// A body with bytes before it, and the digests of all of them.
fn after(before: Bytes, body: Incoming, algorithm: Option<ChecksumAlgorithm>) -> Incoming {
    let digests = DigestSlot::default();
    let length = body.length.map(|length| length + before.len() as u64);
    let pieces = stream::once(async move { Ok(before) }).chain(body.stream);
    let state = (pieces.boxed(), BodyHasher::new(algorithm, false), digests.clone());
    let stream = stream::try_unfold(state, |(mut pieces, mut hasher, slot)| async move {
        match pieces.try_next().await? {
            Some(piece) => {
                hasher.update(&piece);
                Ok(Some((piece, (pieces, hasher, slot))))
            }
            None => {
                slot.fill(hasher.finish().digests);
                Ok(None)
            }
        }
    });
    Incoming {
        stream: stream.boxed(),
        length,
        digests,
    }
}

/// The parts of an object of `size` bytes with one of `length` after them. An object that was put at once is one part.
fn with_another(mut parts: Vec<PartBoundary>, size: u64, length: u64) -> Result<Vec<PartBoundary>, S3Error> {
    let part = |number: u64, length| -> Result<PartBoundary, S3Error> {
        Ok(PartBoundary {
            number: PartNumber::new(number).map_err(|_| S3Error::new(ErrorCode::TooManyParts))?,
            length,
            checksum: None,
        })
    };
    if parts.is_empty() && size > 0 {
        parts.push(part(1, size)?);
    }
    let last = parts
        .last()
        .map_or(0, |last: &PartBoundary| u64::from(last.number.get()));
    if last > 0 {
        parts.push(part(last + 1, length)?);
    }
    Ok(parts)
}

/// The manifest of the bytes of another one and of an extent after them; `None` when its layout is gone.
async fn longer(
    context: &Context,
    bucket: BucketId,
    manifest: &Manifest,
    extent: Extent,
    parts: Vec<PartBoundary>,
) -> Result<Option<Manifest>, S3Error> {
    let ports = &context.ports;
    let Some(mut before) = all_extents(ports, manifest).await? else {
        return Ok(None);
    };
    if !matches!(manifest, Manifest::Paged(_)) {
        let mut extents = Vec::new();
        while let Some(page) = before.next_page().await? {
            extents.extend(page);
        }
        extents.push(extent);
        let layout = Layout { extents, parts };
        return place_layout(ports, bucket, layout).await.map(Some);
    }
    let listed = pages(before)
        .chain(stream::iter([Ok(Listed::Extent(extent))]))
        .chain(stream::iter(parts.into_iter().map(|part| Ok(Listed::Part(part)))));
    let written = write_pages(ports, new_blob(ports, bucket), listed.boxed()).await?;
    in_pages(ports, written).await.map(Some)
}

/// The extents of a layout of many pages, a page of which is held at a time.
fn pages(extents: Extents) -> impl futures_util::Stream<Item = Result<Listed, S3Error>> {
    let read = stream::try_unfold((extents, 0), |(mut extents, count)| async move {
        let Some(page) = extents.next_page().await? else {
            return Ok::<_, S3Error>(None);
        };
        let count = count + page.len();
        check_extents(count + 1)?;
        let listed = page.into_iter().map(|extent| Ok(Listed::Extent(extent)));
        Ok(Some((stream::iter(listed), (extents, count))))
    });
    read.try_flatten()
}
