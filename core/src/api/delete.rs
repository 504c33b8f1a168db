//! DeleteObject and DeleteObjects.

use http::StatusCode;

use super::response::{empty, xml};
use super::{Answer, Call};
use crate::model::{ErrorCode, Operation, S3Error, WriteCondition};
use crate::ops;
use crate::protocol::conditions::write_condition;
use crate::protocol::xml::{Delete, document, read_delete};

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
    let condition = write_condition(call.headers())?;
    ops::delete_object(call.context, &call.caller, &call.target()?, &condition).await?;
    Ok(empty(StatusCode::NO_CONTENT))
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

    // A version that does not exist is an error of its own key; the others are deleted.
    let mut deletions = Vec::with_capacity(objects.len());
    let mut failures = Vec::new();
    for object in objects {
        match &object.version_id {
            Some(version) if version != "null" => {
                failures.push((
                    object.key,
                    Err(S3Error::new(ErrorCode::NoSuchVersion).with("VersionId", version)),
                ));
            }
            _ => deletions.push((
                object.key,
                object.etag.map_or(WriteCondition::Any, WriteCondition::IfMatch),
            )),
        }
    }
    let mut results = ops::delete_objects(context, &caller, &bucket, deletions).await?;
    results.append(&mut failures);
    Ok(xml(document("DeleteResult", |root| {
        for (key, result) in &results {
            match result {
                Ok(()) if quiet => {}
                Ok(()) => root.element("Deleted", |element| element.text("Key", key)),
                Err(error) => root.element("Error", |element| {
                    element.text("Key", key);
                    let version = error.fields.iter().find(|(name, _)| *name == "VersionId");
                    element.optional("VersionId", version.map(|(_, version)| version));
                    element.text("Code", error.code);
                    element.text("Message", &error.message);
                }),
            }
        }
    })))
}
