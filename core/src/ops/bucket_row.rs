//! Changes of a bucket's row, which others may change meanwhile.

use super::edit::pause;
use super::{Caller, Context};
use crate::model::{Bucket, ErrorCode, Operation, S3Error};

/// How often a bucket that changes under the request is read again.
pub(super) const ATTEMPTS: u32 = 8;

/// Changes the row of `bucket`, which was opened for `operation`. What another request made of it meanwhile is changed again, if
/// the caller may do that with it too.
pub(super) async fn change_bucket(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    mut bucket: Bucket,
    change: impl Fn(&mut Bucket) -> Result<(), S3Error>,
) -> Result<(), S3Error> {
    for attempt in 0..ATTEMPTS {
        change(&mut bucket)?;
        match swap_row(context, caller, operation, bucket, attempt).await? {
            None => return Ok(()),
            Some(found) => bucket = found,
        }
    }
    Err(ErrorCode::SlowDown.into())
}

/// Puts `changed` in the place of the row that it was made from. Where that is another one by now, the row is returned after
/// a pause, if the caller may do `operation` with it.
pub(super) async fn swap_row(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    mut changed: Bucket,
    attempt: u32,
) -> Result<Option<Bucket>, S3Error> {
    let read = changed.revision;
    changed.revision = read.next();
    if context.ports.metadata.update_bucket(&changed, read).await? {
        return Ok(None);
    }
    pause(context, attempt + 1).await;
    caller.bucket(context, operation, &changed.name).await.map(Some)
}
