//! CopyObject: the destination names the source's blobs; no bytes move.

use super::access::{Action, open_object};
use super::commit::{commit_object, failed_write_condition, pause, swap_object};
use super::free::free_superseded;
use super::{Caller, Context, Target};
use crate::model::{
    Bucket, CommitId, ErrorCode, Manifest, ObjectHeaders, ObjectRecord, RequestedAcl, S3Error, WriteCondition,
};
use crate::ports::new_id;

/// How often a source that changes under the copy is read again.
const ATTEMPTS: u32 = 8;

/// What replaces the source's headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replacement {
    /// All headers and user metadata (`x-amz-metadata-directive: REPLACE`); `None` copies the source's.
    pub headers: Option<ObjectHeaders>,
    /// The storage class, which is never copied: `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// Whether the request names a storage class or an encryption, so that a copy onto itself changes something.
    pub changes_storage: bool,
    /// Whether the copy asks for `AES256`.
    pub sse_s3: bool,
}

/// What CopyObject is asked.
pub struct CopyObject<'a> {
    /// From where.
    pub source: Target,
    /// Whom the request acts for at the source's bucket.
    pub source_caller: Caller,
    /// To where.
    pub destination: Target,
    /// What the copy does not take over.
    pub replacement: Replacement,
    /// Who may do what with the copy: the source's list is never copied.
    pub acl: RequestedAcl,
    /// Decides the request's conditions about the source.
    pub check_source: &'a (dyn Fn(&ObjectRecord) -> Result<(), S3Error> + Sync),
    /// What must hold of the destination at the moment of the commit.
    pub condition: WriteCondition,
}

/// Copies an object of any size, and returns the new one.
///
/// The source is marked as shared first, conditional on the commit that was read, and then the copy is committed,
/// born shared: a crash in between leaves a mark that only makes gc, and not an overwrite, free the bytes.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub async fn copy_object(
    context: &Context,
    caller: &Caller,
    input: CopyObject<'_>,
) -> Result<ObjectRecord, S3Error> {
    caller.admit(Action::CopyObject)?;
    let onto_itself = input.source == input.destination;
    if onto_itself && input.replacement.headers.is_none() && !input.replacement.changes_storage {
        return Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    for attempt in 0..ATTEMPTS {
        let (bucket, source) =
            open_object(context, &input.source_caller, Action::CopySource, &input.source).await?;
        (input.check_source)(&source)?;
        let copied = if onto_itself {
            update_in_place(context, caller, &bucket, source, &input).await?
        } else {
            copy_across(context, caller, &bucket, source, &input).await?
        };
        match copied {
            Some(record) => return Ok(record),
            None => pause(context, attempt).await,
        }
    }
    Err(ErrorCode::SlowDown.into())
}

/// Commits the copy under another name. `None` when the source changed meanwhile.
async fn copy_across(
    context: &Context,
    caller: &Caller,
    source_bucket: &Bucket,
    source: ObjectRecord,
    input: &CopyObject<'_>,
) -> Result<Option<ObjectRecord>, S3Error> {
    let found = context
        .ports
        .metadata
        .lookup(&input.destination.bucket, &input.destination.key)
        .await?;
    let bucket = caller.open(Action::CopyObject, &input.destination.bucket, found.bucket)?;
    caller.may_replace(&bucket, found.object.as_ref())?;
    let shares = !matches!(source.manifest, Manifest::Inline(_));
    if shares
        && !source.shared
        && !context
            .ports
            .metadata
            .mark_shared(source_bucket, &source.key, source.commit_id)
            .await?
    {
        return Ok(None);
    }
    let mut record = copy_of(context, caller, source, &input.replacement);
    record.acl = input.acl.of_object(&caller.owner, &bucket.owner);
    record.bucket = bucket.id;
    record.key = input.destination.key.clone();
    record.shared = shares;
    let superseded = commit_object(context, caller, &bucket, &record, &input.condition, found.object).await?;
    free_superseded(context, superseded.as_ref(), Some(&record.manifest)).await;
    Ok(Some(record))
}

/// Replaces the record by one with the same bytes, if it still is the one that was read. `None` when it is not.
async fn update_in_place(
    context: &Context,
    caller: &Caller,
    bucket: &Bucket,
    source: ObjectRecord,
    input: &CopyObject<'_>,
) -> Result<Option<ObjectRecord>, S3Error> {
    caller.open(Action::CopyObject, &bucket.name, Some(bucket.clone()))?;
    caller.may_replace(bucket, Some(&source))?;
    let read = source.commit_id;
    if !input.condition.holds(Some((&source.etag, read))) {
        return Err(failed_write_condition(&input.condition));
    }
    // A shared record need not be retired here: the row goes on naming its blobs.
    let retired = source.shared.then_some(read);
    let mut record = copy_of(context, caller, source, &input.replacement);
    record.acl = input.acl.of_object(&caller.owner, &bucket.owner);
    let swapped = swap_object(context, bucket, &record, read, retired).await?;
    Ok(swapped.then_some(record))
}

fn copy_of(
    context: &Context,
    caller: &Caller,
    source: ObjectRecord,
    replacement: &Replacement,
) -> ObjectRecord {
    let headers = replacement
        .headers
        .clone()
        .unwrap_or_else(|| source.headers.clone());
    ObjectRecord {
        commit_id: new_id(context.ports.entropy.as_ref(), CommitId::from_bytes),
        last_modified: context.ports.clock.now(),
        owner: caller.owner.clone(),
        headers: ObjectHeaders {
            storage_class: replacement.storage_class.clone(),
            sse_s3: replacement.sse_s3,
            ..headers
        },
        ..source
    }
}
