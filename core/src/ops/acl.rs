//! Reading and replacing access control lists.

use super::access::{NewObjects, Opened, denied};
use super::bucket_row::change_bucket;
use super::edit::change_facts;
use super::{Caller, Context, Target};
use crate::model::{Bucket, ObjectRecord, Operation, RequestedAcl, S3Error, VersionName};

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

/// Replaces the list of `bucket`, which was opened for [`Operation::PutBucketAcl`]. Requests that begin after this
/// returns are decided by it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html>
pub async fn put_bucket_acl(
    context: &Context,
    caller: &Caller,
    bucket: Opened,
    input: &PutAcl,
) -> Result<(), S3Error> {
    change_bucket(context, caller, Operation::PutBucketAcl, bucket, |bucket| {
        let rules = bucket.rules();
        let owner = &bucket.bucket.owner;
        input.check_owner(&owner.id)?;
        rules.check(&input.acl, owner, owner)?;
        if rules.counts_lists() {
            bucket.bucket.acl = input.acl.of_bucket(owner);
        }
        Ok(())
    })
    .await
}

/// Replaces the list of an object, which was opened for [`Operation::PutObjectAcl`]. Entity tag and time stay. An object
/// that is written meanwhile is not undone: the list becomes its own, if the caller may do that with it too. A version
/// that the request names keeps to itself. Returns how the version is named that was opened.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html>
pub async fn put_object_acl(
    context: &Context,
    caller: &Caller,
    target: &Target,
    opened: (Opened, ObjectRecord),
    input: &PutAcl,
) -> Result<VersionName, S3Error> {
    let fact = |bucket: &Bucket, rules: NewObjects, object: &mut ObjectRecord| {
        let description = &mut object.description;
        let owner = if rules.counts_lists() {
            &description.owner
        } else {
            &bucket.owner
        };
        input.check_owner(&owner.id)?;
        rules.check(&input.acl, owner, &bucket.owner)?;
        if rules.counts_lists() {
            description.acl = input.acl.of_object(&description.owner, &bucket.owner);
        }
        Ok(())
    };
    change_facts(context, caller, Operation::PutObjectAcl, target, opened, fact).await
}
