//! What a CompleteMultipartUpload lists and says of the object, against what was uploaded.

use std::collections::HashMap;

use super::complete::{CompleteMultipartUpload, CompletedPart};
use crate::digest::{composite_checksum, full_object_checksum};
use crate::model::{
    Checksum, ChecksumAlgorithm, ChecksumKind, ErrorCode, Extent, Part, PartNumber, S3Error, Upload,
};
use crate::ops::manifest::crc64nvme_of;

/// The smallest part but the last: 5 MiB.
const MIN_PART: u64 = 5 << 20;

/// A checksum of a part is of the upload's algorithm: `BadDigest` where it is of another. A composite checksum is made of
/// what the client lists: `InvalidRequest` where it leaves out the checksum of a part.
pub(super) fn check_part_checksums(upload: &Upload, listed: &[CompletedPart]) -> Result<(), S3Error> {
    let Some((algorithm, kind)) = upload.checksum else {
        return Ok(());
    };
    for part in listed {
        match &part.checksum {
            Some((other, _)) if *other != algorithm => {
                return Err(S3Error::message(
                    ErrorCode::BadDigest,
                    format!(
                        "The {} you specified for part {} did not match what we received.",
                        other.name().to_lowercase(),
                        part.number
                    ),
                ));
            }
            None if kind == ChecksumKind::Composite => return Err(missing_checksum(algorithm, part.number)),
            _ => {}
        }
    }
    Ok(())
}

/// The stored parts that the client lists, in its order, each as it claims.
pub(super) fn chosen_parts(
    upload: &Upload,
    mut stored: HashMap<PartNumber, Part>,
    listed: &[CompletedPart],
) -> Result<Vec<Part>, S3Error> {
    let mut parts = Vec::with_capacity(listed.len());
    for listed in listed {
        let part = stored
            .remove(&listed.number)
            .filter(|part| part.etag == listed.etag && agrees(upload, part, listed));
        let part = part.ok_or_else(|| {
            S3Error::new(ErrorCode::InvalidPart)
                .with("UploadId", upload.id)
                .with("PartNumber", listed.number)
                .with("ETag", listed.etag.as_str())
        })?;
        parts.push(part);
    }
    let all_but_last = &parts[..parts.len().saturating_sub(1)];
    if let Some(small) = all_but_last.iter().find(|part| part.size < MIN_PART) {
        return Err(S3Error::new(ErrorCode::EntityTooSmall)
            .with("ProposedSize", small.size)
            .with("MinSizeAllowed", MIN_PART)
            .with("PartNumber", small.number)
            .with("ETag", small.etag.as_str()));
    }
    Ok(parts)
}

/// Whether the checksum that the client repeats is the one that is stored. In an upload that was created without an
/// algorithm no part has a checksum that a client could repeat.
fn agrees(upload: &Upload, part: &Part, listed: &CompletedPart) -> bool {
    match (&listed.checksum, &part.checksum) {
        (None, _) => true,
        (Some((algorithm, value)), Some(stored)) if upload.checksum.is_some() => {
            *algorithm == stored.algorithm && *value == stored.value
        }
        (Some(_), _) => false,
    }
}

pub(super) fn check_size(claimed: Option<u64>, size: u64) -> Result<(), S3Error> {
    match claimed {
        Some(claimed) if claimed != size => Err(S3Error::message(
            ErrorCode::InvalidRequest,
            format!(
                "The provided 'x-amz-mp-object-size' header value {claimed} does not match what was computed: {size}"
            ),
        )),
        _ => Ok(()),
    }
}

/// The object's checksum from the parts': the one that the upload asked for, else CRC-64/NVME of the whole, which S3 keeps
/// for every object and which the blobs' own give without reading them.
pub(super) fn object_checksum(upload: &Upload, parts: &[Part]) -> Result<Option<Checksum>, S3Error> {
    let Some((algorithm, kind)) = upload.checksum else {
        let extents: Vec<Extent> = parts
            .iter()
            .flat_map(|part| part.extents.iter().copied())
            .collect();
        return Ok(crc64nvme_of(&extents));
    };
    let mut checksums = Vec::with_capacity(parts.len());
    for part in parts {
        let stored = part
            .checksum
            .as_ref()
            .filter(|checksum| checksum.algorithm == algorithm);
        checksums.push((
            stored.ok_or_else(|| missing_checksum(algorithm, part.number))?,
            part.size,
        ));
    }
    let checksum = match kind {
        ChecksumKind::Composite => composite_checksum(algorithm, checksums.into_iter().map(|(one, _)| one)),
        ChecksumKind::FullObject => full_object_checksum(algorithm, checksums),
    };
    checksum
        .map(Some)
        .ok_or_else(|| S3Error::new(ErrorCode::InternalError))
}

fn missing_checksum(algorithm: ChecksumAlgorithm, part: PartNumber) -> S3Error {
    S3Error::message(
        ErrorCode::InvalidRequest,
        format!(
            "The upload was created using a {} checksum. The complete request must include the checksum for each \
             part. It was missing for part {part} in the request.",
            algorithm.name().to_lowercase()
        ),
    )
}

/// Checks what the client says of the object's checksum against what the upload was created for.
///
/// As S3 does it: a type must be the upload's; a `FULL_OBJECT` value counts only beside its type; and what an upload that was
/// created without an algorithm is told of another one than the CRC-64/NVME that it gets is ignored.
pub(super) fn check_checksum(
    input: &CompleteMultipartUpload,
    upload: &Upload,
    stored: Option<&Checksum>,
) -> Result<(), S3Error> {
    let created_for = upload.checksum.map(|(_, kind)| kind);
    if let Some(kind) = input.checksum_kind
        && created_for != Some(kind)
    {
        return Err(S3Error::message(
            ErrorCode::InvalidRequest,
            format!(
                "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
                created_for.map_or("null", ChecksumKind::name)
            ),
        ));
    }
    let (Some((algorithm, value)), Some(stored)) = (&input.checksum, stored) else {
        return Ok(());
    };
    let of_another = *algorithm != stored.algorithm;
    if upload.checksum.is_none() && of_another {
        return Ok(());
    }
    let without_type = created_for == Some(ChecksumKind::FullObject) && input.checksum_kind.is_none();
    if !of_another && !without_type && *value == stored.value {
        return Ok(());
    }
    Err(S3Error::message(
        ErrorCode::BadDigest,
        format!(
            "The {} you specified did not match the calculated checksum.",
            stored.algorithm.name().to_lowercase()
        ),
    ))
}
