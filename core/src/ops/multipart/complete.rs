//! CompleteMultipartUpload: the object's manifest becomes the parts' extents; no bytes move.

use super::assembly::assemble;
use super::claims::check_part_checksums;
use super::{RECEIPT_FOR, find};
use crate::model::{
    Bucket, Checksum, ChecksumAlgorithm, ChecksumKind, CommitId, ETag, ErrorCode, ObjectKind, ObjectRecord,
    PartNumber, Receipt, ReceiptOutcome, S3Error, Token, Upload, UploadId, WriteCondition,
};
use crate::ops::access::{Action, denied, no_such_bucket, no_such_upload};
use crate::ops::commit::{Guarded, guarded, pause, precondition_failed, retire};
use crate::ops::free::{free_blob, free_superseded};
use crate::ops::{Caller, Context, Target};
use crate::ports::{BeginComplete, CommitOutcome, PublishOutcome, StoreErrorKind, new_id};

const ATTEMPTS: u32 = 8;

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

/// What CompleteMultipartUpload answers: the same for a replay as for the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedUpload {
    /// The object's entity tag.
    pub etag: ETag,
    /// The object's checksum.
    pub checksum: Option<Checksum>,
}

/// An upload that its caller may complete, as it was found.
pub struct Completion {
    bucket: Bucket,
    found: Found,
}

enum Found {
    Open(Upload),
    Ended(Receipt),
}

/// Looks whether the caller may complete an upload, or hear how it ended: what comes before the list of parts is read.
pub async fn open_completion(
    context: &Context,
    caller: &Caller,
    target: &Target,
    id: UploadId,
) -> Result<Completion, S3Error> {
    let action = Action::CompleteMultipartUpload;
    let (bucket, upload) = find(context, caller, action, target, id).await?;
    let found = match upload {
        Some(upload) => Found::Open(caller.upload(action, &bucket, Some(upload), id)?),
        None => {
            let metadata = &context.ports.metadata;
            let now = context.ports.clock.now();
            let receipt = metadata.receipt(&bucket, &target.key, id, now).await?;
            let receipt = receipt.ok_or_else(|| no_such_upload(id))?;
            let current = metadata.lookup(&bucket.name, &target.key).await?.object;
            check_replayer(caller, &bucket, &receipt, current.as_ref())?;
            Found::Ended(receipt)
        }
    };
    Ok(Completion { bucket, found })
}

/// Publishes an upload's parts as one object.
///
/// A replay, also one after the object was overwritten or deleted, answers what the first success answered as long as
/// the receipt is kept, and is looked at before everything else but who asks. A request that fails leaves the upload open.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
pub async fn complete_multipart_upload(
    context: &Context,
    caller: &Caller,
    completion: Completion,
    input: CompleteMultipartUpload,
) -> Result<CompletedUpload, S3Error> {
    let bucket = completion.bucket;
    let upload = match completion.found {
        Found::Open(upload) => upload,
        Found::Ended(receipt) => return replay(receipt),
    };
    let now = context.ports.clock.now();
    if input.parts.is_empty() {
        let message = "You must specify at least one part";
        return Err(S3Error::message(ErrorCode::InvalidRequest, message));
    }
    let token = new_id(context.ports.entropy.as_ref(), Token::from_bytes);
    let upload = match context.ports.metadata.begin_complete(&upload, token, now).await? {
        BeginComplete::Began(upload) => upload,
        BeginComplete::Closed(receipt) => return replay(receipt),
        BeginComplete::NoSuchUpload => return Err(no_such_upload(upload.id)),
    };
    let failure = match publish(context, caller, &bucket, &upload, input).await {
        Ok(completed) => return Ok(completed),
        Err(failure) => failure,
    };
    // Another request may have closed the upload meanwhile, and taken its parts away from under this one.
    if let Some(receipt) = context
        .ports
        .metadata
        .receipt(&bucket, &upload.key, upload.id, now)
        .await?
    {
        return replay(receipt);
    }
    if let Err(error) = context.ports.metadata.reopen(&upload, token).await {
        tracing::warn!(upload = %upload.id, %error, "an upload stays in completion until somebody completes or aborts it");
    }
    Err(failure)
}

/// Whether the caller may hear how an upload ended whose row is gone, and with it the name of who began it: that is who owns
/// the object that it became. Once another object is under the key, it is told to the bucket's owner alone.
fn check_replayer(
    caller: &Caller,
    bucket: &Bucket,
    receipt: &Receipt,
    current: Option<&ObjectRecord>,
) -> Result<(), S3Error> {
    let ReceiptOutcome::Completed { etag, commit_id, .. } = &receipt.outcome else {
        return Err(no_such_upload(receipt.upload));
    };
    // A list that was put since made a commit of its own.
    let became = |object: &&ObjectRecord| object.commit_id == *commit_id || object.etag == *etag;
    match current.filter(became) {
        Some(object) if object.description.owner.id == caller.owner.id => Ok(()),
        Some(_) => Err(denied()),
        None if caller.owns(bucket) => Ok(()),
        None => Err(no_such_upload(receipt.upload)),
    }
}

fn replay(receipt: Receipt) -> Result<CompletedUpload, S3Error> {
    match receipt.outcome {
        ReceiptOutcome::Completed { etag, checksum, .. } => Ok(CompletedUpload { etag, checksum }),
        ReceiptOutcome::Aborted => Err(no_such_upload(receipt.upload)),
    }
}

async fn publish(
    context: &Context,
    caller: &Caller,
    bucket: &Bucket,
    upload: &Upload,
    mut input: CompleteMultipartUpload,
) -> Result<CompletedUpload, S3Error> {
    if !input.parts.is_sorted_by(|one, next| one.number < next.number) {
        return Err(S3Error::new(ErrorCode::InvalidPartOrder).with("UploadId", upload.id));
    }
    check_part_checksums(upload, &input.parts)?;
    let listed = std::mem::take(&mut input.parts);
    let assembled = assemble(context, bucket.id, upload, listed, &input).await?;
    let record = ObjectRecord {
        bucket: bucket.id,
        key: upload.key.clone(),
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        kind: ObjectKind::Object,
        etag: assembled.etag,
        size: assembled.size,
        last_modified: context.ports.clock.now(),
        description: upload.description.clone(),
        checksum: assembled.checksum,
        shared: assembled.shared,
        manifest: assembled.manifest,
    };
    publish_record(context, caller, (bucket, upload), record, &input.condition).await
}

async fn publish_record(
    context: &Context,
    caller: &Caller,
    (bucket, upload): (&Bucket, &Upload),
    record: ObjectRecord,
    condition: &WriteCondition,
) -> Result<CompletedUpload, S3Error> {
    let completed = CompletedUpload {
        etag: record.etag.clone(),
        checksum: record.checksum.clone(),
    };
    let receipt = Receipt {
        upload: upload.id,
        outcome: ReceiptOutcome::Completed {
            etag: record.etag.clone(),
            checksum: record.checksum.clone(),
            commit_id: record.commit_id,
        },
        expires: record.last_modified.plus(RECEIPT_FOR),
    };
    let mut retired = None;
    let mut failure = S3Error::from(ErrorCode::SlowDown);
    for attempt in 0..ATTEMPTS {
        let wanted = match guarded(context, caller, bucket, &record.key, condition).await {
            Ok(Guarded::By(wanted)) => wanted,
            Ok(Guarded::Fails(current)) => {
                failure = precondition_failed(condition, current.as_ref(), &record.key);
                break;
            }
            Err(refused) => {
                failure = refused;
                break;
            }
        };
        match context
            .ports
            .metadata
            .publish(bucket, &record, &wanted, retired, &receipt)
            .await
        {
            Ok(PublishOutcome::Object(CommitOutcome::Committed { superseded })) => {
                free_superseded(context, superseded.as_ref(), Some(&record.manifest)).await;
                return Ok(completed);
            }
            Ok(PublishOutcome::Object(CommitOutcome::Shared { current })) => {
                retired = Some(retire(context, &current).await?);
                pause(context, attempt).await;
                continue;
            }
            Ok(PublishOutcome::Object(CommitOutcome::ConditionFailed { current })) => {
                if wanted != *condition {
                    pause(context, attempt).await;
                    continue;
                }
                failure = precondition_failed(condition, current.as_ref(), &record.key);
            }
            Ok(PublishOutcome::Object(CommitOutcome::NoSuchBucket)) => failure = no_such_bucket(&bucket.name),
            Ok(PublishOutcome::Closed(receipt)) => {
                free_layout(context, &record).await;
                return replay(receipt);
            }
            Err(error) if error.kind == StoreErrorKind::Timeout => {
                let now = context.ports.clock.now();
                return match context
                    .ports
                    .metadata
                    .receipt(bucket, &upload.key, upload.id, now)
                    .await?
                {
                    Some(receipt) => replay(receipt),
                    None => Err(error.into()),
                };
            }
            Err(error) => failure = error.into(),
        }
        break;
    }
    free_layout(context, &record).await;
    Err(failure)
}

/// Frees the blob that a layout was written to; never the parts' own.
async fn free_layout(context: &Context, record: &ObjectRecord) {
    if let Some(extent) = record.manifest.layout_blob() {
        free_blob(context, extent.blob).await;
    }
}
