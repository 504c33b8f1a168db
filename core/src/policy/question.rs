//! What a policy is asked, and what it answers.

use std::borrow::Cow;

use crate::model::{BucketName, ObjectKey};

/// Whether somebody may do something.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The action without its service: `GetObject`.
    pub action: &'a str,
    /// The service of the action: `s3` or `sts`.
    pub service: &'a str,
    /// What it is done to.
    pub resource: Resource<'a>,
    /// What is known of the request.
    pub keys: &'a dyn ConditionKeys,
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular: the request is not signed.
    Anonymous,
    /// An account, or a user of one.
    Account {
        /// 12 digits.
        account: String,
        /// The canonical user id: 64 hex digits.
        canonical: String,
        /// The user's name, with its path where it has one. `None` for the account itself.
        user: Option<String>,
    },
}

/// What something is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// No bucket in particular. Patterns for all resources match: `*`, and `arn:aws:s3:::*` for actions of S3, as in
    /// [AWS's example](https://docs.aws.amazon.com/AmazonS3/latest/userguide/walkthrough1.html).
    Service,
    /// What another service names so.
    Named(&'a str),
    /// `arn:aws:s3:::bucket`
    Bucket(&'a BucketName),
    /// `arn:aws:s3:::bucket/key`
    Object(&'a BucketName, &'a ObjectKey),
}

/// What is known of a request.
pub trait ConditionKeys: Send + Sync {
    /// The values of a condition key. Its name is in lower case, but for what follows a slash, which is the key of a
    /// tag as the policy writes it: `aws:sourceip`, `s3:existingobjecttag/Colour`. `None` or no values where the
    /// request has no such key.
    fn values(&self, key: &str) -> Option<Vec<Cow<'_, str>>>;
}

/// What a policy says, in rising strength: what several policies of the same kind say together is the strongest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing.
    Silent,
    /// A bucket policy allows it to the account of the user who asks, and not to the user: the account's own policies
    /// say which of its users may do it.
    AllowsAccount,
    /// It is allowed.
    Allows,
    /// It is denied, whatever else allows it.
    Denies,
}

impl Question<'_> {
    /// The resource as patterns name it, in the partition `aws`.
    pub(super) fn arn(&self) -> String {
        match self.resource {
            Resource::Service if self.service == "s3" => "arn:aws:s3:::*".to_owned(),
            Resource::Service => "*".to_owned(),
            Resource::Named(arn) => arn.to_owned(),
            Resource::Bucket(bucket) => format!("arn:aws:s3:::{bucket}"),
            Resource::Object(bucket, key) => format!("arn:aws:s3:::{bucket}/{key}"),
        }
    }
}
