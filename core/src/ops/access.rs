//! Who may do what. Until ACLs come, a bucket serves its owner alone.

use super::Context;
use crate::model::{Bucket, BucketName, ErrorCode, ObjectKey, Owner, S3Error};

/// Whom a request acts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub owner: Owner,
    /// The account that the request says the bucket belongs to, where it says so.
    pub expected_bucket_owner: Option<String>,
}

/// An object as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The bucket.
    pub bucket: BucketName,
    /// The key in it.
    pub key: ObjectKey,
}

impl Caller {
    /// `AccessDenied` unless the caller owns `bucket`, and it is whose the request says it is.
    fn check(&self, bucket: &Bucket) -> Result<(), S3Error> {
        let expected = self.expected_bucket_owner.as_ref();
        let owned = bucket.owner.id == self.owner.id && expected.is_none_or(|id| *id == bucket.owner.id);
        if owned {
            Ok(())
        } else {
            Err(S3Error::new(ErrorCode::AccessDenied))
        }
    }

    /// The bucket that a lookup found, if it exists and the caller may use it.
    pub(crate) fn open(&self, name: &BucketName, found: Option<Bucket>) -> Result<Bucket, S3Error> {
        let bucket = found.ok_or_else(|| no_such_bucket(name))?;
        self.check(&bucket)?;
        Ok(bucket)
    }

    /// Reads the bucket of that name and opens it.
    pub(crate) async fn bucket(&self, context: &Context, name: &BucketName) -> Result<Bucket, S3Error> {
        let found = context.ports.metadata.bucket(name).await?;
        self.open(name, found)
    }
}

pub(crate) fn no_such_bucket(name: &BucketName) -> S3Error {
    S3Error::new(ErrorCode::NoSuchBucket).with("BucketName", name)
}

pub(crate) fn no_such_key(key: &ObjectKey) -> S3Error {
    S3Error::new(ErrorCode::NoSuchKey).with("Key", key)
}
