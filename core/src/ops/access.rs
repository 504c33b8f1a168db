//! Who may do what.
//!
//! What an operation needs stands in the table of operations, [`Operation::need`]; [`Caller`] decides it on the access
//! control lists of bucket and object, and nothing else does.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use std::borrow::Borrow;

use super::Context;
use crate::model::{
    Bucket, BucketName, ErrorCode, Need, ObjectKey, ObjectKind, ObjectRecord, Operation, Owner, Permission,
    S3Error, Signature, Upload, UploadId, VersionName,
};

/// The header that names a version.
pub(crate) const VERSION_ID: &str = "x-amz-version-id";
/// The header that says that a version is a delete marker.
pub(crate) const DELETE_MARKER: &str = "x-amz-delete-marker";

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
    /// The version of it; `None` for the one that is current.
    pub version: Option<VersionName>,
}

/// What is to be done with an object, as far as that decides what is told where there is none.
#[derive(Clone, Copy)]
enum Use {
    /// The operation reads the object, or changes what is said of it.
    Of(Operation),
    /// It is the source of a copy.
    AsSource,
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

    /// The bucket that a lookup found, if it exists, is whose the request says it is, and `operation` may be done as far
    /// as the bucket decides that.
    pub(crate) fn open(
        &self,
        operation: Operation,
        name: &BucketName,
        found: Option<Bucket>,
    ) -> Result<Bucket, S3Error> {
        self.admit(operation)?;
        self.open_for(operation.need(), name, found)
    }

    fn open_for(&self, need: Need, name: &BucketName, found: Option<Bucket>) -> Result<Bucket, S3Error> {
        let bucket = found.ok_or_else(|| no_such_bucket(name))?;
        let expected = self.expected_bucket_owner.as_ref();
        let as_expected = expected.is_none_or(|id| *id == bucket.owner.id);
        let allowed = match need {
            Need::BucketOwner => self.owns(&bucket),
            Need::Bucket(permission) => self.has(&bucket, permission),
            Need::Uploader => self.has(&bucket, Permission::Write),
            Need::Deletion => self.may_delete(&bucket),
            Need::Deletions => !self.owner.is_anonymous() || self.may_delete(&bucket),
            // Decided on the object, or on the upload.
            Need::Nothing | Need::Account | Need::Object(_) | Need::UploaderOrOwner => true,
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
        operation: Operation,
        name: &BucketName,
    ) -> Result<Bucket, S3Error> {
        self.admit(operation)?;
        let found = context.ports.metadata.bucket(name).await?;
        self.open(operation, name, found)
    }

    /// The object that a lookup found in a bucket that was opened for an operation with this need, if the caller may do
    /// that with it. That there is none is told to those who may list the bucket.
    fn object<O: Borrow<ObjectRecord>>(
        &self,
        (need, purpose): (Need, Use),
        bucket: &Bucket,
        found: Option<O>,
        (key, version): (&ObjectKey, Option<VersionName>),
    ) -> Result<O, S3Error> {
        let is_object = |object: &O| object.borrow().kind == ObjectKind::Object;
        let (object, marker) = match found {
            Some(object) if is_object(&object) => (Some(object), None),
            marker => (None, marker),
        };
        let Some(object) = object else {
            let marker = marker.as_ref().map(Borrow::borrow);
            return Err(if self.has(bucket, Permission::Read) || self.owns(bucket) {
                not_there(purpose, bucket, key, version, marker)
            } else {
                denied()
            });
        };
        match need {
            Need::Object(permission) if !object.borrow().description.allows(&self.owner, permission) => {
                Err(denied())
            }
            _ => Ok(object),
        }
    }

    /// The object that a lookup found as the source of `operation`, in a bucket that was opened for that. See
    /// [`open_source`].
    pub(crate) fn source<O: Borrow<ObjectRecord>>(
        &self,
        operation: Operation,
        bucket: &Bucket,
        found: Option<O>,
        key: &ObjectKey,
    ) -> Result<O, S3Error> {
        let need = need_of_source(operation)?;
        self.object((need, Use::AsSource), bucket, found, (key, None))
    }

    /// The upload that a lookup found in a bucket that was opened for `operation`, if the caller may do that with it.
    /// That there is none is told to those who may do anything with the bucket.
    pub(crate) fn upload(
        &self,
        operation: Operation,
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
        let as_owner = operation.need() == Need::UploaderOrOwner && self.owns(bucket);
        if as_owner || upload.description.owner.id == self.owner.id {
            Ok(upload)
        } else {
            Err(denied())
        }
    }

    /// `AccessDenied` unless the caller may write over what is under a key, or remove it: `WRITE` on a bucket lets others
    /// than its owner create objects, and change those that they own.
    ///
    /// A delete marker is nothing that anybody owns.
    pub(crate) fn may_replace(&self, bucket: &Bucket, current: Option<&ObjectRecord>) -> Result<(), S3Error> {
        let current = current.filter(|row| row.kind == ObjectKind::Object);
        if self.owns(bucket) || current.is_none_or(|object| object.description.owner.id == self.owner.id) {
            Ok(())
        } else {
            Err(denied())
        }
    }

    /// `AccessDenied` unless the caller may give tags to objects of `bucket`: access control lists let nobody else do
    /// it.
    pub(crate) fn may_tag(&self, bucket: &Bucket) -> Result<(), S3Error> {
        self.owns(bucket).then_some(()).ok_or_else(denied)
    }

    /// Whether the caller may read the tags of objects of `bucket`.
    pub(crate) fn may_read_tags(&self, bucket: &Bucket) -> bool {
        self.owns(bucket)
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

/// The bucket, if it exists and the caller may do `operation` as far as the bucket decides that.
pub async fn open_bucket(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    name: &BucketName,
) -> Result<Bucket, S3Error> {
    caller.bucket(context, operation, name).await
}

/// The bucket and the object, if both exist and the caller may do `operation` with them.
pub async fn open_object(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    target: &Target,
) -> Result<(Bucket, ObjectRecord), S3Error> {
    caller.admit(operation)?;
    look_up(context, caller, (operation.need(), Use::Of(operation)), target).await
}

/// The bucket and the object, if both exist and the caller may read them as the source of `operation`. Whether it may
/// do that at all is not asked.
pub(crate) async fn open_source(
    context: &Context,
    caller: &Caller,
    operation: Operation,
    source: &Target,
) -> Result<(Bucket, ObjectRecord), S3Error> {
    look_up(
        context,
        caller,
        (need_of_source(operation)?, Use::AsSource),
        source,
    )
    .await
}

async fn look_up(
    context: &Context,
    caller: &Caller,
    (need, purpose): (Need, Use),
    target: &Target,
) -> Result<(Bucket, ObjectRecord), S3Error> {
    let (metadata, Target { bucket, key, version }) = (&context.ports.metadata, target);
    let found = match version {
        None => metadata.lookup(bucket, key).await?,
        Some(version) => metadata.lookup_version(bucket, key, *version).await?,
    };
    let bucket = caller.open_for(need, bucket, found.bucket)?;
    let object = caller.object((need, purpose), &bucket, found.object, (key, *version))?;
    Ok((bucket, object))
}

/// An operation without a source may read none.
fn need_of_source(operation: Operation) -> Result<Need, S3Error> {
    operation.source_need().ok_or_else(denied)
}

/// What S3 answers where there is no object, or a delete marker in its place.
fn not_there(
    purpose: Use,
    bucket: &Bucket,
    key: &ObjectKey,
    version: Option<VersionName>,
    marker: Option<&ObjectRecord>,
) -> S3Error {
    match (marker, version, purpose) {
        (None, Some(version), _) if bucket.versioning.is_some() => no_such_version(key, version),
        (None, Some(version @ VersionName::Id(_)), _) => never_given_out(version),
        (None, _, _) => no_such_key(key),
        (Some(_), Some(_), Use::AsSource) => S3Error::message(
            ErrorCode::InvalidRequest,
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        ),
        (Some(_), None, Use::Of(operation))
            if !operation.only_reads() || operation == Operation::GetObjectTagging =>
        {
            marked(operation)
        }
        (Some(marker), None, _) => naming_marker(no_such_key(key), marker),
        (Some(marker), Some(_), Use::Of(operation)) => naming_marker(marked(operation), marker)
            .with_header("last-modified", marker.last_modified.http_date()),
    }
}

/// What S3 answers an operation on a delete marker.
fn marked(operation: Operation) -> S3Error {
    let method = match operation {
        Operation::DeleteObjectTagging => "DELETE",
        _ if operation.only_reads() => "GET",
        _ => "PUT",
    };
    S3Error::new(ErrorCode::MethodNotAllowed)
        .with("Method", method)
        .with("ResourceType", "DeleteMarker")
        .with_header("allow", "DELETE")
}

fn naming_marker(error: S3Error, marker: &ObjectRecord) -> S3Error {
    error
        .with_header(DELETE_MARKER, true)
        .with_header(VERSION_ID, marker.version_name())
}

/// What S3 answers of an id where none was ever given out: in a bucket that never kept versions.
pub(crate) fn never_given_out(version: VersionName) -> S3Error {
    S3Error::invalid_argument("Invalid version id specified", "versionId", version)
}

pub(crate) fn no_such_version(key: &ObjectKey, version: VersionName) -> S3Error {
    S3Error::new(ErrorCode::NoSuchVersion)
        .with("Key", key)
        .with("VersionId", version)
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
