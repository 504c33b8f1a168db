//! Reading and replacing access control lists.

use super::access::{Action, denied, open_object};
use super::bucket::change_bucket;
use super::commit::{pause, swap_object};
use super::{Caller, Context, Target};
use crate::model::{Bucket, CommitId, ErrorCode, ObjectRecord, RequestedAcl, S3Error};
use crate::ports::new_id;

/// How often an object that changes under the request is read again.
const ATTEMPTS: u32 = 8;

/// What PutBucketAcl and PutObjectAcl are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutAcl {
    /// Whom the client takes for the owner, where it says so. An owner cannot be changed.
    pub owner: Option<String>,
    /// The new list.
    pub acl: RequestedAcl,
}

impl PutAcl {
    fn check_owner(&self, id: &str) -> Result<(), S3Error> {
        match &self.owner {
            Some(named) if named != id => Err(denied()),
            _ => Ok(()),
        }
    }
}

/// Replaces the list of `bucket`, which was opened for [`Action::PutBucketAcl`]. Requests that begin after this returns
/// are decided by it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html>
pub async fn put_bucket_acl(
    context: &Context,
    caller: &Caller,
    bucket: Bucket,
    input: &PutAcl,
) -> Result<(), S3Error> {
    change_bucket(context, caller, Action::PutBucketAcl, bucket, |bucket| {
        input.check_owner(&bucket.owner.id)?;
        bucket.acl = input.acl.of_bucket(&bucket.owner);
        Ok(())
    })
    .await
}

/// Replaces the list of an object, which was opened for [`Action::PutObjectAcl`]. Entity tag and time stay. An object that
/// is written meanwhile is not undone: the list becomes its own, if the caller may do that with it too.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html>
pub async fn put_object_acl(
    context: &Context,
    caller: &Caller,
    opened: (Bucket, ObjectRecord),
    input: &PutAcl,
) -> Result<(), S3Error> {
    let (mut bucket, mut object) = opened;
    for attempt in 0..ATTEMPTS {
        let owner = &object.description.owner;
        input.check_owner(&owner.id)?;
        let read = object.commit_id;
        // A shared record need not be retired: the row goes on naming its blobs.
        let retired = object.shared.then_some(read);
        let acl = input.acl.of_object(owner, &bucket.owner);
        let mut changed = object;
        changed.description.acl = acl;
        changed.commit_id = new_id(context.ports.entropy.as_ref(), CommitId::from_bytes);
        if swap_object(context, &bucket, &changed, read, retired).await? {
            return Ok(());
        }
        pause(context, attempt).await;
        let target = Target {
            bucket: bucket.name,
            key: changed.key,
        };
        (bucket, object) = open_object(context, caller, Action::PutObjectAcl, &target).await?;
    }
    Err(ErrorCode::SlowDown.into())
}
