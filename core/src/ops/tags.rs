//! Tags of objects. Those of a bucket are one of its documents.

use super::access::{NewObjects, Opened, no_such_bucket};
use super::bucket_row::{ATTEMPTS, Swapped, swap_row};
use super::edit::change_facts;
use super::{Caller, Context, Target};
use crate::model::{Bucket, BucketLayout, ErrorCode, ObjectRecord, Operation, S3Error, Tags, VersionName};

/// The bucket, ready for objects that only programs of this layout know in whole. That the caller may make them was
/// decided.
///
/// Earlier programs would lose what they do not know, such as tags, by writing a row anew. So the first in a bucket
/// raises its layout, upon which they cannot read it. Without such, and once it was raised, this asks nothing of the
/// store.
pub(super) async fn ready_for(
    context: &Context,
    bucket: Bucket,
    layout: BucketLayout,
) -> Result<Bucket, S3Error> {
    let mut bucket = bucket;
    for attempt in 0..ATTEMPTS {
        if bucket.layout >= layout {
            return Ok(bucket);
        }
        let raised = Bucket { layout, ..bucket };
        match swap_row(context, raised.clone(), attempt).await? {
            Swapped::Done => return Ok(raised),
            Swapped::Other(name, found) => bucket = found.ok_or_else(|| no_such_bucket(&name))?,
        }
    }
    Err(ErrorCode::SlowDown.into())
}

/// Replaces the tags of an object, which was opened for `operation`: PutObjectTagging or DeleteObjectTagging. Entity tag
/// and time stay, and no byte moves. An object that is written meanwhile is not undone: the tags become its own. A version
/// that the request names keeps to itself. Returns how the version is named that was opened.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html>
pub async fn put_object_tagging(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    target: &Target,
    (mut bucket, object): (Opened, ObjectRecord),
    tags: &Tags,
) -> Result<VersionName, S3Error> {
    if !tags.is_empty() {
        bucket.bucket = ready_for(context, bucket.bucket, BucketLayout::TAGS).await?;
    }
    let fact = |_: &Bucket, _: NewObjects, object: &mut ObjectRecord| {
        object.description.tags = tags.clone();
        Ok(())
    };
    change_facts(context, caller, operation, target, (bucket, object), fact).await
}
