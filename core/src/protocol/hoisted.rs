//! Headers that a presigned URL carries in its query.
//!
//! Some SDKs' presigners move a request's `x-amz-*` headers into the query, where the signature covers them as well. S3
//! takes them as if they had been sent as headers.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::query::Query;
use crate::model::S3Error;

/// The parameters of the signature itself.
const OF_THE_SIGNATURE: [&str; 8] = [
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// The headers that stand in the query of a presigned URL. One that was sent as a header too counts as that.
///
/// Checksums are left out: presigners compute them of the empty body that they see, and S3 ignores them there.
pub fn hoisted(query: &Query, sent: &HeaderMap) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    let mut headers = Vec::new();
    if !query.has("X-Amz-Signature") {
        return Ok(headers);
    }
    for (parameter, value) in query.iter() {
        let name = parameter.to_ascii_lowercase();
        let is_checksum = name.starts_with("x-amz-checksum-") || name == "x-amz-sdk-checksum-algorithm";
        let is_header =
            name.starts_with("x-amz-") && !OF_THE_SIGNATURE.contains(&name.as_str()) && !is_checksum;
        if !is_header || sent.contains_key(&name) {
            continue;
        }
        match (
            HeaderName::try_from(&name),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => {
                let message = "A parameter of a presigned URL is not a valid header.";
                return Err(S3Error::invalid_argument(message, "X-Amz-Parameter", parameter));
            }
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(query: &str, sent: &HeaderMap) -> Vec<String> {
        let headers = hoisted(&Query::parse(query).unwrap(), sent).unwrap();
        headers
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
            .collect()
    }

    #[test]
    fn only_presigned_urls_carry_headers_and_never_the_signatures_own_or_checksums() {
        let none = HeaderMap::new();
        let signed = "X-Amz-Signature=s&X-Amz-Date=d&X-Amz-Meta-A=b&x-amz-acl=private&x-amz-checksum-crc32=AAAAAA%3D%3D";
        assert_eq!(names(signed, &none), ["x-amz-meta-a=b", "x-amz-acl=private"]);
        assert_eq!(names("x-amz-acl=private", &none), [""; 0]);
    }

    #[test]
    fn a_header_that_was_sent_wins() {
        let sent = HeaderMap::from_iter([(
            HeaderName::from_static("x-amz-acl"),
            HeaderValue::from_static("private"),
        )]);
        assert_eq!(names("X-Amz-Signature=s&x-amz-acl=public-read", &sent), [""; 0]);
    }

    #[test]
    fn what_cannot_be_a_header_is_refused() {
        let query = Query::parse("X-Amz-Signature=s&x-amz-meta-a=%0A").unwrap();
        assert!(hoisted(&query, &HeaderMap::new()).is_err());
    }
}
