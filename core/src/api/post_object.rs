//! PostObject.

use std::ops::RangeInclusive;

use http::header::LOCATION;
use http::{Response, StatusCode};

use super::put_object::{DEFAULT_CHECKSUM, say_what_is_stored};
use super::response::{empty, set, xml};
use super::{Answer, Call};
use crate::body::Body;
use crate::model::{Operation, Tags, WriteCondition};
use crate::ops::{self, Incoming, MAX_BODY, PutObject, Target};
use crate::protocol::form::{Success, within};
use crate::protocol::headers;
use crate::protocol::host::Addressing;
use crate::protocol::percent;
use crate::protocol::xml::post_response;

/// What a form says that no header could.
pub(crate) struct Posted {
    /// How the request names its bucket.
    pub(crate) addressing: Addressing,
    /// The tags of the object.
    pub(crate) tags: Tags,
    /// How many bytes the policy allows.
    pub(crate) sizes: RangeInclusive<u64>,
    /// How many bytes the file has, as far as the length of the request tells.
    pub(crate) expected: Option<u64>,
    /// What the client is answered.
    pub(crate) success: Success,
}

/// Stores the file of a form, which is the call's body.
pub(super) async fn post_object(call: Call<'_>, posted: Posted) -> Answer {
    let object_headers = headers::object_headers(call.headers())?;
    let sse_s3 = object_headers.sse_s3;
    let acl = call.object_acl()?;
    let (context, caller, target) = (call.context, call.caller.clone(), call.target()?);
    let location = location(&call, &posted.addressing, &target);
    let algorithm = call.declared.checksum_algorithm().unwrap_or(DEFAULT_CHECKSUM);
    let (stream, digests) = call.declared.open_unmeasured(call.body, algorithm);
    let (least, most) = posted.sizes.into_inner();
    let input = PutObject {
        operation: Operation::PostObject,
        target: target.clone(),
        headers: object_headers,
        acl,
        tags: posted.tags,
        body: Incoming {
            stream: within(least..=most.min(MAX_BODY), posted.expected, stream),
            length: None,
            digests,
        },
        condition: WriteCondition::Any,
    };
    let output = ops::put_object(context, &caller, input).await?;
    let redirect = posted.success.redirect(&target.bucket, &target.key, &output.etag);
    let mut response = match (&redirect, posted.success.status) {
        (Some(_), _) => empty(StatusCode::SEE_OTHER),
        (None, StatusCode::CREATED) => created(post_response(
            &location,
            &target.bucket,
            &target.key,
            &output.etag,
        )),
        (None, status) => empty(status),
    };
    let head = response.headers_mut();
    set(head, LOCATION, redirect.as_ref().unwrap_or(&location))?;
    say_what_is_stored(head, &output, sse_s3)?;
    Ok(response)
}

fn created(document: Vec<u8>) -> Response<Body> {
    let mut response = xml(document);
    *response.status_mut() = StatusCode::CREATED;
    response
}

/// The object's URL, as the client addressed the bucket. S3 encodes each `/` of the key.
fn location(call: &Call<'_>, addressing: &Addressing, target: &Target) -> String {
    let key = percent::encode(target.key.as_str());
    let (scheme, host) = (call.scheme(), call.host());
    match addressing {
        Addressing::PathStyle => format!("{scheme}://{host}/{}/{key}", target.bucket),
        Addressing::VirtualHosted(_) => format!("{scheme}://{host}/{key}"),
    }
}
