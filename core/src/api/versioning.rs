//! GetBucketVersioning, PutBucketVersioning and ListObjectVersions.

use http::StatusCode;

use super::list_objects::{Encoding, common_prefixes, input};
use super::response::{empty, xml};
use super::{Answer, Call};
use crate::model::{ObjectKind, Operation, S3Error, VersionName};
use crate::ops::{self, Listed, ListedVersion, ListingPosition, ListingStart};
use crate::protocol::route::read_version_id;
use crate::protocol::xml::{Writer, document, read_versioning, versioning_configuration};

/// The longest VersioningConfiguration.
const MAX_CONFIGURATION: usize = 64 << 10;

/// The most entries on one page, and how many there are on one without `max-keys`.
const MAX_KEYS: usize = 1_000;

pub(super) async fn get_bucket_versioning(call: &Call<'_>) -> Answer {
    let operation = Operation::GetBucketVersioning;
    let bucket = ops::open_bucket(call.context, &call.caller, operation, call.bucket()?).await?;
    Ok(xml(versioning_configuration(bucket.versioning)))
}

pub(super) async fn put_bucket_versioning(call: Call<'_>) -> Answer {
    if call.headers().contains_key("x-amz-mfa") {
        return Err(S3Error::not_implemented("x-amz-mfa"));
    }
    let (context, caller) = (call.context, call.caller.clone());
    let operation = Operation::PutBucketVersioning;
    let bucket = ops::open_bucket(context, &caller, operation, call.bucket()?).await?;
    let (versioning, _held) = call.document(MAX_CONFIGURATION).await?.read(read_versioning)?;
    ops::put_bucket_versioning(context, &caller, bucket, versioning).await?;
    Ok(empty(StatusCode::OK))
}

pub(super) async fn list_object_versions(call: &Call<'_>) -> Answer {
    let max_keys = max_keys(call)?;
    let (key_marker, after) = markers(call)?;
    let encoding = Encoding::of(call)?;
    let mut input = input(call, MAX_KEYS, "max-keys")?;
    input.start = (!key_marker.is_empty()).then(|| ListingStart::Marker(key_marker.to_owned()));
    let version_marker = call.query.get("version-id-marker").unwrap_or_default();
    let output = ops::list_object_versions(call.context, &call.caller, input.clone(), after).await?;
    Ok(xml(document("ListVersionsResult", |root| {
        root.text("Name", &input.bucket);
        root.text("Prefix", encoding.of_text(&input.prefix));
        root.text("KeyMarker", encoding.of_text(key_marker));
        root.text("VersionIdMarker", version_marker);
        next_markers(root, &output, encoding);
        root.text("MaxKeys", max_keys);
        if let Some(delimiter) = call.query.get("delimiter") {
            root.text("Delimiter", encoding.of_text(delimiter));
        }
        encoding.declare(root);
        root.text("IsTruncated", output.next.is_some());
        for version in &output.items {
            one_version(root, version, encoding);
        }
        common_prefixes(root, &output.common_prefixes, encoding);
    })))
}

/// `max-keys` as S3 shows it: as it was sent, also where a page has fewer entries.
fn max_keys(call: &Call<'_>) -> Result<usize, S3Error> {
    let text = call.query.get("max-keys").filter(|text| !text.is_empty());
    let Some(text) = text else { return Ok(MAX_KEYS) };
    match text.parse::<i32>() {
        Ok(number) if number < 0 => Err(S3Error::invalid_argument(
            "max-keys cannot be negative",
            "max-keys",
            text,
        )),
        Ok(number) => Ok(usize::try_from(number).unwrap_or(MAX_KEYS)),
        Err(_) => Err(S3Error::invalid_argument(
            "Provided max-keys not an integer or within integer range",
            "max-keys",
            text,
        )),
    }
}

/// Where the listing starts: after a version of a key, or after all of it.
fn markers<'a>(call: &'a Call<'_>) -> Result<(&'a str, Option<VersionName>), S3Error> {
    const NAME: &str = "version-id-marker";
    let (key, version) = (call.query.get("key-marker"), call.query.get(NAME));
    let Some(version) = version else {
        return Ok((key.unwrap_or_default(), None));
    };
    let Some(key) = key else {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(S3Error::invalid_argument(message, NAME, version));
    };
    if version.is_empty() {
        let message = "A version-id marker cannot be empty.";
        return Err(S3Error::invalid_argument(message, NAME, version));
    }
    let after = read_version_id(version, NAME)?;
    Ok((key, Some(after).filter(|_| !key.is_empty())))
}

/// The last entry of the page, where more follows.
fn next_markers(root: &mut Writer, output: &Listed<ListedVersion>, encoding: Encoding) {
    let Some(next) = &output.next else { return };
    root.text("NextKeyMarker", encoding.of_text(next.text()));
    if let ListingPosition::Version(_, version) = next {
        root.text("NextVersionIdMarker", version);
    }
}

fn one_version(root: &mut Writer, version: &ListedVersion, encoding: Encoding) {
    let record = &version.record;
    let is_object = record.kind == ObjectKind::Object;
    root.element(if is_object { "Version" } else { "DeleteMarker" }, |element| {
        element.text("Key", encoding.of_text(record.key.as_str()));
        element.text("VersionId", record.version_name());
        element.text("IsLatest", version.is_latest);
        element.text("LastModified", record.last_modified.iso_8601());
        if is_object {
            element.text("ETag", &record.etag);
            if let Some(checksum) = &record.checksum {
                element.text("ChecksumAlgorithm", checksum.algorithm.name());
                element.text("ChecksumType", checksum.kind.name());
            }
            element.text("Size", record.size);
        }
        element.element("Owner", |owner| {
            owner.text("ID", &record.description.owner.id);
            owner.text("DisplayName", &record.description.owner.display_name);
        });
        if is_object {
            let class = record.description.headers.storage_class.as_deref();
            element.text("StorageClass", class.unwrap_or("STANDARD"));
        }
    });
}
