//! GetObjectTagging, PutObjectTagging and DeleteObjectTagging.

use http::StatusCode;

use super::response::{empty, set_version, xml};
use super::{Answer, Call};
use crate::model::{ErrorCode, Operation, S3Error, Tagged, Tags};
use crate::ops::{self, Caller};
use crate::protocol::xml::{read_tagging, tagging};

/// The longest Tagging document: 50 tags, each character of which may be a reference, with room for white space.
pub(super) const MAX_TAGGING: usize = 256 << 10;

pub(super) async fn get_object_tagging(call: &Call<'_>) -> Answer {
    let target = call.target()?;
    let operation = Operation::GetObjectTagging;
    let (bucket, object) = ops::open_object(call.context, &call.caller, operation, &target).await?;
    let mut response = xml(tagging(&object.description.tags));
    let version = bucket.versioning.map(|_| object.version_name());
    set_version(response.headers_mut(), version)?;
    Ok(response)
}

pub(super) async fn put_object_tagging(call: Call<'_>) -> Answer {
    change(call, Operation::PutObjectTagging, StatusCode::OK).await
}

pub(super) async fn delete_object_tagging(call: Call<'_>) -> Answer {
    change(call, Operation::DeleteObjectTagging, StatusCode::NO_CONTENT).await
}

async fn change(call: Call<'_>, operation: Operation, status: StatusCode) -> Answer {
    let (context, caller, target) = (call.context, call.caller.clone(), call.target()?);
    let open = async |caller: &Caller| ops::open_object(context, caller, operation, &target).await;
    let first = open(&caller).await;
    let mut caller = caller;
    let (opened, tags) = if operation == Operation::PutObjectTagging {
        // A policy may let it be done by the tags alone, which nobody knows yet. Who is not known sends none for
        // nothing.
        let may_yet = |error: &S3Error| error.code == ErrorCode::AccessDenied && !caller.owner.is_anonymous();
        let first = match first {
            Err(error) if !may_yet(&error) => return Err(error),
            first => first,
        };
        let document = call.document(MAX_TAGGING).await?;
        let tags = document.read(|body| read_tagging(body, Tagged::Object))?.0;
        let opened = match first {
            Ok(opened) if !opened.0.is_decided_by_policies(&caller) => opened,
            _ => {
                caller = caller.saying(&tags, None);
                open(&caller).await?
            }
        };
        (opened, tags)
    } else {
        (first?, Tags::default())
    };
    let keeps_versions = opened.0.versioning.is_some();
    let version = ops::put_object_tagging(context, &caller, operation, &target, opened, &tags).await?;
    let mut response = empty(status);
    set_version(response.headers_mut(), keeps_versions.then_some(version))?;
    Ok(response)
}
