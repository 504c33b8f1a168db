//! The string to sign.

use std::collections::BTreeMap;

use http::HeaderMap;

use super::SigV2Request;
use crate::protocol::host::Addressing;
use crate::protocol::resource::is_signed_by_version_2;

/// What CloudFront adds after the client has signed.
const ADDED_ON_THE_WAY: &str = "x-amz-cf-id";

/// The strings that a client may have signed for this request. They differ in what AWS and botocore write differently and
/// what means the same: the path of a bucket with and without a `/` at its end, and an empty sub-resource with and without
/// its `=`.
pub(super) fn strings_to_sign(
    request: &SigV2Request<'_>,
    query: &[(String, String)],
    date: &str,
    carried: &[(String, String)],
) -> Vec<Vec<u8>> {
    let start = start(request, date, carried);
    let path = resource_path(request);
    let is_bucket = path.len() > 1 && !path[1..].contains('/');
    let paths = [Some(path.clone()), is_bucket.then(|| format!("{path}/"))];
    let sub_resources = [sub_resources(query, ""), sub_resources(query, "=")];
    let differ = sub_resources[0] != sub_resources[1];
    let mut strings = Vec::new();
    for path in paths.iter().flatten() {
        for sub_resources in sub_resources.iter().take(if differ { 2 } else { 1 }) {
            let mut string = start.clone();
            string.extend_from_slice(path.as_bytes());
            string.extend_from_slice(sub_resources.as_bytes());
            strings.push(string);
        }
    }
    strings
}

/// All that stands before the resource.
fn start(request: &SigV2Request<'_>, date: &str, carried: &[(String, String)]) -> Vec<u8> {
    let mut text = request.head.method.as_bytes().to_vec();
    for name in ["content-md5", "content-type"] {
        text.push(b'\n');
        text.extend(values(request.headers, name));
    }
    text.extend_from_slice(format!("\n{date}\n").as_bytes());
    text.extend(amz_headers(request.headers, carried));
    text
}

/// Each `x-amz-*` header on a line, sorted by name; those of the query too, where there is no such header.
fn amz_headers(headers: &HeaderMap, carried: &[(String, String)]) -> Vec<u8> {
    let is_signed = |name: &str| name.starts_with("x-amz-") && name != ADDED_ON_THE_WAY;
    let mut lines: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (parameter, value) in carried {
        let name = parameter.to_ascii_lowercase();
        if is_signed(&name) && !headers.contains_key(&name) {
            lines
                .entry(name)
                .and_modify(|line| line.push(b','))
                .or_default()
                .extend_from_slice(value.trim_matches([' ', '\t']).as_bytes());
        }
    }
    for name in headers.keys().map(http::HeaderName::as_str) {
        if is_signed(name) {
            lines.insert(name.to_owned(), values(headers, name));
        }
    }
    let mut text = Vec::new();
    for (name, value) in lines {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend(value);
        text.push(b'\n');
    }
    text
}

/// The header's values in the order received, trimmed and joined by `,`.
fn values(headers: &HeaderMap, name: &str) -> Vec<u8> {
    let values = headers.get_all(name).iter();
    let values: Vec<&[u8]> = values.map(|value| value.as_bytes().trim_ascii()).collect();
    values.join(&b',')
}

/// `/bucket/key` as it was sent, with the bucket of the host before the path.
fn resource_path(request: &SigV2Request<'_>) -> String {
    let path = match request.head.raw_path {
        "" => "/",
        path => path,
    };
    match request.addressing {
        Addressing::PathStyle => path.to_owned(),
        Addressing::VirtualHosted(bucket) => format!("/{bucket}{path}"),
    }
}

/// The parameters that are signed, sorted by name, their values decoded; `of_empty` follows a name without a value.
fn sub_resources(query: &[(String, String)], of_empty: &str) -> String {
    let signed: BTreeMap<&str, &str> = query
        .iter()
        .filter(|(name, _)| is_signed_by_version_2(name))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut text = String::new();
    for (name, value) in signed {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        match value {
            "" => text.push_str(of_empty),
            value => {
                text.push('=');
                text.push_str(value);
            }
        }
    }
    text
}
