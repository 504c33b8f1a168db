//! DeleteObject and DeleteObjects.

use async_trait::async_trait;
use futures_util::{StreamExt, stream};

use super::access::denied;
use super::edit::{Change, Head, Plan, Seen, Step, change, expected, failed_write_condition};
use super::{Caller, Context, Target};
use crate::model::{Bucket, ObjectKey, ObjectRecord, Operation, S3Error, WriteCondition};

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
    let bucket = caller.open(Operation::DeleteObject, &target.bucket, found.bucket)?;
    caller.may_replace(&bucket, found.object.as_ref())?;
    let seen = Seen::new(bucket, Head::Read(found.object));
    remove(context, caller, seen, &target.key, condition).await
}

/// Deletes each key by itself, several at a time, and returns a result per key in the order of the request. `bucket` was
/// opened for [`Operation::DeleteObjects`].
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
            let seen = Seen::new(bucket.clone(), Head::Unread);
            remove(context, caller, seen, &key, &condition).await
        } else {
            Err(denied())
        };
        (key, result)
    });
    Ok(stream::iter(deletions).buffered(PARALLEL).collect().await)
}

async fn remove(
    context: &Context,
    caller: &Caller,
    seen: Seen,
    key: &ObjectKey,
    condition: &WriteCondition,
) -> Result<(), S3Error> {
    let plan = Delete {
        caller,
        key,
        condition,
    };
    change(context, seen, &plan).await?;
    Ok(())
}

/// Leaves nothing under a key.
pub(super) struct Delete<'a> {
    pub(super) caller: &'a Caller,
    pub(super) key: &'a ObjectKey,
    pub(super) condition: &'a WriteCondition,
}

#[async_trait]
impl Plan for Delete<'_> {
    fn key(&self) -> &ObjectKey {
        self.key
    }

    fn plan<'p>(&'p self, seen: &'p Seen) -> Result<Step<'p>, S3Error> {
        if matches!(seen.head, Head::Read(None)) {
            return match self.condition.holds(None) {
                true => Ok(Step::Done),
                false => Err(self.refused(None)),
            };
        }
        let expect = expected(self.caller, self.condition, seen, |row| self.refused(row))?;
        Ok(expect.map_or(Step::Look, |expect| Step::Change(Change::remove(expect))))
    }

    fn refused(&self, _: Option<&ObjectRecord>) -> S3Error {
        failed_write_condition(self.condition)
    }
}
