//! The moment an object becomes visible, and what to do when the store does not say whether it did.

use std::time::Duration;

use super::access::no_such_bucket;
use super::{Caller, Context};
use crate::model::{
    Bucket, BucketState, CommitId, CurrentObject, ErrorCode, ObjectKey, ObjectKind, ObjectRecord,
    RetiredManifest, S3Error, WriteCondition,
};
use crate::ports::{CommitOutcome, StoreErrorKind, StoreResult, back_off};

/// How long a retired manifest stays a root of gc: gc's default grace, within which any mark that was under way ends.
pub(crate) const RETIRED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a write that keeps meeting freshly shared records tries again.
const ATTEMPTS: u32 = 8;

/// Why an object was not committed.
pub(super) enum CommitFailure {
    /// It was not and never will be: its fresh blob can go.
    NotApplied(S3Error),
    /// It may be, now or later: its fresh blob must stay for gc to judge.
    Unknown(S3Error),
}

impl From<CommitFailure> for S3Error {
    fn from(failure: CommitFailure) -> Self {
        match failure {
            CommitFailure::NotApplied(error) | CommitFailure::Unknown(error) => error,
        }
    }
}

/// What became of a commit whose outcome is known.
enum Committed {
    /// It was made, and superseded this.
    Done(Option<ObjectRecord>),
    /// The condition met this.
    Refused(Option<CurrentObject>),
}

/// Commits `record` for `caller` and returns what it superseded. `seen` is the record that the request's lookup found.
pub(super) async fn commit_object(
    context: &Context,
    caller: &Caller,
    bucket: &Bucket,
    record: &ObjectRecord,
    condition: &WriteCondition,
    seen: Option<ObjectRecord>,
) -> Result<Option<ObjectRecord>, CommitFailure> {
    let mut seen = seen;
    for attempt in 0..ATTEMPTS {
        let refused = |current: Option<CurrentObject>| {
            let error = precondition_failed(condition, current.as_ref(), &record.key);
            Err(CommitFailure::NotApplied(error))
        };
        let guarded = guard(caller, bucket, condition, seen.as_ref());
        let wanted = match guarded.map_err(CommitFailure::NotApplied)? {
            Guarded::By(wanted) => wanted,
            Guarded::Fails(current) => return refused(current),
        };
        match commit_if(context, bucket, record, &wanted, seen.as_ref()).await? {
            Committed::Done(superseded) => return Ok(superseded),
            Committed::Refused(current) if wanted == *condition => return refused(current),
            Committed::Refused(_) => {
                pause(context, attempt).await;
                let metadata = &context.ports.metadata;
                let found = metadata.lookup(&bucket.name, &record.key).await;
                seen = found.map_err(not_applied)?.object;
            }
        }
    }
    Err(CommitFailure::NotApplied(ErrorCode::SlowDown.into()))
}

/// How a change is kept to what its caller may change.
pub(super) enum Guarded {
    /// By this condition in place of the request's.
    By(WriteCondition),
    /// It is refused: the request's condition fails on this.
    Fails(Option<CurrentObject>),
}

/// The condition under which `caller` changes what is under a key, where `seen` was: the request's own for the bucket's
/// owner. Others may change only what they own, so they change exactly what was seen, and the request's condition is
/// decided on that.
pub(super) fn guard(
    caller: &Caller,
    bucket: &Bucket,
    condition: &WriteCondition,
    seen: Option<&ObjectRecord>,
) -> Result<Guarded, S3Error> {
    if caller.owns(bucket) {
        return Ok(Guarded::By(condition.clone()));
    }
    let seen = seen.filter(|object| object.kind == ObjectKind::Object);
    caller.may_replace(bucket, seen)?;
    if !condition.holds(seen.map(|object| (&object.etag, object.commit_id))) {
        return Ok(Guarded::Fails(seen.map(ObjectRecord::current)));
    }
    Ok(Guarded::By(exactly(seen)))
}

/// That there is what was seen.
pub(super) fn exactly(seen: Option<&ObjectRecord>) -> WriteCondition {
    seen.map_or(WriteCondition::IfAbsent, |object| {
        WriteCondition::IfCommit(object.commit_id)
    })
}

/// As [`guard`], on what is under the key now. It is not read where it does not matter.
pub(super) async fn guarded(
    context: &Context,
    caller: &Caller,
    bucket: &Bucket,
    key: &ObjectKey,
    condition: &WriteCondition,
) -> Result<Guarded, S3Error> {
    if caller.owns(bucket) {
        return Ok(Guarded::By(condition.clone()));
    }
    let found = context.ports.metadata.lookup(&bucket.name, key).await?;
    guard(caller, bucket, condition, found.object.as_ref())
}

async fn commit_if(
    context: &Context,
    bucket: &Bucket,
    record: &ObjectRecord,
    condition: &WriteCondition,
    seen: Option<&ObjectRecord>,
) -> Result<Committed, CommitFailure> {
    let mut retired = retire_seen(context, seen, condition).await.map_err(not_applied)?;
    for attempt in 0..ATTEMPTS {
        let outcome = context
            .ports
            .metadata
            .commit(bucket, record, condition, retired)
            .await;
        match outcome {
            Ok(CommitOutcome::Committed { superseded }) => return Ok(Committed::Done(superseded)),
            Ok(CommitOutcome::Shared { current }) => {
                retired = Some(retire(context, &current).await.map_err(not_applied)?);
                pause(context, attempt).await;
            }
            Ok(CommitOutcome::ConditionFailed { current }) => return Ok(Committed::Refused(current)),
            Ok(CommitOutcome::NoSuchBucket) => {
                return Err(CommitFailure::NotApplied(no_such_bucket(&bucket.name)));
            }
            Err(error) if error.kind == StoreErrorKind::Timeout => {
                return if is_current(context, bucket, record).await {
                    Ok(Committed::Done(None))
                } else {
                    Err(CommitFailure::Unknown(error.into()))
                };
            }
            Err(error) => return Err(not_applied(error)),
        }
    }
    Err(CommitFailure::NotApplied(ErrorCode::SlowDown.into()))
}

/// Replaces the record that `read` wrote by `record`. Returns whether it did: false when the record under the key is
/// another by now, or became shared.
pub(super) async fn swap_object(
    context: &Context,
    bucket: &Bucket,
    record: &ObjectRecord,
    read: CommitId,
    retired: Option<CommitId>,
) -> Result<bool, CommitFailure> {
    let condition = WriteCondition::IfCommit(read);
    match context
        .ports
        .metadata
        .commit(bucket, record, &condition, retired)
        .await
    {
        Ok(CommitOutcome::Committed { .. }) => Ok(true),
        Ok(CommitOutcome::ConditionFailed { .. } | CommitOutcome::Shared { .. }) => Ok(false),
        Ok(CommitOutcome::NoSuchBucket) => Err(CommitFailure::NotApplied(no_such_bucket(&bucket.name))),
        Err(error) if error.kind == StoreErrorKind::Timeout => {
            if is_current(context, bucket, record).await {
                Ok(true)
            } else {
                Err(CommitFailure::Unknown(error.into()))
            }
        }
        Err(error) => Err(not_applied(error)),
    }
}

pub(super) fn not_applied(error: crate::ports::StoreError) -> CommitFailure {
    CommitFailure::NotApplied(error.into())
}

/// Whether readers see `record` now and go on seeing it: the answer to a commit whose outcome is unknown. `false` also
/// when that cannot be told.
pub(super) async fn is_current(context: &Context, bucket: &Bucket, record: &ObjectRecord) -> bool {
    match read_back(context, bucket, record).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "the outcome of a commit could not be read back");
            false
        }
    }
}

/// The bucket is read behind the record: a deletion that is under way may have missed a record that came late, and
/// one that begins later cannot.
async fn read_back(context: &Context, bucket: &Bucket, record: &ObjectRecord) -> StoreResult<bool> {
    let metadata = &context.ports.metadata;
    let found = metadata.lookup(&bucket.name, &record.key).await?.object;
    if found.is_none_or(|object| object.commit_id != record.commit_id) {
        return Ok(false);
    }
    let found = metadata.bucket(&bucket.name).await?;
    Ok(found.is_some_and(|found| found.id == bucket.id && found.state == BucketState::Active))
}

/// Retires the record that a write is about to replace, if it is shared and the condition would let the write.
pub(super) async fn retire_seen(
    context: &Context,
    seen: Option<&ObjectRecord>,
    condition: &WriteCondition,
) -> StoreResult<Option<CommitId>> {
    match seen {
        Some(seen) if seen.shared && condition.holds(Some((&seen.etag, seen.commit_id))) => {
            retire(context, seen).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// Keeps a shared record's manifest as a root of gc, so that the record can be replaced.
pub(super) async fn retire(context: &Context, record: &ObjectRecord) -> StoreResult<CommitId> {
    let retired = RetiredManifest {
        commit_id: record.commit_id,
        manifest: record.manifest.clone(),
        expires: context.ports.clock.now().plus(RETIRED_FOR),
    };
    context.ports.metadata.retire(&retired).await?;
    Ok(record.commit_id)
}

/// Waits before the attempt behind number `attempt`.
pub(super) async fn pause(context: &Context, attempt: u32) {
    back_off(
        context.ports.clock.as_ref(),
        context.ports.entropy.as_ref(),
        attempt + 1,
    )
    .await;
}

/// What S3 answers when a condition of a write does not hold: `NoSuchKey` where the client named an ETag and there
/// is no object at all, else `PreconditionFailed`.
pub(super) fn precondition_failed(
    condition: &WriteCondition,
    current: Option<&CurrentObject>,
    key: &ObjectKey,
) -> S3Error {
    match (condition, current) {
        (WriteCondition::IfMatch(_) | WriteCondition::IfPresent, None) => super::access::no_such_key(key),
        _ => failed_write_condition(condition),
    }
}

/// `PreconditionFailed` that names the header.
pub(super) fn failed_write_condition(condition: &WriteCondition) -> S3Error {
    let header = match condition {
        WriteCondition::IfAbsent | WriteCondition::IfNoneMatch(_) => "If-None-Match",
        _ => "If-Match",
    };
    S3Error::new(ErrorCode::PreconditionFailed).with("Condition", header)
}
