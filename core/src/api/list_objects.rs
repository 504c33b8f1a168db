//! ListObjects and ListObjectsV2.

use super::response::xml;
use super::{Answer, Call};
use crate::model::{ObjectSummary, S3Error};
use crate::ops::{self, Listed, Listing, ListingPosition, ListingStart};
use crate::ports::common_prefix;
use crate::protocol::token;
use crate::protocol::xml::{Writer, document, encode_url};

/// The most keys and common prefixes on one page, and how many there are on one without `max-keys`.
const MAX_KEYS: usize = 1_000;

/// What stands before a token in the place of a marker.
const TOKEN: &str = "bleepstore-token:";

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

    /// The delimiter of a listing, where it has one.
    pub(super) fn write_delimiter(self, root: &mut Writer, input: &Listing) {
        if !input.delimiter.is_empty() {
            root.text("Delimiter", self.of_text(&input.delimiter));
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
    let mut input = input(call, MAX_KEYS, "max-keys")?;
    input.start = (!marker.is_empty()).then(|| read_marker(&input, marker));
    let output = ops::list_objects(call.context, &call.caller, input.clone()).await?;
    Ok(xml(document("ListBucketResult", |root| {
        root.text("Name", &input.bucket);
        root.text("Prefix", encoding.of_text(&input.prefix));
        root.text("Marker", encoding.of_text(marker));
        root.optional(
            "NextMarker",
            next_marker(&input, &output).map(|next| encoding.of_text(&next)),
        );
        root.text("MaxKeys", input.limit);
        encoding.write_delimiter(root, &input);
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
    let start = match continuation {
        Some(token) => Some(ListingStart::Next(read_position(token)?)),
        None => start_after.map(|start| ListingStart::StartAfter(start.to_owned())),
    };
    let mut input = input(call, MAX_KEYS, "max-keys")?;
    input.start = start;
    let output = ops::list_objects(call.context, &call.caller, input.clone()).await?;
    let with_owner = call.query.get("fetch-owner") == Some("true");
    Ok(xml(document("ListBucketResult", |root| {
        root.text("Name", &input.bucket);
        root.text("Prefix", encoding.of_text(&input.prefix));
        root.optional("ContinuationToken", continuation);
        root.optional("NextContinuationToken", output.next.as_ref().map(position_token));
        root.optional("StartAfter", start_after.map(|start| encoding.of_text(start)));
        root.text("KeyCount", output.items.len() + output.common_prefixes.len());
        root.text("MaxKeys", input.limit);
        encoding.write_delimiter(root, &input);
        encoding.declare(root);
        root.text("IsTruncated", output.next.is_some());
        contents(root, &output, encoding, with_owner);
    })))
}

/// What a request asks of a listing, from its beginning. `limit` is the parameter that says how much a page shows at most.
pub(super) fn input(call: &Call<'_>, most: usize, limit: &'static str) -> Result<Listing, S3Error> {
    Ok(Listing {
        bucket: call.bucket()?.clone(),
        prefix: call.query.get("prefix").unwrap_or_default().to_owned(),
        delimiter: call.query.get("delimiter").unwrap_or_default().to_owned(),
        start: None,
        limit: call.number(limit, most)?.unwrap_or(most),
    })
}

fn contents(root: &mut Writer, output: &Listed<ObjectSummary>, encoding: Encoding, with_owner: bool) {
    for object in &output.items {
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

/// The marker of the next page, where the client has to be told one. S3 tells it only where there is a delimiter, since the
/// last key serves otherwise. It does not where the page read on after that key, and found nothing to show.
///
/// A marker that lies in a folded group skips the group. Where a page ended in a group that has shown nothing yet, the marker
/// is a token, which says so.
fn next_marker(input: &Listing, output: &Listed<ObjectSummary>) -> Option<String> {
    let next = output.next.as_ref()?;
    let last = output.items.last().map(|object| object.key.as_str());
    if input.delimiter.is_empty() && last == Some(next.text()) {
        return None;
    }
    Some(match next {
        ListingPosition::Key(key) if is_folded(input, key) => format!("{TOKEN}{}", position_token(next)),
        _ => next.text().to_owned(),
    })
}

/// Where a marker says to start: one that was given out by [`next_marker`], or any other text.
fn read_marker(input: &Listing, marker: &str) -> ListingStart {
    let position = marker
        .strip_prefix(TOKEN)
        .and_then(|token| read_position(token).ok());
    match position {
        Some(ListingPosition::Key(key)) if is_folded(input, &key) => {
            ListingStart::Next(ListingPosition::Key(key))
        }
        _ => ListingStart::Marker(marker.to_owned()),
    }
}

fn is_folded(input: &Listing, key: &str) -> bool {
    common_prefix(key, &input.prefix, &input.delimiter).is_some()
}

/// The token of a position: `p` before a common prefix, `k` before a key.
fn position_token(position: &ListingPosition) -> String {
    let kind = if matches!(position, ListingPosition::Prefix(_)) {
        'p'
    } else {
        'k'
    };
    token::of_name(&format!("{kind}{}", position.text()))
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
