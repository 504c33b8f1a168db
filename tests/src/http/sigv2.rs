//! Signature Version 2 as clients make it. <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html>

use std::collections::BTreeMap;
use std::time::SystemTime;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::encoding::{base64, url_decode};

/// The parameters that botocore signs.
const SIGNED: [&str; 27] = [
    "accelerate",
    "acl",
    "cors",
    "defaultObjectAcl",
    "delete",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "website",
];

/// What is signed, beside the date.
pub(super) struct Signable<'a> {
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) headers: &'a [(String, String)],
}

impl Signable<'_> {
    /// The signature where `date` stands in the string to sign. Headers in the query count where it is presigned.
    pub(super) fn sign(&self, date: &str, is_presigned: bool, secret_key: &str) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let parameters: Vec<(&str, String)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name, url_decode(value)))
            .collect();
        let moved = parameters.iter().filter(|_| is_presigned);
        let moved = moved.map(|(name, value)| (name.to_lowercase(), value.clone()));
        let sent = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.clone()));
        let headers: BTreeMap<String, String> = moved.chain(sent).collect();
        let header = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
        let mut text = format!(
            "{}\n{}\n{}\n{date}\n",
            self.method,
            header("content-md5"),
            header("content-type")
        );
        for (name, value) in headers.iter().filter(|(name, _)| name.starts_with("x-amz-")) {
            text.push_str(&format!("{name}:{value}\n"));
        }
        text.push_str(path);
        let mut signed: Vec<_> = parameters
            .iter()
            .filter(|(name, _)| SIGNED.contains(name))
            .collect();
        signed.sort();
        for (index, (name, value)) in signed.into_iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.push_str(name);
            if !value.is_empty() {
                text.push_str(&format!("={value}"));
            }
        }
        let mut mac = Hmac::<Sha1>::new_from_slice(secret_key.as_bytes()).expect("a key of any length");
        mac.update(text.as_bytes());
        base64(&mac.finalize().into_bytes())
    }
}

/// Whole seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.expect("a time after 1970").as_secs()
}
