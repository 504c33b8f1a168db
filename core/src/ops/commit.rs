//! The moment an object becomes visible, and what to do when the store does not say whether it did.

use std::time::Duration;

use super::Context;
use super::access::no_such_bucket;
use crate::model::{
    Bucket, CommitId, CurrentObject, ErrorCode, ObjectRecord, RetiredManifest, S3Error, WriteCondition,
};
use crate::ports::{CommitOutcome, StoreErrorKind, StoreResult};

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

/// Commits `record` and returns what it superseded. `seen` is the record that the request's lookup found.
pub(super) async fn commit_object(
    context: &Context,
    bucket: &Bucket,
    record: &ObjectRecord,
    condition: &WriteCondition,
    seen: Option<&ObjectRecord>,
) -> Result<Option<ObjectRecord>, CommitFailure> {
    let mut retired = retire_seen(context, seen, condition).await.map_err(not_applied)?;
    for attempt in 0..ATTEMPTS {
        let outcome = context
            .ports
            .metadata
            .commit(bucket, record, condition, retired)
            .await;
        match outcome {
            Ok(CommitOutcome::Committed { superseded }) => return Ok(superseded),
            Ok(CommitOutcome::Shared { current }) => {
                retired = Some(retire(context, &current).await.map_err(not_applied)?);
                pause(context, attempt).await;
            }
            Ok(CommitOutcome::ConditionFailed { current }) => {
                return Err(CommitFailure::NotApplied(precondition_failed(
                    condition,
                    current.as_ref(),
                    record,
                )));
            }
            Ok(CommitOutcome::NoSuchBucket) => {
                return Err(CommitFailure::NotApplied(no_such_bucket(&bucket.name)));
            }
            Err(error) if error.kind == StoreErrorKind::Timeout => {
                return if is_current(context, bucket, record).await {
                    Ok(None)
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
) -> Result<bool, S3Error> {
    let condition = WriteCondition::IfCommit(read);
    match context
        .ports
        .metadata
        .commit(bucket, record, &condition, retired)
        .await
    {
        Ok(CommitOutcome::Committed { .. }) => Ok(true),
        Ok(CommitOutcome::ConditionFailed { .. } | CommitOutcome::Shared { .. }) => Ok(false),
        Ok(CommitOutcome::NoSuchBucket) => Err(no_such_bucket(&bucket.name)),
        Err(error) if error.kind == StoreErrorKind::Timeout && is_current(context, bucket, record).await => {
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

fn not_applied(error: crate::ports::StoreError) -> CommitFailure {
    CommitFailure::NotApplied(error.into())
}

/// Whether readers see `record` now: the answer to a commit whose outcome is unknown. `false` also when that
/// cannot be told.
async fn is_current(context: &Context, bucket: &Bucket, record: &ObjectRecord) -> bool {
    match context.ports.metadata.lookup(&bucket.name, &record.key).await {
        Ok(found) => found
            .object
            .is_some_and(|object| object.commit_id == record.commit_id),
        Err(error) => {
            tracing::warn!(%error, "the outcome of a commit could not be read back");
            false
        }
    }
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

/// Waits before the next attempt: not at all at first, then up to 10 ms doubled each time, with jitter.
pub(super) async fn pause(context: &Context, attempt: u32) {
    if attempt > 0 {
        let mut jitter = [0; 1];
        context.ports.entropy.fill(&mut jitter);
        let ceiling = 10_u64 << attempt.min(6);
        context
            .ports
            .clock
            .sleep(Duration::from_millis(ceiling * u64::from(jitter[0]) / 255))
            .await;
    }
}

/// What S3 answers when a condition of a write does not hold: `NoSuchKey` where the client named an ETag and there
/// is no object at all, else `PreconditionFailed`.
pub(super) fn precondition_failed(
    condition: &WriteCondition,
    current: Option<&CurrentObject>,
    record: &ObjectRecord,
) -> S3Error {
    match (condition, current) {
        (WriteCondition::IfMatch(_) | WriteCondition::IfPresent, None) => {
            super::access::no_such_key(&record.key)
        }
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
