//! The canonical request.

use sha2::{Digest, Sha256};

use super::RequestHead;
use crate::model::{S3Error, hex};
use crate::protocol::percent;

/// The canonical request, which the string to sign holds the hash of. Bytes, because header values need
/// not be UTF-8.
pub(super) struct CanonicalRequest(Vec<u8>);

impl CanonicalRequest {
    pub(super) fn new(
        head: &RequestHead<'_>,
        signed_headers: &[String],
        payload_hash: &str,
    ) -> Result<Self, S3Error> {
        let mut bytes = Vec::with_capacity(1024);
        for line in [head.method, &path(head.raw_path)?, &query(head.raw_query)?] {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        for name in signed_headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b':');
            push_header(&mut bytes, head, name);
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

/// The header's values in the order received, joined by `,`; each trimmed, with runs of spaces folded. A
/// signed header that is absent has an empty value, so its signature does not match unless it was empty.
fn push_header(bytes: &mut Vec<u8>, head: &RequestHead<'_>, name: &str) {
    for (index, value) in head.headers.get_all(name).iter().enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        let mut previous = b' ';
        for &byte in value.as_bytes().trim_ascii() {
            if byte != b' ' || previous != b' ' {
                bytes.push(byte);
            }
            previous = byte;
        }
    }
}
