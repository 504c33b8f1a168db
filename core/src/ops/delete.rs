//! DeleteObject and DeleteObjects.

use futures_util::{StreamExt, stream};

use super::access::{Action, denied};
use super::commit::{Guarded, failed_write_condition, guarded, pause, retire, retire_seen};
use super::free::free_superseded;
use super::{Caller, Context, Target};
use crate::model::{Bucket, CommitId, ErrorCode, ObjectKey, S3Error, WriteCondition};
use crate::ports::RemoveOutcome;

const ATTEMPTS: u32 = 8;

/// How many keys of one DeleteObjects are deleted at a time.
const PARALLEL: usize = 16;

/// Makes a key absent. Deleting what is not there is a success, unless a condition wants it there.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>
pub async fn delete_object(
    context: &Context,
    caller: &Caller,
    target: &Target,
    condition: &WriteCondition,
) -> Result<(), S3Error> {
    let found = context.ports.metadata.lookup(&target.bucket, &target.key).await?;
    let bucket = caller.open(Action::DeleteObject, &target.bucket, found.bucket)?;
    caller.may_replace(&bucket, found.object.as_ref())?;
    if found.object.is_none() {
        return if condition.holds(None) {
            Ok(())
        } else {
            Err(failed_write_condition(condition))
        };
    }
    let retired = retire_seen(context, found.object.as_ref(), condition).await?;
    remove(context, caller, &bucket, &target.key, condition, retired).await
}

/// Deletes each key by itself, several at a time, and returns a result per key in the order of the request. `bucket` was
/// opened for [`Action::DeleteObjects`].
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
pub async fn delete_objects(
    context: &Context,
    caller: &Caller,
    bucket: &Bucket,
    keys: Vec<(ObjectKey, WriteCondition)>,
) -> Result<Vec<(ObjectKey, Result<(), S3Error>)>, S3Error> {
    let allowed = caller.may_delete(bucket);
    let deletions = keys.into_iter().map(|(key, condition)| async move {
        let result = if allowed {
            remove(context, caller, bucket, &key, &condition, None).await
        } else {
            Err(denied())
        };
        (key, result)
    });
    Ok(stream::iter(deletions).buffered(PARALLEL).collect().await)
}

/// Removes the record under `key`. An unknown outcome is an error even if the key is absent by now: a removal that
/// is still on its way would delete what somebody writes after the acknowledgement.
async fn remove(
    context: &Context,
    caller: &Caller,
    bucket: &Bucket,
    key: &ObjectKey,
    condition: &WriteCondition,
    mut retired: Option<CommitId>,
) -> Result<(), S3Error> {
    for attempt in 0..ATTEMPTS {
        let Guarded::By(wanted) = guarded(context, caller, bucket, key, condition).await? else {
            return Err(failed_write_condition(condition));
        };
        match context
            .ports
            .metadata
            .remove(bucket, key, &wanted, retired)
            .await?
        {
            RemoveOutcome::Removed { superseded } => {
                free_superseded(context, superseded.as_ref(), None).await;
                return Ok(());
            }
            RemoveOutcome::ConditionFailed { .. } if wanted == *condition => {
                return Err(failed_write_condition(condition));
            }
            RemoveOutcome::ConditionFailed { .. } => pause(context, attempt).await,
            RemoveOutcome::Shared { current } => {
                retired = Some(retire(context, &current).await?);
                pause(context, attempt).await;
            }
        }
    }
    Err(ErrorCode::SlowDown.into())
}
