//! Operations on buckets.

use super::access::{Action, no_such_bucket};
use super::edit::pause;
use super::rows::PAGE;
use super::{Caller, Context};
use crate::model::{
    Bucket, BucketId, BucketLayout, BucketName, BucketState, ErrorCode, RequestedAcl, Revision, S3Error,
    Timestamp, Token,
};
use crate::ports::{CreateBucketOutcome, DeleteBucketOutcome, new_id};

/// How often a bucket that changes under the request is read again.
const ATTEMPTS: u32 = 8;

/// What CreateBucket is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateBucket {
    /// Where it is said to be.
    pub region: String,
    /// Who may do what with it.
    pub acl: RequestedAcl,
    /// Whether the request says that objects belong to who wrote them, as they do in every bucket.
    pub states_ownership: bool,
}

/// Creates a bucket.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>. A bucket that the caller already owns is
/// `BucketAlreadyOwnedByYou`, but in us-east-1 the answer. Nothing is changed then: AWS resets the bucket's list to what
/// the request says, which could widen it.
pub async fn create_bucket(
    context: &Context,
    caller: &Caller,
    name: &BucketName,
    input: CreateBucket,
) -> Result<Bucket, S3Error> {
    caller.admit(Action::CreateBucket)?;
    let bucket = Bucket {
        name: name.clone(),
        id: new_id(context.ports.entropy.as_ref(), BucketId::from_bytes),
        owner: caller.owner.clone(),
        acl: input.acl.of_bucket(&caller.owner),
        states_ownership: input.states_ownership,
        region: input.region,
        created: context.ports.clock.now(),
        state: BucketState::Active,
        revision: Revision(1),
        layout: BucketLayout::FIRST,
    };
    match context.ports.metadata.create_bucket(&bucket).await? {
        CreateBucketOutcome::Created => Ok(bucket),
        CreateBucketOutcome::Exists(taken)
            if taken.owner.id == caller.owner.id && bucket.region == "us-east-1" =>
        {
            Ok(taken)
        }
        CreateBucketOutcome::Exists(taken) if taken.owner.id == caller.owner.id => {
            Err(S3Error::new(ErrorCode::BucketAlreadyOwnedByYou).with("BucketName", name))
        }
        CreateBucketOutcome::Exists(_) => {
            Err(S3Error::new(ErrorCode::BucketAlreadyExists).with("BucketName", name))
        }
    }
}

/// Changes the row of `bucket`, which was opened for `action`. What another request made of it meanwhile is changed again, if
/// the caller may do that with it too.
pub(super) async fn change_bucket(
    context: &Context,
    caller: &Caller,
    action: Action,
    bucket: Bucket,
    change: impl Fn(&mut Bucket) -> Result<(), S3Error>,
) -> Result<(), S3Error> {
    let mut bucket = bucket;
    for attempt in 0..ATTEMPTS {
        let read = bucket.revision;
        bucket.revision = read.next();
        change(&mut bucket)?;
        if context.ports.metadata.update_bucket(&bucket, read).await? {
            return Ok(());
        }
        pause(context, attempt + 1).await;
        bucket = caller.bucket(context, action, &bucket.name).await?;
    }
    Err(ErrorCode::SlowDown.into())
}

/// Notes whether the owner of `bucket`, which was opened for [`Action::Configuration`], says that objects belong to who wrote
/// them. They do in any case.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html>
pub async fn state_ownership(
    context: &Context,
    caller: &Caller,
    bucket: Bucket,
    stated: bool,
) -> Result<(), S3Error> {
    if bucket.states_ownership == stated {
        return Ok(());
    }
    change_bucket(context, caller, Action::Configuration, bucket, |bucket| {
        bucket.states_ownership = stated;
        Ok(())
    })
    .await
}

/// Deletes a bucket that holds no objects. Open uploads go with it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html>
pub async fn delete_bucket(context: &Context, caller: &Caller, name: &BucketName) -> Result<(), S3Error> {
    let bucket = caller.bucket(context, Action::DeleteBucket, name).await?;
    let token = new_id(context.ports.entropy.as_ref(), Token::from_bytes);
    match context
        .ports
        .metadata
        .delete_bucket(name, bucket.id, token)
        .await?
    {
        DeleteBucketOutcome::Deleted => Ok(()),
        DeleteBucketOutcome::NotEmpty => {
            Err(S3Error::new(ErrorCode::BucketNotEmpty).with("BucketName", name))
        }
        DeleteBucketOutcome::NoSuchBucket => Err(no_such_bucket(name)),
    }
}

/// What ListBuckets is asked.
#[derive(Clone, Debug)]
pub struct ListBuckets {
    /// Only names that start with this.
    pub prefix: String,
    /// Only names greater than this.
    pub after: Option<String>,
    /// Only buckets of this region.
    pub region: Option<String>,
    /// At most this many, 1 to 10,000.
    pub limit: usize,
}

/// A bucket as ListBuckets shows it. Ten thousand of them are held at once, so nothing else is: not their lists, which
/// may have a hundred grants each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBucket {
    /// Its name.
    pub name: BucketName,
    /// When it was created.
    pub created: Timestamp,
    /// Where it is said to be.
    pub region: String,
}

/// What ListBuckets answers.
#[derive(Clone, Debug)]
pub struct ListBucketsOutput {
    /// Buckets in ascending order of their names.
    pub buckets: Vec<ListedBucket>,
    /// The name to go on after, where there are more.
    pub next: Option<String>,
}

/// The caller's buckets.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>
pub async fn list_buckets(
    context: &Context,
    caller: &Caller,
    input: ListBuckets,
) -> Result<ListBucketsOutput, S3Error> {
    caller.admit(Action::ListBuckets)?;
    let mut buckets = Vec::new();
    let mut after = input.after;
    // One more than asked for tells whether there are more.
    while buckets.len() <= input.limit {
        let limit = PAGE.min(input.limit + 1 - buckets.len());
        let metadata = &context.ports.metadata;
        let page = metadata
            .scan_buckets(Some(&caller.owner.id), &input.prefix, after.as_deref(), limit)
            .await?;
        let in_region = |bucket: &Bucket| {
            input
                .region
                .as_ref()
                .is_none_or(|region| *region == bucket.region)
        };
        let listed = page
            .items
            .into_iter()
            .filter(in_region)
            .map(|bucket| ListedBucket {
                name: bucket.name,
                created: bucket.created,
                region: bucket.region,
            });
        buckets.extend(listed);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let next = if buckets.len() > input.limit {
        buckets.truncate(input.limit);
        buckets.last().map(|bucket| bucket.name.to_string())
    } else {
        None
    };
    Ok(ListBucketsOutput { buckets, next })
}
