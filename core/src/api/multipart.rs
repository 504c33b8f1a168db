//! CreateMultipartUpload, UploadPart, CompleteMultipartUpload and AbortMultipartUpload.

use http::{HeaderName, StatusCode};

use super::copy_object::copy_source;
use super::put_object::{DEFAULT_CHECKSUM, echo_encryption};
use super::response::{empty, set, set_copied_version, set_etag, set_version, with_id, xml};
use super::{Answer, Call};
use crate::model::{ErrorCode, ObjectRecord, Operation, PartNumber, S3Error};
use crate::ops::{self, CompleteMultipartUpload, CompletedPart, CreateMultipartUpload, UploadPartCopy};
use crate::protocol::conditions::{ReadConditions, write_condition};
use crate::protocol::range::{parse_copy_source_range, resolve_copy_source_range};
use crate::protocol::xml::{document, read_complete_multipart_upload};
use crate::protocol::{checksum, headers};

/// The longest CompleteMultipartUpload document: 10,000 parts with a checksum each.
const MAX_COMPLETE: usize = 8 << 20;

const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");
const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
const COPY_SOURCE_RANGE: &str = "x-amz-copy-source-range";
const OBJECT_SIZE: &str = "x-amz-mp-object-size";

pub(super) async fn create_multipart_upload(call: &Call<'_>) -> Answer {
    call.settings.limits.check_multipart()?;
    let object_headers = headers::object_headers(call.headers())?;
    let checksum = checksum::requested_of_upload(call.headers())?;
    let sse_s3 = object_headers.sse_s3;
    let target = call.target()?;
    let input = CreateMultipartUpload {
        target: target.clone(),
        headers: object_headers,
        acl: call.object_acl()?,
        tags: headers::tagging(call.headers())?,
        checksum,
    };
    let upload = ops::create_multipart_upload(call.context, &call.caller, input).await?;
    let mut response = xml(document("InitiateMultipartUploadResult", |root| {
        root.text("Bucket", &target.bucket);
        root.text("Key", &target.key);
        root.text("UploadId", upload);
    }));
    let head = response.headers_mut();
    if let Some((algorithm, kind)) = checksum {
        set(head, CHECKSUM_ALGORITHM, algorithm.name())?;
        set(head, CHECKSUM_TYPE, kind.name())?;
    }
    echo_encryption(head, sse_s3);
    Ok(response)
}

pub(super) async fn upload_part(call: Call<'_>) -> Answer {
    let number = part_number(&call)?;
    let (id, context) = (call.upload_id()?, call.context);
    let upload = ops::open_upload(context, &call.caller, Operation::UploadPart, &call.target()?, id).await?;
    let algorithm = upload.checksum.map(|(algorithm, _)| algorithm);
    if let (Some(wanted), Some(sent)) = (algorithm, call.declared.checksum_algorithm())
        && wanted != sent
    {
        return Err(S3Error::message(
            ErrorCode::InvalidRequest,
            format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                wanted.name().to_lowercase(),
                sent.name().to_lowercase()
            ),
        ));
    }
    let body = call.incoming(algorithm.unwrap_or(DEFAULT_CHECKSUM))?;
    let part = ops::upload_part(context, &upload, number, body).await?;
    let mut response = empty(StatusCode::OK);
    let head = response.headers_mut();
    set_etag(head, &part.etag)?;
    if let Some(stored) = &part.checksum {
        set(
            head,
            HeaderName::from_static(stored.algorithm.header()),
            &stored.value,
        )?;
    }
    echo_encryption(head, upload.description.headers.sse_s3);
    Ok(response)
}

pub(super) async fn upload_part_copy(call: &Call<'_>) -> Answer {
    let number = part_number(call)?;
    let (operation, target, id) = (Operation::UploadPartCopy, call.target()?, call.upload_id()?);
    let upload = ops::open_upload(call.context, &call.caller, operation, &target, id).await?;
    let (source, source_caller) = copy_source(call)?;
    let conditions = ReadConditions::of_copy_source(call.headers(), call.now());
    let range = call
        .headers()
        .get(COPY_SOURCE_RANGE)
        .map(|range| range.to_str().unwrap_or_default());
    let range = range.map(parse_copy_source_range).transpose()?;
    let select = |record: &ObjectRecord| {
        headers::refuse_customer_key_of_source(call.headers())?;
        conditions.evaluate_for_copy(&record.etag, record.last_modified)?;
        match range {
            None => Ok(0..record.size),
            Some(range) => {
                let range = resolve_copy_source_range(range, record.size)?;
                Ok(range.offset..range.offset + range.length)
            }
        }
    };
    let input = UploadPartCopy {
        source,
        source_caller,
        select: &select,
        number,
    };
    let (part, copied) = ops::upload_part_copy(call.context, &upload, input).await?;
    let mut response = xml(document("CopyPartResult", |root| {
        root.text("LastModified", part.last_modified.iso_8601());
        root.text("ETag", &part.etag);
        // As in ListParts: of an upload without an algorithm no part shows one.
        if let (Some(checksum), Some(_)) = (&part.checksum, upload.checksum) {
            root.text(checksum.algorithm.element(), &checksum.value);
        }
    }));
    echo_encryption(response.headers_mut(), upload.description.headers.sse_s3);
    set_copied_version(response.headers_mut(), copied)?;
    Ok(response)
}

fn part_number(call: &Call<'_>) -> Result<PartNumber, S3Error> {
    PartNumber::from_text(call.query.get("partNumber").unwrap_or_default())
}

pub(super) async fn complete_multipart_upload(call: Call<'_>) -> Answer {
    let (context, caller, target) = (call.context, call.caller.clone(), call.target()?);
    let location = location(&call);
    let upload = call.upload_id()?;
    let mut input = CompleteMultipartUpload {
        parts: Vec::new(),
        checksum: checksum::declared_of_object(call.headers())?.map(|sent| (sent.algorithm, sent.value)),
        checksum_kind: checksum::requested_kind(call.headers())?,
        size: object_size(&call)?,
        condition: write_condition(call.headers())?,
    };
    let completion = ops::open_completion(context, &caller, &target, upload).await?;
    let sent = call.document(MAX_COMPLETE).await?;
    let (listed, _held) = sent.read(read_complete_multipart_upload)?;
    for part in listed {
        let checksum = part.checksums.into_iter().next();
        input.parts.push(CompletedPart {
            number: part.number,
            etag: part.etag,
            checksum,
        });
    }
    let completed = ops::complete_multipart_upload(context, &caller, completion, input).await?;
    let mut response = xml(document("CompleteMultipartUploadResult", |root| {
        root.text("Location", location);
        root.text("Bucket", &target.bucket);
        root.text("Key", &target.key);
        root.text("ETag", &completed.etag);
        if let Some(checksum) = &completed.checksum {
            root.text(checksum.algorithm.element(), &checksum.value);
            root.text("ChecksumType", checksum.kind.name());
        }
    }));
    set_version(response.headers_mut(), with_id(completed.version))?;
    Ok(response)
}

/// The object's URL, as the client addressed it.
fn location(call: &Call<'_>) -> String {
    format!("{}://{}{}", call.scheme(), call.host(), call.head.uri.path())
}

fn object_size(call: &Call<'_>) -> Result<Option<u64>, S3Error> {
    let Some(value) = call.headers().get(OBJECT_SIZE) else {
        return Ok(None);
    };
    match value.to_str().ok().and_then(|text| text.parse().ok()) {
        Some(size) => Ok(Some(size)),
        None => Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "Value for x-amz-mp-object-size header is invalid.",
        )),
    }
}

pub(super) async fn abort_multipart_upload(call: &Call<'_>) -> Answer {
    let id = call.upload_id()?;
    ops::abort_multipart_upload(call.context, &call.caller, &call.target()?, id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
