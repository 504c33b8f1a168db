//! Who may do what.
//!
//! What an operation needs stands in one table, [`Action::need`]; [`Caller`] decides it on the access control lists
//! of bucket and object, and nothing else does. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use std::borrow::Borrow;

use super::Context;
use crate::model::{
    Bucket, BucketName, ErrorCode, ObjectKey, ObjectKind, ObjectRecord, Owner, Permission, S3Error, Upload,
    UploadId,
};

/// Whom a request acts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account; [`Owner::anonymous`] where the request carries no signature.
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

/// What is asked for, in S3's names where they fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of S3's operations")]
pub enum Action {
    ListBuckets,
    CreateBucket,
    HeadBucket,
    DeleteBucket,
    GetBucketLocation,
    GetBucketAcl,
    PutBucketAcl,
    /// Reading or deleting what is configured of a bucket or, beside bytes, headers and list, of an object.
    Configuration,
    ListObjects,
    ListMultipartUploads,
    PutObject,
    CopyObject,
    RenameObject,
    /// Reading the source of CopyObject and UploadPartCopy.
    CopySource,
    GetObject,
    GetObjectAttributes,
    GetObjectAcl,
    PutObjectAcl,
    DeleteObject,
    DeleteObjects,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
}

/// What an action needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// An account.
    Account,
    /// To own the bucket.
    BucketOwner,
    /// This permission on the bucket.
    Bucket(Permission),
    /// This permission on the object.
    Object(Permission),
    /// For each object, to own the bucket, or to own the object and have `WRITE` on the bucket.
    Deletion,
    /// To have begun the upload, and `WRITE` on the bucket.
    Uploader,
    /// To have begun the upload, or to own the bucket.
    UploaderOrBucketOwner,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 26] = [
        Self::ListBuckets,
        Self::CreateBucket,
        Self::HeadBucket,
        Self::DeleteBucket,
        Self::GetBucketLocation,
        Self::GetBucketAcl,
        Self::PutBucketAcl,
        Self::Configuration,
        Self::ListObjects,
        Self::ListMultipartUploads,
        Self::PutObject,
        Self::CopyObject,
        Self::RenameObject,
        Self::CopySource,
        Self::GetObject,
        Self::GetObjectAttributes,
        Self::GetObjectAcl,
        Self::PutObjectAcl,
        Self::DeleteObject,
        Self::DeleteObjects,
        Self::CreateMultipartUpload,
        Self::UploadPart,
        Self::UploadPartCopy,
        Self::CompleteMultipartUpload,
        Self::AbortMultipartUpload,
        Self::ListParts,
    ];

    /// What the action needs. A write over an object also needs what [`Caller::may_replace`] says, and a rename needs it of the
    /// object that it takes away too.
    pub const fn need(self) -> Need {
        match self {
            Self::ListBuckets | Self::CreateBucket => Need::Account,
            Self::DeleteBucket | Self::GetBucketLocation | Self::Configuration => Need::BucketOwner,
            Self::HeadBucket | Self::ListObjects | Self::ListMultipartUploads => {
                Need::Bucket(Permission::Read)
            }
            Self::PutObject | Self::CopyObject | Self::RenameObject | Self::CreateMultipartUpload => {
                Need::Bucket(Permission::Write)
            }
            Self::GetBucketAcl => Need::Bucket(Permission::ReadAcp),
            Self::PutBucketAcl => Need::Bucket(Permission::WriteAcp),
            Self::GetObject | Self::GetObjectAttributes | Self::CopySource => Need::Object(Permission::Read),
            Self::GetObjectAcl => Need::Object(Permission::ReadAcp),
            Self::PutObjectAcl => Need::Object(Permission::WriteAcp),
            Self::DeleteObject | Self::DeleteObjects => Need::Deletion,
            Self::UploadPart | Self::UploadPartCopy | Self::CompleteMultipartUpload => Need::Uploader,
            Self::AbortMultipartUpload | Self::ListParts => Need::UploaderOrBucketOwner,
        }
    }

    /// Why the action is refused without a signature, whatever the lists say.
    const fn refused_to_anonymous(self) -> Option<&'static str> {
        match self {
            Self::CreateMultipartUpload => {
                Some("Anonymous users cannot initiate multipart uploads.  Please authenticate.")
            }
            Self::CopyObject => Some("Anonymous users cannot copy objects.  Please authenticate."),
            Self::RenameObject => Some("Access Denied"),
            // What nobody can have begun without a signature, nobody can go on with.
            _ => match self.need() {
                Need::Account | Need::BucketOwner | Need::Uploader | Need::UploaderOrBucketOwner => {
                    Some("Access Denied")
                }
                Need::Bucket(_) | Need::Object(_) | Need::Deletion => None,
            },
        }
    }
}

impl Caller {
    /// `AccessDenied` where the request carries no signature and `action` is never allowed without. Needs no store, and
    /// so comes before a body is read.
    pub fn admit(&self, action: Action) -> Result<(), S3Error> {
        match action.refused_to_anonymous() {
            Some(reason) if self.owner.is_anonymous() => {
                Err(S3Error::message(ErrorCode::AccessDenied, reason))
            }
            _ => Ok(()),
        }
    }

    /// The bucket that a lookup found, if it exists, is whose the request says it is, and the caller may do `action` as
    /// far as the bucket decides that.
    pub(crate) fn open(
        &self,
        action: Action,
        name: &BucketName,
        found: Option<Bucket>,
    ) -> Result<Bucket, S3Error> {
        self.admit(action)?;
        let bucket = found.ok_or_else(|| no_such_bucket(name))?;
        let expected = self.expected_bucket_owner.as_ref();
        let as_expected = expected.is_none_or(|id| *id == bucket.owner.id);
        let allowed = match action.need() {
            Need::BucketOwner => self.owns(&bucket),
            Need::Bucket(permission) => self.has(&bucket, permission),
            Need::Uploader => self.has(&bucket, Permission::Write),
            Need::Deletion if action == Action::DeleteObject || self.owner.is_anonymous() => {
                self.may_delete(&bucket)
            }
            // Decided for each key, on the object, or on the upload.
            Need::Account | Need::Deletion | Need::Object(_) | Need::UploaderOrBucketOwner => true,
        };
        if as_expected && allowed {
            Ok(bucket)
        } else {
            Err(denied())
        }
    }

    /// Reads the bucket of that name and opens it.
    pub(crate) async fn bucket(
        &self,
        context: &Context,
        action: Action,
        name: &BucketName,
    ) -> Result<Bucket, S3Error> {
        self.admit(action)?;
        let found = context.ports.metadata.bucket(name).await?;
        self.open(action, name, found)
    }

    /// The object that a lookup found in a bucket that was opened for `action`, if the caller may do that with it. That
    /// there is none is told to those who may list the bucket.
    pub(crate) fn object<O: Borrow<ObjectRecord>>(
        &self,
        action: Action,
        bucket: &Bucket,
        found: Option<O>,
        key: &ObjectKey,
    ) -> Result<O, S3Error> {
        let Some(object) = found.filter(|object| object.borrow().kind == ObjectKind::Object) else {
            return Err(if self.has(bucket, Permission::Read) || self.owns(bucket) {
                no_such_key(key)
            } else {
                denied()
            });
        };
        match action.need() {
            Need::Object(permission) if !object.borrow().description.allows(&self.owner, permission) => {
                Err(denied())
            }
            _ => Ok(object),
        }
    }

    /// The upload that a lookup found in a bucket that was opened for `action`, if the caller may do that with it. That
    /// there is none is told to those who may do anything with the bucket.
    pub(crate) fn upload(
        &self,
        action: Action,
        bucket: &Bucket,
        found: Option<Upload>,
        id: UploadId,
    ) -> Result<Upload, S3Error> {
        let Some(upload) = found else {
            let knows = [Permission::Read, Permission::Write].map(|permission| self.has(bucket, permission));
            return Err(if knows.contains(&true) || self.owns(bucket) {
                no_such_upload(id)
            } else {
                denied()
            });
        };
        let as_owner = action.need() == Need::UploaderOrBucketOwner && self.owns(bucket);
        if as_owner || upload.description.owner.id == self.owner.id {
            Ok(upload)
        } else {
            Err(denied())
        }
    }

    /// `AccessDenied` unless the caller may write over what is under a key, or remove it: `WRITE` on a bucket lets others
    /// than its owner create objects, and change those that they own.
    pub(crate) fn may_replace(&self, bucket: &Bucket, current: Option<&ObjectRecord>) -> Result<(), S3Error> {
        if self.owns(bucket) || current.is_none_or(|object| object.description.owner.id == self.owner.id) {
            Ok(())
        } else {
            Err(denied())
        }
    }

    /// Whether the caller may delete objects of `bucket` at all.
    pub(crate) fn may_delete(&self, bucket: &Bucket) -> bool {
        self.owns(bucket) || self.has(bucket, Permission::Write)
    }

    pub(crate) fn owns(&self, bucket: &Bucket) -> bool {
        bucket.owner.id == self.owner.id
    }

    fn has(&self, bucket: &Bucket, permission: Permission) -> bool {
        bucket.acl.allows(&bucket.owner, &self.owner, permission)
    }
}

/// The bucket, if it exists and the caller may do `action` as far as the bucket decides that.
pub async fn open_bucket(
    context: &Context,
    caller: &Caller,
    action: Action,
    name: &BucketName,
) -> Result<Bucket, S3Error> {
    caller.bucket(context, action, name).await
}

/// The bucket and the object, if both exist and the caller may do `action` with them.
pub async fn open_object(
    context: &Context,
    caller: &Caller,
    action: Action,
    target: &Target,
) -> Result<(Bucket, ObjectRecord), S3Error> {
    caller.admit(action)?;
    let found = context.ports.metadata.lookup(&target.bucket, &target.key).await?;
    let bucket = caller.open(action, &target.bucket, found.bucket)?;
    let object = caller.object(action, &bucket, found.object, &target.key)?;
    Ok((bucket, object))
}

pub(crate) fn denied() -> S3Error {
    S3Error::new(ErrorCode::AccessDenied)
}

pub(crate) fn no_such_bucket(name: &BucketName) -> S3Error {
    S3Error::new(ErrorCode::NoSuchBucket).with("BucketName", name)
}

pub(crate) fn no_such_key(key: &ObjectKey) -> S3Error {
    S3Error::new(ErrorCode::NoSuchKey).with("Key", key)
}

pub(crate) fn no_such_upload(id: UploadId) -> S3Error {
    S3Error::new(ErrorCode::NoSuchUpload).with("UploadId", id)
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
