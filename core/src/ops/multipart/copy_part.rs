//! UploadPartCopy: a part that names the source's blobs.

use std::ops::Range;

use super::parts::{record_part, upload_part};
use crate::digest::md5;
use crate::model::{
    ChecksumAlgorithm, ChecksumKind, CommitId, ETag, Extent, Manifest, ObjectRecord, Operation, Part,
    PartNumber, S3Error, Upload, UploadState, VersionId,
};
use crate::ops::access::{no_such_upload, open_source};
use crate::ops::edit::{share, until_undisturbed};
use crate::ops::get::read;
use crate::ops::layout::extents_of;
use crate::ops::manifest::crc64nvme_of;
use crate::ops::put::{Incoming, check_copied_length};
use crate::ops::{Caller, Context, Target};
use crate::ports::new_id;

/// How many extents a part may share: its row must fit every store's. A slice of more pieces is written anew.
const MOST_EXTENTS: usize = 1_000;

/// The least part of an upload that is not its last, in bytes.
const LEAST_PART: u64 = 5 << 20;

/// How many extents may lie within any [`LEAST_PART`] bytes of a part: so many blobs a small range of it reads.
const MOST_NEIGHBOURS: usize = 32;

/// Whether a part of that length may share these extents. Any slice of an object of whole parts may be; one of smaller
/// pieces is written anew, since copies of copies would double them, and a read of few bytes would be one of many
/// blobs.
fn may_be_shared(length: u64, extents: &[Extent]) -> bool {
    let parts = usize::try_from(length / LEAST_PART).unwrap_or(usize::MAX);
    let few = extents.len() <= parts.saturating_add(2).min(MOST_EXTENTS);
    few && extents.windows(MOST_NEIGHBOURS).all(|neighbours| {
        let length: u64 = neighbours.iter().map(|extent| extent.length).sum();
        length >= LEAST_PART
    })
}

/// What UploadPartCopy is asked.
pub struct UploadPartCopy<'a> {
    /// From where.
    pub source: Target,
    /// Whom the request acts for at the source's bucket.
    pub source_caller: Caller,
    /// Decides the request's conditions about the source, and which of its bytes are copied.
    pub select: &'a (dyn Fn(&ObjectRecord) -> Result<Range<u64>, S3Error> + Sync),
    /// The part's number.
    pub number: PartNumber,
}

/// Makes a part of an open upload from bytes of an object. Returns the part, and the id of the version that was copied,
/// where it has one.
///
/// The part shares the source's blobs and no bytes move, unless the source lies in its record, the slice has more pieces
/// than a part of its length may share, or the upload asks for a checksum that stored values cannot give: then the bytes
/// are read and written. The entity tag of a part that shares
/// is the MD5 of its bytes where that is known, and otherwise 32 hex digits made from the extents, which are no MD5.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html>
pub async fn upload_part_copy(
    context: &Context,
    upload: &Upload,
    input: UploadPartCopy<'_>,
) -> Result<(Part, Option<VersionId>), S3Error> {
    if upload.state != UploadState::Open {
        return Err(no_such_upload(upload.id));
    }
    until_undisturbed(context, || copy_once(context, upload, &input)).await
}

/// Copies what is there now. `None` when it changed meanwhile.
async fn copy_once(
    context: &Context,
    upload: &Upload,
    input: &UploadPartCopy<'_>,
) -> Result<Option<(Part, Option<VersionId>)>, S3Error> {
    let operation = Operation::UploadPartCopy;
    let (bucket, source) = open_source(context, &input.source_caller, operation, &input.source).await?;
    let copied = source.version.and_then(|version| version.id);
    let range = (input.select)(&source)?;
    check_copied_length(range.end - range.start)?;
    if let Some(part) = part_of(context, upload, input.number, &source, &range).await? {
        return match share(context.ports.metadata.as_ref(), &bucket, &source).await? {
            true => Ok(Some((record_part(context, upload, part).await?, copied))),
            false => Ok(None),
        };
    }
    let Some(bytes) = read(context, &bucket.name, &source, range.clone()).await? else {
        return Ok(None);
    };
    let algorithm = upload.checksum.map(|(algorithm, _)| algorithm);
    let body = Incoming::of_stored(context, bytes, range.end - range.start, algorithm);
    let part = upload_part(context, upload, input.number, body).await?;
    Ok(Some((part, copied)))
}

/// The part that names the source's blobs; `None` where the bytes have to be written.
async fn part_of(
    context: &Context,
    upload: &Upload,
    number: PartNumber,
    source: &ObjectRecord,
    range: &Range<u64>,
) -> Result<Option<Part>, S3Error> {
    if matches!(source.manifest, Manifest::Inline(_)) {
        return Ok(None);
    }
    let Some(mut pages) = extents_of(&context.ports, &source.manifest, range.clone()).await? else {
        return Ok(None);
    };
    let mut extents = Vec::new();
    while let Some(page) = pages.next_page().await? {
        extents.extend(page);
        if !may_be_shared(range.end - range.start, &extents) {
            return Ok(None);
        }
    }
    let whole = *range == (0..source.size);
    let stored = source
        .checksum
        .as_ref()
        .filter(|stored| whole && stored.kind == ChecksumKind::FullObject);
    let checksum = match upload.checksum {
        None => crc64nvme_of(&extents),
        Some((algorithm, _)) => match stored.filter(|stored| stored.algorithm == algorithm) {
            Some(stored) => Some(stored.clone()),
            None if algorithm == ChecksumAlgorithm::Crc64nvme => crc64nvme_of(&extents),
            None => None,
        },
    };
    if upload.checksum.is_some() && checksum.is_none() {
        return Ok(None);
    }
    let md5 = source.etag.md5().filter(|_| whole);
    Ok(Some(Part {
        number,
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        etag: ETag::from_md5(md5.unwrap_or_else(|| name_of(&extents))),
        size: range.end - range.start,
        last_modified: context.ports.clock.now(),
        checksum,
        extents,
        shared: true,
    }))
}

/// 16 bytes that differ wherever the bytes may.
fn name_of(extents: &[Extent]) -> [u8; 16] {
    let names = extents
        .iter()
        .map(|extent| format!("{} {} {};", extent.blob, extent.offset, extent.length));
    md5(names.collect::<String>().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BlobId, BlobRef, BucketId};

    fn of(lengths: impl IntoIterator<Item = u64>) -> bool {
        let blob = BlobRef {
            bucket: BucketId::from_bytes([1; 16]),
            blob: BlobId::from_bytes([2; 16]),
        };
        let extents: Vec<Extent> = lengths
            .into_iter()
            .map(|length| Extent::whole(blob, length, 0))
            .collect();
        may_be_shared(extents.iter().map(|extent| extent.length).sum(), &extents)
    }

    #[test]
    fn a_slice_of_whole_parts_is_shared_wherever_it_is_cut() {
        assert!(of([1]));
        assert!(of([1, 1]));
        assert!(of([1, LEAST_PART, 1]));
        assert!(of([LEAST_PART; 999]));
        assert!(of([&[1][..], &[LEAST_PART; 998], &[1]].concat()));
    }

    #[test]
    fn a_slice_of_small_pieces_is_not() {
        assert!(!of([1, 1, 1]));
        assert!(!of([LEAST_PART - 1, 1, 1, 1]));
        assert!(!of([LEAST_PART; 1_001]), "its row would be too large");
    }

    #[test]
    fn few_bytes_are_in_few_blobs_however_long_the_part_is() {
        let long = 100 * LEAST_PART;
        let with = |small| [&[long][..], &vec![1; small], &[long]].concat();
        assert!(of(with(MOST_NEIGHBOURS - 1)));
        assert!(!of(with(MOST_NEIGHBOURS)));
    }
}
