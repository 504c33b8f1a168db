//! Policies of buckets.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde_json::Value;

use super::response::xml;
use super::{Answer, Call, unbuilt};
use crate::body::Body;
use crate::model::{BucketName, ErrorCode, Operation, S3Error};
use crate::ops::{self, Caller, Opened};
use crate::policy::{Policy, PolicyKind};
use crate::protocol::xml::document;
use crate::rows::read_stored;

/// The longest body of PutBucketPolicy: a policy of 20 KB, with room for the error that says that it is too long.
pub(super) const MAX_POLICY: usize = 64 << 10;

/// What is stored of the body of PutBucketPolicy: its text.
pub(super) fn read(caller: &Caller, bucket: &BucketName, body: &[u8]) -> Result<Option<Value>, S3Error> {
    let malformed = |message: String| S3Error::message(ErrorCode::MalformedPolicy, message);
    if body.is_empty() {
        return Err(ErrorCode::MissingRequestBodyError.into());
    }
    let kind = PolicyKind::Bucket { name: bucket };
    let read = Policy::read(body, kind).and_then(|policy| policy.check_known(&*caller.facts));
    read.map_err(|error| malformed(error.0))?;
    let text =
        String::from_utf8(body.to_vec()).map_err(|_| malformed("The policy is not UTF-8".to_owned()))?;
    Ok(Some(Value::String(text)))
}

/// The answer to GetBucketPolicy.
pub(super) fn write(stored: &[u8]) -> Result<Response<Body>, S3Error> {
    let text: String = read_stored(stored)?;
    let mut response = Response::new(Body::full(text));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

/// Only the bucket's own account sees and changes its policy, whomever that lets do it.
pub(super) fn check_account(caller: &Caller, bucket: &Opened, operation: Operation) -> Result<(), S3Error> {
    if bucket.owner.id == caller.owner.id {
        return Ok(());
    }
    let method = match operation {
        Operation::PutBucketPolicy => "PUT",
        Operation::DeleteBucketPolicy => "DELETE",
        _ => "GET",
    };
    Err(S3Error::new(ErrorCode::MethodNotAllowed)
        .with("Method", method)
        .with("ResourceType", "BUCKETPOLICY")
        .with_header("allow", "GET, PUT, DELETE"))
}

/// Answers GetBucketPolicyStatus.
pub(super) async fn get_bucket_policy_status(call: &Call<'_>) -> Answer {
    let operation = Operation::GetBucketPolicyStatus;
    let bucket = ops::open_bucket(call.context, &call.caller, operation, call.bucket()?).await?;
    let Some(is_public) = bucket.has_public_policy() else {
        return unbuilt::where_absent(&call.route);
    };
    Ok(xml(document("PolicyStatus", |root| {
        root.text("IsPublic", is_public)
    })))
}
