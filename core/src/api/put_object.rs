//! PutObject.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::response::{empty, set_etag, set_version, with_id};
use super::{Answer, Call};
use crate::model::{ChecksumAlgorithm, Operation, S3Error};
use crate::ops::{self, AppendObject, AppendOutput, PutObject, PutObjectOutput, Said};
use crate::protocol::checksum;
use crate::protocol::conditions::write_condition;
use crate::protocol::headers::{self, AclSubject};

/// The checksum that S3 keeps of an object whose client sends none.
pub(super) const DEFAULT_CHECKSUM: ChecksumAlgorithm = ChecksumAlgorithm::Crc64nvme;

const OBJECT_SIZE: HeaderName = HeaderName::from_static("x-amz-object-size");

pub(super) async fn put_object(call: Call<'_>) -> Answer {
    if let Some(offset) = headers::write_offset(call.headers())? {
        return Box::pin(append(call, offset)).await;
    }
    let condition = write_condition(call.headers())?;
    let object_headers = headers::object_headers(call.headers())?;
    let sse_s3 = object_headers.sse_s3;
    let acl = call.object_acl()?;
    let tags = headers::tagging(call.headers())?;
    let (context, caller, target) = (call.context, call.caller.clone(), call.target()?);
    let body = call.incoming(DEFAULT_CHECKSUM)?;
    let input = PutObject {
        operation: Operation::PutObject,
        target,
        headers: object_headers,
        acl,
        tags,
        body,
        condition,
    };
    let output = ops::put_object(context, &caller, input).await?;
    let mut response = empty(StatusCode::OK);
    say_what_is_stored(response.headers_mut(), &output, sse_s3)?;
    Ok(response)
}

/// Says which object was made.
pub(super) fn say_what_is_stored(
    head: &mut HeaderMap,
    output: &PutObjectOutput,
    sse_s3: bool,
) -> Result<(), S3Error> {
    set_etag(head, &output.etag)?;
    set_version(head, with_id(output.version))?;
    if let Some(stored) = &output.checksum {
        checksum::insert(head, stored);
    }
    echo_encryption(head, sse_s3);
    Ok(())
}

/// Appends the body to the object that is `offset` bytes long.
async fn append(call: Call<'_>, offset: u64) -> Answer {
    let condition = write_condition(call.headers())?;
    let object_headers = headers::object_headers(call.headers())?;
    let sse_s3 = object_headers.sse_s3;
    let said = Said {
        headers: object_headers,
        acl: headers::requested_acl(call.headers(), AclSubject::Object)?,
        tags: headers::tagging(call.headers())?,
    };
    let (context, caller, target) = (call.context, call.caller.clone(), call.target()?);
    let appending = ops::open_append(context, &caller, &target, offset).await?;
    let body = call.incoming(appending.algorithm().unwrap_or(DEFAULT_CHECKSUM))?;
    let input = AppendObject {
        target,
        offset,
        said,
        body,
        condition,
    };
    let AppendOutput { object, existed } = ops::append_object(context, &caller, appending, input).await?;
    let mut response = empty(StatusCode::OK);
    let head = response.headers_mut();
    set_etag(head, &object.etag)?;
    if let Some(stored) = &object.checksum {
        checksum::insert(head, stored);
    }
    if existed {
        head.insert(OBJECT_SIZE, HeaderValue::from(object.size));
    }
    echo_encryption(head, sse_s3);
    Ok(response)
}

/// Says that the object is encrypted as it was asked to be.
pub(super) fn echo_encryption(head: &mut HeaderMap, sse_s3: bool) {
    if sse_s3 {
        head.insert("x-amz-server-side-encryption", HeaderValue::from_static("AES256"));
    }
}
