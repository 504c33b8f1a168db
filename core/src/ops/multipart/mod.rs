//! Multipart uploads.
//!
//! An upload is `Open`, then `Completing`, then it has a receipt. The receipt is written once, in the same step as the
//! object, and decides every later request about the upload: a replayed Complete, one that resumes after a crash,
//! and an abort.

mod assembly;
mod claims;
mod complete;
mod copy_part;
mod parts;

pub use claims::{CompleteMultipartUpload, CompletedPart};
#[cfg(test)]
pub(super) use complete::Publish;
pub use complete::{CompletedUpload, Completion, complete_multipart_upload, open_completion};
pub use copy_part::{UploadPartCopy, upload_part_copy};
pub use parts::{ListParts, ListPartsOutput, list_parts, upload_part};

use std::time::Duration;

use super::access::{Opened, no_such_upload};
use super::tags::ready_for;
use super::{Caller, Context, Target};
use crate::model::{
    BucketLayout, ChecksumAlgorithm, ChecksumKind, Description, ObjectHeaders, ObjectKey, ObjectKind,
    Operation, Receipt, ReceiptOutcome, RequestedAcl, S3Error, Tags, Upload, UploadId, UploadState,
};
use crate::ports::{AbortOutcome, Ports, StoreResult, new_upload_id};

/// How long the receipt of an ended upload is kept, and so how long a Complete can be replayed.
const RECEIPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What CreateMultipartUpload is asked.
pub struct CreateMultipartUpload {
    /// Where the object will be.
    pub target: Target,
    /// What it will carry.
    pub headers: ObjectHeaders,
    /// Who may do what with it.
    pub acl: RequestedAcl,
    /// Its tags.
    pub tags: Tags,
    /// The checksum that it will have.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

/// Begins an upload.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html>
pub async fn create_multipart_upload(
    context: &Context,
    caller: &Caller,
    input: CreateMultipartUpload,
) -> Result<UploadId, S3Error> {
    let bucket = caller
        .bucket(context, Operation::CreateMultipartUpload, &input.target)
        .await?;
    check_key(context, caller, &bucket, &input.target.key).await?;
    // Whose the object is is decided when the upload is completed: until then it is of who began it.
    bucket.rules().check(&input.acl, &caller.owner, &bucket.owner)?;
    let layout = BucketLayout::of_objects_with(&input.headers, &input.tags);
    let bucket = ready_for(context, bucket.bucket, layout).await?;
    let initiated = context.ports.clock.now();
    let upload = Upload {
        id: new_upload_id(context.ports.entropy.as_ref(), initiated),
        bucket_name: bucket.name.clone(),
        bucket: bucket.id,
        key: input.target.key,
        initiated,
        description: Description {
            owner: caller.owner.clone(),
            acl: input.acl.of_object(&caller.owner, &bucket.owner),
            headers: input.headers,
            tags: input.tags,
        },
        checksum: input.checksum,
        state: UploadState::Open,
    };
    if context.ports.metadata.begin_upload(&upload).await? {
        Ok(upload.id)
    } else {
        Err(super::access::no_such_bucket(&bucket.name))
    }
}

/// `AccessDenied` where the caller could not write over what is under the key now, before it sends the parts. The completion
/// decides it again. Not read for the bucket's owner, who may write over everything.
async fn check_key(
    context: &Context,
    caller: &Caller,
    bucket: &Opened,
    key: &ObjectKey,
) -> Result<(), S3Error> {
    if bucket.by_policy || caller.owns(bucket) {
        return Ok(());
    }
    let found = context.ports.metadata.lookup(&bucket.name, key).await?;
    let object = found.object.filter(|object| object.kind == ObjectKind::Object);
    caller.may_replace(bucket, object.as_ref())
}

/// The upload of that id, if it is one of that key, the caller may do `operation` with it, and it has not ended.
pub async fn open_upload(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    target: &Target,
    id: UploadId,
) -> Result<Upload, S3Error> {
    let (bucket, upload) = find(context, caller, operation, target, id).await?;
    // Some stores keep the row of an upload that has ended, others do not: it is absent to everybody.
    let open = upload.filter(|upload| !upload.state.has_ended());
    caller.upload(context, operation, &bucket, open, (&target.key, id))
}

/// The bucket, and the upload's row whatever its state.
async fn find(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    target: &Target,
    id: UploadId,
) -> Result<(Opened, Option<Upload>), S3Error> {
    caller.admit(operation)?;
    let found = context.ports.metadata.lookup_upload(&target.bucket, id).await?;
    let bucket = caller.open(context, operation, target, found.bucket).await?;
    Ok((bucket, found.upload.filter(|upload| upload.key == target.key)))
}

/// Ends an upload without an object. Its parts are left to gc.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
pub async fn abort_multipart_upload(
    context: &Context,
    caller: &Caller,
    target: &Target,
    id: UploadId,
) -> Result<(), S3Error> {
    let operation = Operation::AbortMultipartUpload;
    let upload = open_upload(context, caller, operation, target, id).await?;
    match abort(&context.ports, &upload).await? {
        AbortOutcome::Aborted => Ok(()),
        AbortOutcome::Closed(_) | AbortOutcome::NoSuchUpload => Err(no_such_upload(id)),
    }
}

/// Writes the receipt of an abort.
pub(super) async fn abort(ports: &Ports, upload: &Upload) -> StoreResult<AbortOutcome> {
    let expires = ports.clock.now().plus(RECEIPT_FOR);
    let receipt = Receipt {
        upload: upload.id,
        outcome: ReceiptOutcome::Aborted,
        expires,
    };
    ports.metadata.abort(upload, &receipt).await
}
