//! The canonical request.

use http::HeaderValue;
use sha2::{Digest, Sha256};

use super::RequestHead;
use crate::model::{S3Error, hex};
use crate::protocol::percent;

pub(super) const ACCEPT_ENCODING: &str = "accept-encoding";

/// The canonical request, which the string to sign holds the hash of. Bytes, because header values need
/// not be UTF-8.
pub(super) struct CanonicalRequest(Vec<u8>);

impl CanonicalRequest {
    /// `accept_encoding` takes the place of what that header says, where it is signed.
    pub(super) fn new(
        head: &RequestHead<'_>,
        signed_headers: &[String],
        payload_hash: &str,
        accept_encoding: Option<&str>,
    ) -> Result<Self, S3Error> {
        let in_query = query_headers(head)?;
        let mut bytes = Vec::with_capacity(1024);
        for line in [head.method, &path(head.raw_path)?, &query(head.raw_query)?] {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        for name in signed_headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b':');
            match accept_encoding {
                Some(value) if name == ACCEPT_ENCODING => bytes.extend_from_slice(value.as_bytes()),
                _ => push_header(&mut bytes, head, &in_query, name),
            }
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes.extend_from_slice(signed_headers.join(";").as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(payload_hash.as_bytes());
        Ok(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn string_to_sign(&self, date: &str, scope: &str) -> String {
        let hash = hex(Sha256::digest(&self.0));
        format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}")
    }
}

/// Each segment decoded and encoded again as AWS encodes, so that a client may leave characters as they are
/// which AWS would encode. Nothing else is normalised: `//`, `.`, `..` and an encoded `/` stay.
fn path(raw_path: &str) -> Result<String, S3Error> {
    let segments: Result<Vec<String>, S3Error> = raw_path
        .split('/')
        .map(|segment| percent::decode(segment).map(percent::encode))
        .collect();
    let path = segments?.join("/");
    Ok(if path.is_empty() { "/".to_owned() } else { path })
}

/// All parameters but the signature, sorted by encoded name, then by encoded value.
fn query(raw_query: &str) -> Result<String, S3Error> {
    let mut parameters: Vec<(String, String)> = percent::query_pairs(raw_query)?
        .into_iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| (percent::encode(name), percent::encode(value)))
        .collect();
    parameters.sort_unstable();
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(parameters.join("&"))
}

/// The parameters that may stand for headers: all those of a presigned URL, and none of another request.
fn query_headers(head: &RequestHead<'_>) -> Result<Vec<(String, String)>, S3Error> {
    match head.headers.contains_key("authorization") {
        true => Ok(Vec::new()),
        false => percent::query_pairs(head.raw_query),
    }
}

/// The header's values in the order received, joined by `,`; each trimmed, with runs of spaces folded. A header that a
/// presigned URL carries in its query only has its value there, as the AWS SDK for JavaScript 2 signs it. A signed header
/// that is in neither has an empty value, so its signature does not match unless it was empty.
fn push_header(bytes: &mut Vec<u8>, head: &RequestHead<'_>, in_query: &[(String, String)], name: &str) {
    let sent = head.headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let mut values: Vec<&[u8]> = sent.collect();
    if values.is_empty() {
        let moved = in_query
            .iter()
            .filter(|(parameter, _)| parameter.eq_ignore_ascii_case(name));
        values.extend(moved.map(|(_, value)| value.as_bytes()));
    }
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        let mut previous = b' ';
        for &byte in value.trim_ascii() {
            if byte != b' ' || previous != b' ' {
                bytes.push(byte);
            }
            previous = byte;
        }
    }
}
