//! Who may do what.
//!
//! What an operation needs stands in the table of operations: [`Operation::need`] for access control lists,
//! [`Operation::actions`] for policies. [`Caller`] decides it, and nothing else does.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-management.html>

mod decide;
mod guard;
mod identity;
mod questions;
mod refusals;

use std::borrow::Borrow;

pub(crate) use guard::NewObjects;
pub use guard::{Opened, PolicyCache};
pub use identity::{Caller, Identity, RequestFacts};
pub(crate) use refusals::{
    denied, never_given_out, no_such_bucket, no_such_key, no_such_upload, no_such_version,
};

use decide::{By, Listed, Matter};
use guard::Guard;
use refusals::not_there;

use super::Context;
use crate::model::{
    Bucket, BucketName, ErrorCode, IamAction, Need, ObjectKey, ObjectKind, ObjectRecord, Operation, S3Error,
    Signature, VersionName,
};
use crate::policy::Resource;

/// The header that names a version.
pub(crate) const VERSION_ID: &str = "x-amz-version-id";
/// The header that says that a version is a delete marker.
pub(crate) const DELETE_MARKER: &str = "x-amz-delete-marker";

/// An object as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The bucket.
    pub bucket: BucketName,
    /// The key in it.
    pub key: ObjectKey,
    /// The version of it; `None` for the one that is current.
    pub version: Option<VersionName>,
}

/// What an operation is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct On<'a> {
    bucket: &'a BucketName,
    key: Option<&'a ObjectKey>,
    version: Option<VersionName>,
}

impl<'a> From<&'a BucketName> for On<'a> {
    fn from(bucket: &'a BucketName) -> Self {
        Self {
            bucket,
            key: None,
            version: None,
        }
    }
}

impl<'a> From<&'a Target> for On<'a> {
    fn from(target: &'a Target) -> Self {
        Self {
            bucket: &target.bucket,
            key: Some(&target.key),
            version: target.version,
        }
    }
}

impl<'a> On<'a> {
    /// The current object of a key.
    pub(crate) const fn key(bucket: &'a BucketName, key: &'a ObjectKey) -> Self {
        Self::version(bucket, key, None)
    }

    /// The version of a key, or its current object.
    pub(crate) const fn version(
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        version: Option<VersionName>,
    ) -> Self {
        Self {
            bucket,
            key: Some(key),
            version,
        }
    }

    fn resource(self) -> Resource<'a> {
        match self.key {
            Some(key) => Resource::Object(self.bucket, key),
            None => Resource::Bucket(self.bucket),
        }
    }
}

/// What is to be done with an object, as far as that decides what is told where there is none.
#[derive(Clone, Copy)]
enum Use {
    /// The operation reads the object, or changes what is said of it.
    Of(Operation),
    /// It is the source of a copy.
    AsSource(Operation),
}

impl Use {
    /// What lists must grant, and what policies must allow. An operation without a source may read none.
    fn access(self) -> Result<(Operation, Need, &'static [IamAction]), S3Error> {
        Ok(match self {
            Self::Of(operation) => (operation, operation.need(), operation.actions()),
            Self::AsSource(operation) => {
                let need = operation.source_need().ok_or_else(denied)?;
                (operation, need, operation.source_actions())
            }
        })
    }
}

impl Caller {
    /// `AccessDenied` where the request carries no signature and `operation` must have one. Needs no store, and so
    /// comes before a body is read.
    pub fn admit(&self, operation: Operation) -> Result<(), S3Error> {
        match operation.signature() {
            Signature::Required(refusal) if self.owner.is_anonymous() => {
                Err(S3Error::message(ErrorCode::AccessDenied, refusal))
            }
            _ => Ok(()),
        }
    }

    /// `AccessDenied` where the caller may not do `operation`, which is about the service, or about a bucket that is
    /// not there yet.
    pub(crate) fn may(
        &self,
        context: &Context,
        operation: Operation,
        bucket: Option<&BucketName>,
    ) -> Result<(), S3Error> {
        self.admit(operation)?;
        let matter = Matter {
            operation,
            actions: operation.actions(),
            resource: bucket.map_or(Resource::Service, Resource::Bucket),
            owner: &self.owner,
            tags: None,
            version: None,
            if_match: None,
            listed: Listed {
                account: true,
                everybody: false,
            },
        };
        let allowed = self.decide(context, None, &Guard::default(), &matter);
        allowed.map(drop).ok_or_else(denied)
    }

    /// The bucket that a lookup found, if it exists, is whose the request says it is, and `operation` may be done as
    /// far as the bucket decides that.
    pub(crate) async fn open<'a>(
        &self,
        context: &Context,
        operation: Operation,
        on: impl Into<On<'a>>,
        found: Option<Bucket>,
    ) -> Result<Opened, S3Error> {
        self.admit(operation)?;
        let on = on.into();
        let bucket = self.find(context, operation, on, found).await?;
        // Decided on the object, or on the upload, or on each of several keys.
        match operation.need() {
            Need::Nothing | Need::Account | Need::Object(_) | Need::UploaderOrOwner => return Ok(bucket),
            Need::Deletions if !self.owner.is_anonymous() || bucket.guard.policy.is_some() => {
                return Ok(bucket);
            }
            _ => {}
        }
        self.opened(context, operation, on, bucket)
    }

    /// The same of a bucket that was found, whatever else decides about its objects.
    fn opened(
        &self,
        context: &Context,
        operation: Operation,
        on: On<'_>,
        mut bucket: Opened,
    ) -> Result<Opened, S3Error> {
        let listed = self.listed(&bucket, operation.need(), None, None);
        let by = self.by(context, &bucket, (operation, operation.actions()), on, listed);
        bucket.by_policy = by.ok_or_else(denied)? == By::Policy;
        Ok(bucket)
    }

    /// What lets the caller do what these actions stand for, with what belongs to the bucket's owner.
    fn by(
        &self,
        context: &Context,
        bucket: &Opened,
        (operation, actions): (Operation, &'static [IamAction]),
        on: On<'_>,
        listed: Listed,
    ) -> Option<By> {
        let matter = Matter::of_bucket(bucket, (operation, actions), on, listed);
        self.decide(context, Some(&bucket.bucket), &bucket.guard, &matter)
    }

    /// The bucket that a lookup found, and what decides about it, if it exists and is whose the request says it is.
    async fn find(
        &self,
        context: &Context,
        operation: Operation,
        on: On<'_>,
        found: Option<Bucket>,
    ) -> Result<Opened, S3Error> {
        let bucket = found.ok_or_else(|| no_such_bucket(on.bucket))?;
        let expected = self.expected_bucket_owner.as_ref();
        if !expected.is_none_or(|id| context.accounts.is_named(&bucket.owner, id)) {
            return Err(denied());
        }
        let with_policy = !self.keeps(Some(&bucket), operation);
        let guard = Guard::of(context, &bucket, with_policy).await?;
        Ok(Opened {
            bucket,
            guard,
            by_policy: false,
        })
    }

    /// Reads the bucket of that name and opens it.
    pub(crate) async fn bucket<'a>(
        &self,
        context: &Context,
        operation: Operation,
        on: impl Into<On<'a>>,
    ) -> Result<Opened, S3Error> {
        self.admit(operation)?;
        let on = on.into();
        let found = context.ports.metadata.bucket(on.bucket).await?;
        self.open(context, operation, on, found).await
    }

    /// The object that a lookup found in a bucket, if the caller may do that with it. That there is none is told to
    /// those who may list the bucket.
    fn object<O: Borrow<ObjectRecord>>(
        &self,
        context: &Context,
        purpose: Use,
        bucket: &mut Opened,
        found: Option<O>,
        on: On<'_>,
    ) -> Result<O, S3Error> {
        let is_object = |object: &O| object.borrow().kind == ObjectKind::Object;
        let (object, marker) = match found {
            Some(object) if is_object(&object) => (Some(object), None),
            marker => (None, marker),
        };
        let record = object.as_ref().map(Borrow::borrow);
        let (operation, need, actions) = purpose.access()?;
        let whose = match (record, need) {
            (Some(object), Need::Object(_)) if !bucket.guard.enforces_ownership() => {
                &object.description.owner
            }
            _ => &bucket.owner,
        };
        let listed = self.listed(bucket, need, record, None);
        let matter = Matter {
            owner: whose,
            tags: record.map(|object| &object.description.tags),
            ..Matter::of_bucket(bucket, (operation, actions), on, listed)
        };
        let by = self.decide(context, Some(&bucket.bucket), &bucket.guard, &matter);
        let by = by.ok_or_else(denied)?;
        bucket.by_policy = by == By::Policy;
        object.ok_or_else(|| self.missing(context, purpose, bucket, on, marker.as_ref().map(Borrow::borrow)))
    }

    /// What the caller hears of an object that is not there.
    fn missing(
        &self,
        context: &Context,
        purpose: Use,
        bucket: &Opened,
        on: On<'_>,
        marker: Option<&ObjectRecord>,
    ) -> S3Error {
        match on.key {
            Some(key) if self.may_list(context, bucket) => {
                not_there(purpose, bucket, key, on.version, marker)
            }
            _ => denied(),
        }
    }

    /// Whether the caller may hear which keys there are.
    fn may_list(&self, context: &Context, bucket: &Opened) -> bool {
        let operation = Operation::ListObjectsV2;
        let mut listed = self.listed(bucket, operation.need(), None, None);
        listed.account |= self.owns(bucket);
        let on = On::from(&bucket.bucket.name);
        let by = self.by(context, bucket, (operation, operation.actions()), on, listed);
        by.is_some()
    }

    /// Whether the caller is the account that the bucket belongs to, with all that this may do there.
    pub(crate) fn owns(&self, bucket: &Bucket) -> bool {
        bucket.owner.id == self.owner.id && self.identity.policy.is_none()
    }
}

/// The bucket, if it exists and the caller may do `operation` as far as the bucket decides that.
pub async fn open_bucket(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    name: &BucketName,
) -> Result<Opened, S3Error> {
    caller.bucket(context, operation, name).await
}

/// The bucket and the object, if both exist and the caller may do `operation` with them.
pub async fn open_object(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    target: &Target,
) -> Result<(Opened, ObjectRecord), S3Error> {
    caller.admit(operation)?;
    look_up(context, caller, Use::Of(operation), target).await
}

/// The bucket and the object, if both exist and the caller may read them as the source of `operation`. Whether it may
/// do that at all is not asked.
pub(crate) async fn open_source(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    source: &Target,
) -> Result<(Opened, ObjectRecord), S3Error> {
    look_up(context, caller, Use::AsSource(operation), source).await
}

async fn look_up(
    context: &Context,
    caller: &Caller,
    purpose: Use,
    target: &Target,
) -> Result<(Opened, ObjectRecord), S3Error> {
    let (metadata, Target { bucket, key, version }) = (&context.ports.metadata, target);
    let found = match version {
        None => metadata.lookup(bucket, key).await?,
        Some(version) => metadata.lookup_version(bucket, key, *version).await?,
    };
    let (operation, ..) = purpose.access()?;
    let mut bucket = caller
        .find(context, operation, target.into(), found.bucket)
        .await?;
    let object = caller.object(context, purpose, &mut bucket, found.object, target.into())?;
    Ok((bucket, object))
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod matrix;
#[cfg(test)]
mod tests;
