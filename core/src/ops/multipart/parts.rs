//! UploadPart and ListParts.

use futures_util::TryStreamExt;

use super::open_upload;
use crate::model::{CommitId, ETag, Operation, Part, PartNumber, S3Error, Upload, UploadId, UploadState};
use crate::ops::access::no_such_upload;
use crate::ops::free::free_blob;
use crate::ops::put::Incoming;
use crate::ops::rows::parts_after;
use crate::ops::{Caller, Context, Target};
use crate::ports::{RecordPartOutcome, StoreErrorKind, new_id};

/// Stores one part of an open upload, over any earlier one of its number.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html>
pub async fn upload_part(
    context: &Context,
    upload: &Upload,
    number: PartNumber,
    body: Incoming,
) -> Result<Part, S3Error> {
    if upload.state != UploadState::Open {
        return Err(no_such_upload(upload.id));
    }
    body.check_length()?;
    let (extent, digests) = body.store(context, upload.bucket).await?;
    let part = Part {
        number,
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        etag: ETag::from_md5(digests.md5),
        size: digests.length,
        last_modified: context.ports.clock.now(),
        checksum: digests.checksum,
        extents: extent.into_iter().collect(),
        shared: false,
    };
    record_part(context, upload, part).await
}

/// Makes a part one of the upload's. The fresh blob of one that was certainly not recorded goes at once.
pub(super) async fn record_part(context: &Context, upload: &Upload, part: Part) -> Result<Part, S3Error> {
    let recorded = context.ports.metadata.record_part(upload, &part).await;
    match recorded {
        Ok(RecordPartOutcome::Recorded) => Ok(part),
        Ok(RecordPartOutcome::NoSuchUpload) => {
            // A complete that is under way may have read the part before the row refused it: only gc can tell.
            Err(no_such_upload(upload.id))
        }
        Err(error) if error.kind == StoreErrorKind::Timeout => Err(error.into()),
        Err(error) => {
            if !part.shared {
                for extent in &part.extents {
                    free_blob(context, extent.blob).await;
                }
            }
            Err(error.into())
        }
    }
}

/// What ListParts is asked.
#[derive(Clone, Debug)]
pub struct ListParts {
    /// The key that the upload is of.
    pub target: Target,
    /// The upload.
    pub upload: UploadId,
    /// Only numbers greater than this.
    pub after: Option<PartNumber>,
    /// At most this many, 0 to 1,000.
    pub limit: usize,
}

/// What ListParts answers.
#[derive(Clone, Debug)]
pub struct ListPartsOutput {
    /// The upload.
    pub upload: Upload,
    /// Parts in ascending order of their numbers.
    pub parts: Vec<Part>,
    /// Whether there are more.
    pub truncated: bool,
}

/// The parts that an upload has so far.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>
pub async fn list_parts(
    context: &Context,
    caller: &Caller,
    input: ListParts,
) -> Result<ListPartsOutput, S3Error> {
    let upload = open_upload(context, caller, Operation::ListParts, &input.target, input.upload).await?;
    let mut parts = Vec::new();
    let mut pages = parts_after(&context.ports, &upload, input.after);
    while input.limit > 0
        && parts.len() <= input.limit
        && let Some(page) = pages.try_next().await?
    {
        // Where the bytes are is not shown, and takes much room.
        let shown = page.into_iter().map(|part| Part {
            extents: Vec::new(),
            ..part
        });
        parts.extend(shown);
    }
    let truncated = parts.len() > input.limit;
    parts.truncate(input.limit);
    Ok(ListPartsOutput {
        upload,
        parts,
        truncated,
    })
}
