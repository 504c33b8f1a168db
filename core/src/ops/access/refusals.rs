//! What S3 answers where something is not there, or may not be done.

use super::{DELETE_MARKER, Use, VERSION_ID};
use crate::model::{
    Bucket, BucketName, ErrorCode, ObjectKey, ObjectRecord, Operation, S3Error, UploadId, VersionName,
};

/// What S3 answers where there is no object, or a delete marker in its place.
pub(super) fn not_there(
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
        (Some(_), Some(_), Use::AsSource(_)) => S3Error::message(
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
