//! ListObjects and ListObjectsV2.

use super::response::xml;
use super::{Answer, Call};
use crate::model::{ObjectSummary, S3Error};
use crate::ops::{self, ListObjects, ListObjectsOutput, ListingPosition, ListingStart};
use crate::protocol::token;
use crate::protocol::xml::{Writer, document, encode_url};

/// The most keys and common prefixes on one page, and how many there are on one without `max-keys`.
const MAX_KEYS: usize = 1_000;

/// How a listing writes keys, prefixes, delimiters and markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are; what XML 1.0 cannot say becomes a character reference.
    Plain,
    /// `encoding-type=url`.
    Url,
}

impl Encoding {
    pub(super) fn of(call: &Call<'_>) -> Result<Self, S3Error> {
        match call.query.get("encoding-type") {
            None => Ok(Self::Plain),
            Some("url") => Ok(Self::Url),
            Some(other) => Err(S3Error::invalid_argument(
                "Invalid Encoding Method specified in Request",
                "encoding-type",
                other,
            )),
        }
    }

    pub(super) fn of_text(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Url => encode_url(text),
        }
    }

    pub(super) fn declare(self, root: &mut Writer) {
        if self == Self::Url {
            root.text("EncodingType", "url");
        }
    }
}

pub(super) async fn list_objects(call: &Call<'_>) -> Answer {
    let encoding = Encoding::of(call)?;
    let marker = call.query.get("marker").unwrap_or_default();
    let start = (!marker.is_empty()).then(|| ListingStart::Marker(ListingPosition::Key(marker.to_owned())));
    let (input, max_keys) = input(call, start)?;
    let (name, delimiter) = (input.bucket.clone(), input.delimiter.clone());
    let output = ops::list_objects(call.context, &call.caller, input).await?;
    Ok(xml(document("ListBucketResult", |root| {
        root.text("Name", &name);
        root.text(
            "Prefix",
            encoding.of_text(call.query.get("prefix").unwrap_or_default()),
        );
        root.text("Marker", encoding.of_text(marker));
        // S3 names the next marker only where there is a delimiter; otherwise the last key serves.
        if let (Some(next), false) = (&output.next, delimiter.is_empty()) {
            root.text("NextMarker", encoding.of_text(text_of(next)));
        }
        root.text("MaxKeys", max_keys);
        if !delimiter.is_empty() {
            root.text("Delimiter", encoding.of_text(&delimiter));
        }
        encoding.declare(root);
        root.text("IsTruncated", output.next.is_some());
        contents(root, &output, encoding, true);
    })))
}

pub(super) async fn list_objects_v2(call: &Call<'_>) -> Answer {
    let encoding = Encoding::of(call)?;
    let continuation = call.query.get("continuation-token");
    // Beside a token it counts for nothing, and is not shown.
    let start_after = call.query.get("start-after");
    let start_after = start_after.filter(|start| !start.is_empty() && continuation.is_none());
    let position = match continuation {
        Some(token) => Some(read_position(token)?),
        None => start_after.map(|start| ListingPosition::Key(start.to_owned())),
    };
    let (input, max_keys) = input(call, position.map(ListingStart::After))?;
    let (name, delimiter) = (input.bucket.clone(), input.delimiter.clone());
    let output = ops::list_objects(call.context, &call.caller, input).await?;
    let with_owner = call.query.get("fetch-owner") == Some("true");
    Ok(xml(document("ListBucketResult", |root| {
        root.text("Name", &name);
        root.text(
            "Prefix",
            encoding.of_text(call.query.get("prefix").unwrap_or_default()),
        );
        root.optional("ContinuationToken", continuation);
        root.optional("NextContinuationToken", output.next.as_ref().map(position_token));
        root.optional("StartAfter", start_after.map(|start| encoding.of_text(start)));
        root.text("KeyCount", output.objects.len() + output.common_prefixes.len());
        root.text("MaxKeys", max_keys);
        if !delimiter.is_empty() {
            root.text("Delimiter", encoding.of_text(&delimiter));
        }
        encoding.declare(root);
        root.text("IsTruncated", output.next.is_some());
        contents(root, &output, encoding, with_owner);
    })))
}

fn input(call: &Call<'_>, start: Option<ListingStart>) -> Result<(ListObjects, usize), S3Error> {
    let max_keys = call.number("max-keys", MAX_KEYS)?.unwrap_or(MAX_KEYS);
    let input = ListObjects {
        bucket: call.bucket()?.clone(),
        prefix: call.query.get("prefix").unwrap_or_default().to_owned(),
        delimiter: call.query.get("delimiter").unwrap_or_default().to_owned(),
        start,
        limit: max_keys,
    };
    Ok((input, max_keys))
}

fn contents(root: &mut Writer, output: &ListObjectsOutput, encoding: Encoding, with_owner: bool) {
    for object in &output.objects {
        root.element("Contents", |element| {
            content(element, object, encoding, with_owner)
        });
    }
    common_prefixes(root, &output.common_prefixes, encoding);
}

fn content(element: &mut Writer, object: &ObjectSummary, encoding: Encoding, with_owner: bool) {
    element.text("Key", encoding.of_text(object.key.as_str()));
    element.text("LastModified", object.last_modified.iso_8601());
    element.text("ETag", &object.etag);
    if let Some((algorithm, kind)) = object.checksum {
        element.text("ChecksumAlgorithm", algorithm.name());
        element.text("ChecksumType", kind.name());
    }
    element.text("Size", object.size);
    if with_owner {
        element.element("Owner", |owner| {
            owner.text("ID", &object.owner.id);
            owner.text("DisplayName", &object.owner.display_name);
        });
    }
    element.text(
        "StorageClass",
        object.storage_class.as_deref().unwrap_or("STANDARD"),
    );
}

pub(super) fn common_prefixes(root: &mut Writer, prefixes: &[String], encoding: Encoding) {
    for prefix in prefixes {
        root.element("CommonPrefixes", |element| {
            element.text("Prefix", encoding.of_text(prefix))
        });
    }
}

fn text_of(position: &ListingPosition) -> &str {
    match position {
        ListingPosition::Key(text) | ListingPosition::Upload(text, _) | ListingPosition::Prefix(text) => text,
    }
}

/// The token of a position: `p` before a common prefix, `k` before a key.
fn position_token(position: &ListingPosition) -> String {
    let kind = if matches!(position, ListingPosition::Prefix(_)) {
        'p'
    } else {
        'k'
    };
    token::of_name(&format!("{kind}{}", text_of(position)))
}

fn read_position(token: &str) -> Result<ListingPosition, S3Error> {
    let text = token::read_name(token)?;
    match text.split_at_checked(1) {
        Some(("p", prefix)) => Ok(ListingPosition::Prefix(prefix.to_owned())),
        Some(("k", key)) => Ok(ListingPosition::Key(key.to_owned())),
        _ => Err(S3Error::invalid_argument(
            "The continuation token provided is incorrect",
            "continuation-token",
            token,
        )),
    }
}
