//! DeleteObject and DeleteObjects.

use http::{HeaderName, StatusCode};

use super::response::{empty, set, set_version, xml};
use super::{Answer, Call};
use crate::model::{ErrorCode, ObjectKey, Operation, S3Error, VersionName, WriteCondition};
use crate::ops::{self, DELETE_MARKER, Deleted, Deletion};
use crate::protocol::conditions::write_condition;
use crate::protocol::xml::{Delete, ObjectToDelete, Writer, document, read_delete};

/// The longest Delete document: 1,000 keys of 1,024 bytes, each byte a character reference.
const MAX_DELETE: usize = 8 << 20;

/// S3 refuses to bypass the retention of objects in a bucket that has none, and not to bypass it just as well.
fn refuse_bypass(call: &Call<'_>) -> Result<(), S3Error> {
    const BYPASS: &str = "x-amz-bypass-governance-retention";
    let Some(value) = call.headers().get(BYPASS) else {
        return Ok(());
    };
    Err(S3Error::invalid_argument(
        "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
        BYPASS,
        value.to_str().unwrap_or_default(),
    ))
}

pub(super) async fn delete_object(call: &Call<'_>) -> Answer {
    refuse_bypass(call)?;
    let (condition, target) = (write_condition(call.headers())?, call.target()?);
    if target.version.is_some() && condition != WriteCondition::Any {
        return Err(refused_condition());
    }
    let deleted = ops::delete_object(call.context, &call.caller, &target, &condition).await?;
    let mut response = empty(StatusCode::NO_CONTENT);
    let head = response.headers_mut();
    set_version(head, deleted.version)?;
    if deleted.marker {
        set(head, HeaderName::from_static(DELETE_MARKER), "true")?;
    }
    Ok(response)
}

/// What S3 answers a condition beside a version.
fn refused_condition() -> S3Error {
    S3Error::new(ErrorCode::NotImplemented).with("Header", "If-Match")
}

pub(super) async fn delete_objects(call: Call<'_>) -> Answer {
    refuse_bypass(&call)?;
    if !call.declared.has_digest() {
        return Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    let (context, caller) = (call.context, call.caller.clone());
    let bucket = ops::open_bucket(context, &caller, Operation::DeleteObjects, call.bucket()?).await?;
    let (Delete { quiet, objects }, _held) = call.document(MAX_DELETE).await?.read(read_delete)?;

    // What is wrong with one key's version is an error of its own; the others are deleted.
    let mut deletions = Vec::with_capacity(objects.len());
    let mut failures = Vec::new();
    for object in objects {
        match deletion(object) {
            Ok(deletion) => deletions.push(deletion),
            Err(failure) => failures.push(failure),
        }
    }
    let done = ops::delete_objects(context, &caller, &bucket, deletions).await?;
    Ok(xml(document("DeleteResult", |root| {
        for (deletion, result) in &done {
            let (key, version) = (&deletion.key, deletion.version);
            match result {
                Ok(_) if quiet => {}
                Ok(done) => root.element("Deleted", |element| one_deleted(element, key, version, *done)),
                Err(error) => {
                    let version = version.map(|version| version.to_string());
                    one_failure(root, key, version.as_deref(), error);
                }
            }
        }
        for failure in &failures {
            one_failure(root, &failure.key, Some(&failure.version), &failure.error);
        }
    })))
}

/// What is wrong with an entry of a request, which names this version.
struct Refused {
    key: ObjectKey,
    version: String,
    error: S3Error,
}

/// What an entry asks for.
fn deletion(object: ObjectToDelete) -> Result<Deletion, Box<Refused>> {
    let ObjectToDelete {
        key,
        version_id,
        etag,
    } = object;
    let version = version_id.as_deref().map(str::parse).transpose();
    let error = match version {
        Ok(version) if version.is_none() || etag.is_none() => {
            return Ok(Deletion {
                key,
                version,
                condition: etag.map_or(WriteCondition::Any, WriteCondition::IfMatch),
            });
        }
        Ok(_) => refused_condition(),
        Err(_) => S3Error::new(ErrorCode::NoSuchVersion),
    };
    let version = version_id.unwrap_or_default();
    Err(Box::new(Refused { key, version, error }))
}

/// Of a version that was named the request's own name, and of a marker that was put or removed the marker's.
fn one_deleted(element: &mut Writer, key: &ObjectKey, named: Option<VersionName>, done: Deleted) {
    element.text("Key", key);
    element.optional("VersionId", named.filter(|_| done.version.is_some()));
    if done.marker {
        element.text("DeleteMarker", true);
        element.optional("DeleteMarkerVersionId", done.version);
    }
}

fn one_failure(root: &mut Writer, key: &ObjectKey, version: Option<&str>, error: &S3Error) {
    root.element("Error", |element| {
        element.text("Key", key);
        element.optional("VersionId", version);
        element.text("Code", error.code);
        element.text("Message", &error.message);
    });
}
