//! ListMultipartUploads and ListParts.

use super::list_objects::{Encoding, common_prefixes, input};
use super::response::xml;
use super::{Answer, Call};
use crate::model::{Owner, Part, PartNumber, S3Error, Upload};
use crate::ops::{self, ListParts, Listed, ListingPosition, ListingStart};
use crate::protocol::headers::refuse_customer_key;
use crate::protocol::xml::{Writer, document};

/// The most uploads or parts on one page, and how many there are on one without a limit.
const MAX: usize = 1_000;

pub(super) async fn list_multipart_uploads(call: &Call<'_>) -> Answer {
    let encoding = Encoding::of(call)?;
    let key_marker = call.query.get("key-marker").unwrap_or_default();
    let id_marker = call.query.get("upload-id-marker").unwrap_or_default();
    let mut input = input(call, MAX, "max-uploads")?;
    input.start = start(key_marker, id_marker)?;
    // Without a key marker it says nothing, and is not shown.
    let id_marker = if key_marker.is_empty() { "" } else { id_marker };
    let output = ops::list_multipart_uploads(call.context, &call.caller, input.clone()).await?;
    Ok(xml(document("ListMultipartUploadsResult", |root| {
        root.text("Bucket", &input.bucket);
        root.text("KeyMarker", encoding.of_text(key_marker));
        root.text("UploadIdMarker", id_marker);
        next_markers(root, &output, encoding);
        encoding.write_delimiter(root, &input);
        if !input.prefix.is_empty() {
            root.text("Prefix", encoding.of_text(&input.prefix));
        }
        encoding.declare(root);
        root.text("MaxUploads", input.limit);
        root.text("IsTruncated", output.next.is_some());
        for upload in &output.items {
            root.element("Upload", |element| one_upload(element, upload, encoding));
        }
        common_prefixes(root, &output.common_prefixes, encoding);
    })))
}

/// An upload id marker counts only beside a key marker. Both together name one place, also within a folded group.
fn start(key_marker: &str, id_marker: &str) -> Result<Option<ListingStart>, S3Error> {
    if key_marker.is_empty() {
        return Ok(None);
    }
    let key = key_marker.to_owned();
    if id_marker.is_empty() {
        return Ok(Some(ListingStart::Marker(key)));
    }
    let upload = id_marker
        .parse()
        .map_err(|_| S3Error::invalid_argument("Invalid uploadId marker", "upload-id-marker", id_marker))?;
    Ok(Some(ListingStart::Next(ListingPosition::Upload(key, upload))))
}

/// Where to go on if more follows, and otherwise the last upload; both elements are always there.
fn next_markers(root: &mut Writer, output: &Listed<Upload>, encoding: Encoding) {
    let last = output.items.last();
    let (key, upload) = match &output.next {
        None => (
            last.map(|upload| upload.key.as_str()),
            last.map(|upload| upload.id),
        ),
        Some(ListingPosition::Upload(key, upload)) => (Some(key.as_str()), Some(*upload)),
        Some(other) => (Some(other.text()), None),
    };
    root.text("NextKeyMarker", encoding.of_text(key.unwrap_or_default()));
    root.text(
        "NextUploadIdMarker",
        upload.map(|upload| upload.to_string()).unwrap_or_default(),
    );
}

fn one_upload(element: &mut Writer, upload: &Upload, encoding: Encoding) {
    element.text("Key", encoding.of_text(upload.key.as_str()));
    element.text("UploadId", upload.id);
    initiator_and_owner(element, &upload.description.owner);
    let class = upload.description.headers.storage_class.as_deref();
    element.text("StorageClass", class.unwrap_or("STANDARD"));
    element.text("Initiated", upload.initiated.iso_8601());
    checksum(element, upload);
}

/// Whoever begins an upload owns it.
fn initiator_and_owner(element: &mut Writer, owner: &Owner) {
    for name in ["Initiator", "Owner"] {
        element.element(name, |element| {
            element.text("ID", &owner.id);
            element.text("DisplayName", &owner.display_name);
        });
    }
}

fn checksum(element: &mut Writer, upload: &Upload) {
    if let Some((algorithm, kind)) = upload.checksum {
        element.text("ChecksumAlgorithm", algorithm.name());
        element.text("ChecksumType", kind.name());
    }
}

pub(super) async fn list_parts(call: &Call<'_>) -> Answer {
    refuse_customer_key(call.headers())?;
    let limit = call.number("max-parts", MAX)?.unwrap_or(MAX);
    let marker = call
        .number("part-number-marker", usize::from(PartNumber::MAX))?
        .unwrap_or(0);
    let target = call.target()?;
    let input = ListParts {
        target: target.clone(),
        upload: call.upload_id()?,
        after: PartNumber::new(marker as u64).ok(),
        limit,
    };
    let output = ops::list_parts(call.context, &call.caller, input).await?;
    Ok(xml(document("ListPartsResult", |root| {
        root.text("Bucket", &target.bucket);
        root.text("Key", &target.key);
        root.text("UploadId", output.upload.id);
        initiator_and_owner(root, &output.upload.description.owner);
        let class = output.upload.description.headers.storage_class.as_deref();
        root.text("StorageClass", class.unwrap_or("STANDARD"));
        root.text("PartNumberMarker", marker);
        root.text(
            "NextPartNumberMarker",
            output.parts.last().map_or(0, |part| part.number.get()),
        );
        root.text("MaxParts", limit);
        root.text("IsTruncated", output.truncated);
        for part in &output.parts {
            root.element("Part", |element| one_part(element, part, &output.upload));
        }
        checksum(root, &output.upload);
    })))
}

fn one_part(element: &mut Writer, part: &Part, upload: &Upload) {
    element.text("PartNumber", part.number);
    element.text("LastModified", part.last_modified.iso_8601());
    element.text("ETag", &part.etag);
    element.text("Size", part.size);
    // A part has a checksum of its own anyway, which S3 shows only where the upload asked for one.
    if let (Some(checksum), Some(_)) = (&part.checksum, upload.checksum) {
        element.text(checksum.algorithm.element(), &checksum.value);
    }
}
