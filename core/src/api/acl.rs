//! GetBucketAcl, PutBucketAcl, GetObjectAcl and PutObjectAcl.

use http::StatusCode;

use super::response::{empty, set_version, xml};
use super::{Answer, Call};
use crate::model::{ErrorCode, Operation, RequestedAcl, S3Error};
use crate::ops::{self, PutAcl};
use crate::protocol::headers::{self, AclSubject};
use crate::protocol::xml::{access_control_policy, read_access_control_policy};

/// The longest AccessControlPolicy: 100 grants of some 400 bytes, with room for white space.
const MAX_POLICY: usize = 128 << 10;

pub(super) async fn get_bucket_acl(call: &Call<'_>) -> Answer {
    let bucket = ops::open_bucket(
        call.context,
        &call.caller,
        Operation::GetBucketAcl,
        call.bucket()?,
    )
    .await?;
    Ok(xml(access_control_policy(&bucket.owner, &bucket.list())))
}

pub(super) async fn put_bucket_acl(call: Call<'_>) -> Answer {
    let (context, caller) = (call.context, call.caller.clone());
    let bucket = ops::open_bucket(context, &caller, Operation::PutBucketAcl, call.bucket()?).await?;
    let input = put_acl(call, AclSubject::Bucket).await?;
    ops::put_bucket_acl(context, &caller, bucket, &input).await?;
    Ok(empty(StatusCode::OK))
}

pub(super) async fn get_object_acl(call: &Call<'_>) -> Answer {
    let target = call.target()?;
    let operation = Operation::GetObjectAcl;
    let (bucket, object) = ops::open_object(call.context, &call.caller, operation, &target).await?;
    let (owner, acl) = bucket.list_of(&object);
    let mut response = xml(access_control_policy(owner, &acl));
    let version = bucket.versioning.map(|_| object.version_name());
    set_version(response.headers_mut(), version)?;
    Ok(response)
}

pub(super) async fn put_object_acl(call: Call<'_>) -> Answer {
    let (context, caller) = (call.context, call.caller.clone());
    let target = call.target()?;
    let opened = ops::open_object(context, &caller, Operation::PutObjectAcl, &target).await?;
    let keeps_versions = opened.0.versioning.is_some();
    let input = put_acl(call, AclSubject::Object).await?;
    let version = ops::put_object_acl(context, &caller, &target, opened, &input).await?;
    let mut response = empty(StatusCode::OK);
    set_version(response.headers_mut(), keeps_versions.then_some(version))?;
    Ok(response)
}

/// The list of a request that has it either in its headers or in its body.
async fn put_acl(call: Call<'_>, subject: AclSubject) -> Result<PutAcl, S3Error> {
    let in_headers = headers::requested_acl(call.headers(), subject)?;
    let body = call.document(MAX_POLICY).await?.bytes;
    match in_headers {
        Some(_) if !body.is_empty() => Err(ErrorCode::UnexpectedContent.into()),
        Some(acl) => Ok(PutAcl { owner: None, acl }),
        None if body.is_empty() => {
            Err(S3Error::new(ErrorCode::MissingSecurityHeader).with("MissingHeaderName", "x-amz-acl"))
        }
        None => {
            let policy = read_access_control_policy(&body)?;
            Ok(PutAcl {
                owner: Some(policy.owner),
                acl: RequestedAcl::Grants(policy.grants),
            })
        }
    }
}
