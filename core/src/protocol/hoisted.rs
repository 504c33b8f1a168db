//! Headers that a presigned URL carries in its query.
//!
//! Presigners move headers into the query, where the signature covers them as well. What they move, and what becomes of it:
//!
//! | in the query | moved by | |
//! |---|---|---|
//! | `x-amz-*` | the SDKs for JavaScript, Go, PHP, Ruby and .NET; boto3 with version 2 | the header |
//! | a checksum (`x-amz-checksum-crc32` and so on), `x-amz-sdk-checksum-algorithm` | JavaScript 3, with version 4 | ignored, as by S3: of the empty body that the presigner saw; of CompleteMultipartUpload, which says it of the object, the header |
//! | the parameters of the signature | all | belong to it |
//! | `If-Match`, `If-None-Match` | Java 2 | the header |
//! | `Content-Type`, `Content-MD5` | boto3 and JavaScript 2 with version 2; JavaScript 3 on request | the header |
//! | `Cache-Control`, `Content-Disposition`, `Content-Encoding`, `Content-Language`, `Content-Length`, `Expires`, `If-Modified-Since`, `If-Range`, `If-Unmodified-Since`, `Range` | JavaScript 2 with version 2; Java and .NET, where a program adds them | the header with version 4; with version 2, which does not sign them, refused |
//!
//! A header that was sent as well must say the same: what is in the query was signed, and a header need not be.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::query::Query;
use super::query_signature;
use crate::model::{ErrorCode, S3Error};

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

/// The headers of requests that do not begin with `x-amz-` and that an operation acts on.
const HEADERS: [&str; 14] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    CONTENT_MD5,
    CONTENT_TYPE,
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];
const CONTENT_MD5: &str = "content-md5";
const CONTENT_TYPE: &str = "content-type";

/// Whether a parameter has the name of a header that does not begin with `x-amz-`.
pub fn is_header(parameter: &str) -> bool {
    HEADERS.iter().any(|name| parameter.eq_ignore_ascii_case(name))
}

/// Which signature a presigned URL has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Two,
    Four,
}

/// The headers that stand in the query of a presigned URL and were not sent. `AccessDenied` where one was sent with another
/// value. An `x-amz-*` header that was sent counts in place of the parameter: the signature must cover it too. So it is with
/// version 2 and all that it signs.
pub fn hoisted(query: &Query, sent: &HeaderMap) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    let version = if query.has("X-Amz-Signature") {
        Version::Four
    } else if query_signature::of_version_2(query.pairs()) {
        Version::Two
    } else {
        return Ok(Vec::new());
    };
    let completes = query.has("uploadId") && !query.has("partNumber");
    let mut headers = Vec::new();
    for (parameter, value) in query.iter() {
        let name = parameter.to_ascii_lowercase();
        let is_amz = is_amz_header(&name, version) || completes && is_value_of_checksum(&name);
        if version == Version::Two && name.starts_with(AMZ) {
            // All of them are lines of the string to sign, where an end of a line would begin another.
            header(&name, value, parameter)?;
        }
        let is_plain = match version {
            Version::Two => [CONTENT_MD5, CONTENT_TYPE].contains(&name.as_str()),
            Version::Four => is_header(&name),
        };
        if !is_amz && !is_plain {
            continue;
        }
        let (name, value) = header(&name, value, parameter)?;
        if !sent.contains_key(&name) {
            headers.push((name, value));
        } else if is_plain && version == Version::Four {
            check_same(sent, &name, &value)?;
        }
    }
    Ok(headers)
}

const AMZ: &str = "x-amz-";

/// Whether a parameter, in lower case, stands for an `x-amz-*` header.
fn is_amz_header(name: &str, version: Version) -> bool {
    let is_of_empty_body = match version {
        Version::Two => false,
        Version::Four => is_value_of_checksum(name) || name == "x-amz-sdk-checksum-algorithm",
    };
    name.starts_with(AMZ) && !OF_THE_SIGNATURE.contains(&name) && !is_of_empty_body
}

/// Whether this is a checksum, and not a header that says something of checksums.
fn is_value_of_checksum(name: &str) -> bool {
    let algorithm = name.strip_prefix("x-amz-checksum-");
    algorithm.is_some_and(|name| !["algorithm", "mode", "type"].contains(&name))
}

fn header(name: &str, value: &str, parameter: &str) -> Result<(HeaderName, HeaderValue), S3Error> {
    match (
        HeaderName::try_from(name),
        // As if it had been sent: what stands around a header's value is no part of it.
        HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes()),
    ) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => {
            let message = "A parameter of a presigned URL is not a valid header.";
            Err(S3Error::invalid_argument(message, "X-Amz-Parameter", parameter))
        }
    }
}

fn check_same(sent: &HeaderMap, name: &HeaderName, signed: &HeaderValue) -> Result<(), S3Error> {
    let signed = signed.as_bytes().trim_ascii();
    if sent
        .get_all(name)
        .iter()
        .all(|value| value.as_bytes().trim_ascii() == signed)
    {
        return Ok(());
    }
    Err(S3Error::message(
        ErrorCode::AccessDenied,
        "There were headers present in the request which were not signed",
    )
    .with("HeadersNotSigned", name))
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
    fn what_says_something_of_checksums_is_carried_and_so_is_the_objects_own_of_a_complete() {
        let none = HeaderMap::new();
        let signed = "X-Amz-Signature=s&x-amz-checksum-mode=ENABLED&x-amz-checksum-type=COMPOSITE&x-amz-checksum-algorithm=SHA1";
        assert_eq!(names(signed, &none).len(), 3);
        let value = "X-Amz-Signature=s&x-amz-checksum-crc32=AAAAAA%3D%3D&uploadId=u";
        assert_eq!(names(value, &none), ["x-amz-checksum-crc32=AAAAAA=="]);
        assert_eq!(names(&format!("{value}&partNumber=1"), &none), [""; 0]);
    }

    #[test]
    fn version_2_carries_checksums_and_refuses_ends_of_lines_in_all_that_it_signs() {
        let signed = "AWSAccessKeyId=K&Signature=s&Expires=1";
        let none = HeaderMap::new();
        let checksum = format!("{signed}&x-amz-checksum-crc32=AAAAAA%3D%3D");
        assert_eq!(names(&checksum, &none), ["x-amz-checksum-crc32=AAAAAA=="]);
        for name in ["x-amz-date", "x-amz-credential", "x-amz-checksum-crc32"] {
            let query = format!("{signed}&{name}=V%0Ax-amz-meta-user%3Aalice");
            assert!(hoisted(&Query::parse(&query).unwrap(), &none).is_err(), "{name}");
        }
    }

    #[test]
    fn what_stands_around_a_value_is_no_part_of_it() {
        let none = HeaderMap::new();
        assert_eq!(
            names("X-Amz-Signature=s&x-amz-copy-source=b/key%20", &none),
            ["x-amz-copy-source=b/key"]
        );
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

    #[test]
    fn the_headers_that_operations_act_on_are_carried_in_any_case() {
        let none = HeaderMap::new();
        for name in HEADERS {
            let query = format!("X-Amz-Signature=s&{}=v", name.to_ascii_uppercase());
            assert_eq!(names(&query, &none), [format!("{name}=v")]);
        }
        assert_eq!(names("X-Amz-Signature=s&user-agent=a&prefix=b", &none), [""; 0]);
        assert_eq!(names("If-None-Match=*", &none), [""; 0]);
    }

    #[test]
    fn version_2_carries_what_it_signs() {
        let query = "AWSAccessKeyId=K&Signature=s&Expires=1&Content-Type=a&content-md5=b&x-amz-acl=private";
        let carried = names(query, &HeaderMap::new());
        assert_eq!(carried, ["content-type=a", "content-md5=b", "x-amz-acl=private"]);
    }

    #[test]
    fn a_header_that_contradicts_what_was_signed_is_refused() {
        let sent = |value: &'static str| {
            HeaderMap::from_iter([(http::header::IF_NONE_MATCH, HeaderValue::from_static(value))])
        };
        let query = "X-Amz-Signature=s&If-None-Match=*";
        assert_eq!(names(query, &sent("*")), [""; 0]);
        let error = hoisted(&Query::parse(query).unwrap(), &sent("\"e\"")).unwrap_err();
        assert_eq!(error.code, ErrorCode::AccessDenied);
        assert_eq!(error.fields, [("HeadersNotSigned", "if-none-match".to_owned())]);
    }
}
