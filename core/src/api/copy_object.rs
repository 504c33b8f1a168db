//! CopyObject.

use super::put_object::echo_encryption;
use super::response::{set_copied_version, set_version, xml};
use super::{Answer, Call};
use crate::model::{ObjectRecord, S3Error};
use crate::ops::{self, Caller, CopyObject, Replacement, Target};
use crate::protocol::conditions::{ReadConditions, write_condition};
use crate::protocol::headers::{self, Directive};
use crate::protocol::{checksum, xml::document};

pub(super) async fn copy_object(call: &Call<'_>) -> Answer {
    let (source, source_caller) = copy_source(call)?;
    let conditions = ReadConditions::of_copy_source(call.headers(), call.now());
    let check_source = |record: &ObjectRecord| {
        headers::refuse_customer_key_of_source(call.headers())?;
        conditions.evaluate_for_copy(&record.etag, record.last_modified)
    };
    let replacement = replacement(call)?;
    let sse_s3 = replacement.sse_s3;
    let input = CopyObject {
        source,
        source_caller,
        destination: call.target()?,
        replacement,
        acl: call.object_acl()?,
        check_source: &check_source,
        checksum: checksum::requested_algorithm(call.headers())?,
        condition: write_condition(call.headers())?,
    };
    let ops::Copied {
        record,
        version,
        source,
    } = ops::copy_object(call.context, &call.caller, input).await?;
    let mut response = xml(document("CopyObjectResult", |root| {
        root.text("LastModified", record.last_modified.iso_8601());
        root.text("ETag", &record.etag);
        if let Some(checksum) = &record.checksum {
            root.text(checksum.algorithm.element(), &checksum.value);
            root.text("ChecksumType", checksum.kind.name());
        }
    }));
    echo_encryption(response.headers_mut(), sse_s3);
    set_version(response.headers_mut(), version)?;
    set_copied_version(response.headers_mut(), source)?;
    Ok(response)
}

/// The object that `x-amz-copy-source` names, and whom the request acts for at its bucket.
pub(super) fn copy_source(call: &Call<'_>) -> Result<(Target, Caller), S3Error> {
    let source = headers::copy_source(call.headers())?.ok_or_else(|| {
        S3Error::invalid_argument("Copy Source must mention the source", "x-amz-copy-source", "")
    })?;
    let caller = Caller {
        expected_bucket_owner: headers::expected_source_bucket_owner(call.headers()),
        ..call.caller.clone()
    };
    Ok((
        Target {
            bucket: source.bucket,
            key: source.key,
            version: source.version,
        },
        caller,
    ))
}

fn replacement(call: &Call<'_>) -> Result<Replacement, S3Error> {
    let sent = headers::object_headers(call.headers())?;
    let never_copied = [
        "x-amz-storage-class",
        "x-amz-server-side-encryption",
        "x-amz-website-redirect-location",
    ];
    Ok(Replacement {
        storage_class: sent.storage_class.clone(),
        website_redirect: sent.website_redirect.clone(),
        changes_uncopied: never_copied.iter().any(|name| call.headers().contains_key(*name)),
        sse_s3: sent.sse_s3,
        // Tags beside the directive to copy the source's count for nothing, as at S3.
        tags: match headers::tagging_directive(call.headers())? {
            Directive::Copy => None,
            Directive::Replace => Some(headers::tagging(call.headers())?),
        },
        headers: match headers::metadata_directive(call.headers())? {
            Directive::Copy => None,
            Directive::Replace => Some(sent),
        },
    })
}
