//! What a CompleteMultipartUpload lists and says of the object, against what was uploaded.

use crate::model::{
    Checksum, ChecksumAlgorithm, ChecksumKind, ETag, ErrorCode, Part, PartNumber, S3Error, Upload,
    WriteCondition,
};

/// A part as the client lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedPart {
    /// Its number.
    pub number: PartNumber,
    /// The entity tag that UploadPart answered.
    pub etag: ETag,
    /// The checksum that UploadPart answered, where the client repeats it.
    pub checksum: Option<(ChecksumAlgorithm, String)>,
}

/// What CompleteMultipartUpload is asked.
pub struct CompleteMultipartUpload {
    /// The parts that make up the object.
    pub parts: Vec<CompletedPart>,
    /// The whole object's checksum, where the client knows it.
    pub checksum: Option<(ChecksumAlgorithm, String)>,
    /// The checksum's type, where the client names it.
    pub checksum_kind: Option<ChecksumKind>,
    /// The whole object's length, where the client knows it.
    pub size: Option<u64>,
    /// What must hold at the moment of the commit.
    pub condition: WriteCondition,
}

/// The smallest part but the last: 5 MiB.
pub(super) const MIN_PART: u64 = 5 << 20;

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

/// Whether a stored part is what the client lists.
pub(super) fn is_as_listed(upload: &Upload, part: &Part, listed: &CompletedPart) -> bool {
    part.number == listed.number && part.etag == listed.etag && agrees(upload, part, listed)
}

/// What S3 answers where that part is not the last.
pub(super) fn too_small(part: &Part) -> S3Error {
    S3Error::new(ErrorCode::EntityTooSmall)
        .with("ProposedSize", part.size)
        .with("MinSizeAllowed", MIN_PART)
        .with("PartNumber", part.number)
        .with("ETag", part.etag.as_str())
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

/// What S3 answers where the checksum of that part is not known and must be.
pub(super) fn missing_checksum(algorithm: ChecksumAlgorithm, part: PartNumber) -> S3Error {
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
