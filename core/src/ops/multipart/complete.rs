//! CompleteMultipartUpload: the object's manifest becomes the parts' extents; no bytes move.

use std::borrow::Cow;

use async_trait::async_trait;

use super::assembly::assemble;
use super::claims::{CompleteMultipartUpload, check_part_checksums};
use super::{RECEIPT_FOR, find};
use crate::model::{
    Checksum, CommitId, ETag, ErrorCode, ObjectKey, ObjectKind, ObjectRecord, Operation, Receipt,
    ReceiptOutcome, S3Error, Token, Upload, UploadId, VersionName, WriteCondition,
};
use crate::ops::access::{Opened, denied, no_such_upload};
use crate::ops::edit::{Change, Changed, Head, Plan, Seen, Step, change, expected, precondition_failed};
use crate::ops::events::Asked;
use crate::ops::free::free_blob;
use crate::ops::{Caller, Context, Target};
use crate::ports::{BeginComplete, new_id};

/// What CompleteMultipartUpload answers: the same for a replay as for the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedUpload {
    /// The object's entity tag.
    pub etag: ETag,
    /// The object's checksum.
    pub checksum: Option<Checksum>,
    /// The version that it became, where the bucket kept versions.
    pub version: Option<VersionName>,
}

/// An upload that its caller may complete, as it was found.
pub struct Completion {
    bucket: Opened,
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
    let operation = Operation::CompleteMultipartUpload;
    let (bucket, upload) = find(context, caller, operation, target, id).await?;
    let found = match upload {
        Some(upload) => {
            Found::Open(caller.upload(context, operation, &bucket, Some(upload), (&target.key, id))?)
        }
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
        BeginComplete::Began(upload) => *upload,
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
    bucket: &Opened,
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
        // Where the bucket's owner owns it, nothing says any more who began it.
        Some(_) if bucket.by_policy => Ok(()),
        Some(_) => Err(denied()),
        None if caller.owns(bucket) => Ok(()),
        None => Err(no_such_upload(receipt.upload)),
    }
}

fn replay(receipt: Receipt) -> Result<CompletedUpload, S3Error> {
    match receipt.outcome {
        ReceiptOutcome::Completed {
            etag,
            checksum,
            version,
            ..
        } => Ok(CompletedUpload {
            etag,
            checksum,
            version,
        }),
        ReceiptOutcome::Aborted => Err(no_such_upload(receipt.upload)),
    }
}

async fn publish(
    context: &Context,
    caller: &Caller,
    bucket: &Opened,
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
        description: bucket.rules().complete(upload.description.clone(), &bucket.owner),
        checksum: assembled.checksum,
        shared: assembled.shared,
        manifest: assembled.manifest,
        version: None,
    };
    publish_record(context, caller, (bucket, upload), record, &input.condition).await
}

async fn publish_record(
    context: &Context,
    caller: &Caller,
    (bucket, upload): (&Opened, &Upload),
    record: ObjectRecord,
    condition: &WriteCondition,
) -> Result<CompletedUpload, S3Error> {
    let receipt = Receipt {
        upload: upload.id,
        outcome: ReceiptOutcome::Completed {
            etag: record.etag.clone(),
            checksum: record.checksum.clone(),
            commit_id: record.commit_id,
            version: None,
        },
        expires: record.last_modified.plus(RECEIPT_FOR),
    };
    let plan = Publish {
        caller,
        record: &record,
        condition,
        receipt: &receipt,
    };
    let seen = Seen::opened(bucket.clone(), Head::Unread);
    let layout = || record.manifest.layout_blob().map(|extent| extent.blob);
    match change(context, seen, &plan).await {
        Ok(Changed::Done(made)) => Ok(CompletedUpload {
            version: made.version(),
            etag: record.etag,
            checksum: record.checksum,
        }),
        Ok(Changed::Closed(earlier)) => {
            if !earlier.is_of(record.commit_id)
                && let Some(blob) = layout()
            {
                free_blob(context, blob).await;
            }
            replay(earlier)
        }
        // The parts' bytes are still the upload's.
        Err(failure) => Err(failure.freeing(context, layout()).await),
    }
}

/// Puts an object and closes the upload that it was.
pub(in crate::ops) struct Publish<'a> {
    pub(in crate::ops) caller: &'a Caller,
    pub(in crate::ops) record: &'a ObjectRecord,
    pub(in crate::ops) condition: &'a WriteCondition,
    pub(in crate::ops) receipt: &'a Receipt,
}

#[async_trait]
impl Plan for Publish<'_> {
    fn key(&self) -> &ObjectKey {
        &self.record.key
    }

    fn asked(&self) -> Option<Asked<'_>> {
        Some(Asked {
            caller: self.caller,
            operation: Operation::CompleteMultipartUpload,
        })
    }

    fn plan<'p>(&'p self, seen: &'p Seen) -> Result<Step<'p>, S3Error> {
        let expect = expected(self.caller, self.condition, seen, |row| self.refused(row))?;
        Ok(expect.map_or(Step::Look, |expect| {
            Step::Change(Change {
                receipt: Some(self.receipt),
                ..Change::put(Cow::Borrowed(self.record), expect)
            })
        }))
    }

    fn refused(&self, head: Option<&ObjectRecord>) -> S3Error {
        precondition_failed(self.condition, head, &self.record.key)
    }
}
