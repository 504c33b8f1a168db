//! Changes of a bucket's row, which others may change meanwhile.

use super::access::Opened;
use super::edit::pause;
use super::{Caller, Context};
use crate::model::{Bucket, BucketName, ErrorCode, Operation, S3Error};

/// How often a bucket that changes under the request is read again.
pub(super) const ATTEMPTS: u32 = 8;

/// Changes the row of `bucket`, which was opened for `operation`. What another request made of it meanwhile is changed again, if
/// the caller may do that with it too.
pub(super) async fn change_bucket(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    mut bucket: Opened,
    change: impl Fn(&mut Opened) -> Result<(), S3Error>,
) -> Result<(), S3Error> {
    for attempt in 0..ATTEMPTS {
        change(&mut bucket)?;
        match swap_row(context, bucket.bucket, attempt).await? {
            Swapped::Done => return Ok(()),
            Swapped::Other(name, found) => bucket = caller.open(context, operation, &name, found).await?,
        }
    }
    Err(ErrorCode::SlowDown.into())
}

/// What became of a change of a bucket's row.
pub(super) enum Swapped {
    /// It was made.
    Done,
    /// Under that name there is another row by now, or none.
    Other(BucketName, Option<Bucket>),
}

/// Puts `changed` in the place of the row that it was made from. Where that is another one by now, it is read after a
/// pause: whoever goes on opens it anew.
pub(super) async fn swap_row(
    context: &Context,
    mut changed: Bucket,
    attempt: u32,
) -> Result<Swapped, S3Error> {
    let read = changed.revision;
    changed.revision = read.next();
    if context.ports.metadata.update_bucket(&changed, read).await? {
        return Ok(Swapped::Done);
    }
    pause(context, attempt + 1).await;
    let found = context.ports.metadata.bucket(&changed.name).await?;
    Ok(Swapped::Other(changed.name, found))
}
