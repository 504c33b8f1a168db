//! Headers that describe an object, and the headers that name what is not built.

mod acl;
mod copy_source;
mod metadata;
mod rename;
mod rfc2047;
mod tagging;
mod unbuilt;
mod website;

use http::{HeaderMap, HeaderName, HeaderValue, header};

pub use acl::{AclSubject, requested_acl, requested_ownership};
pub(super) use acl::{by_email, check_count, group, user};
pub use copy_source::{CopySource, Directive, copy_source, metadata_directive, tagging_directive};
pub use rename::{check_renamed, client_token, rename_parameters, rename_source};
pub use tagging::tagging;
pub use unbuilt::{
    refuse_customer_key, refuse_customer_key_of_source, refuse_misplaced_headers, refuse_unbuilt_headers,
};

use super::query::Query;
use crate::model::{ErrorCode, ObjectHeaders, S3Error};

/// What S3 answers for an object that was written without a `Content-Type`.
pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

const STORAGE_CLASS: &str = "x-amz-storage-class";
const ENCRYPTION: &str = "x-amz-server-side-encryption";

/// The text of a header, its repetitions joined by `,`. Bytes that are not UTF-8 are read as ISO 8859-1.
pub(super) fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<String> = headers.get_all(name).iter().map(text).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The text of one header value; bytes that are not UTF-8 are read as ISO 8859-1.
fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// What a write says about its object. Headers that are sent empty count as absent.
pub fn object_headers(headers: &HeaderMap) -> Result<ObjectHeaders, S3Error> {
    let get = |name: HeaderName| joined(headers, name.as_str()).filter(|value| !value.is_empty());
    Ok(ObjectHeaders {
        content_type: get(header::CONTENT_TYPE),
        cache_control: get(header::CACHE_CONTROL),
        content_disposition: get(header::CONTENT_DISPOSITION),
        content_encoding: get(header::CONTENT_ENCODING).and_then(without_aws_chunked),
        content_language: get(header::CONTENT_LANGUAGE),
        expires: get(header::EXPIRES),
        user_metadata: metadata::read(headers)?,
        storage_class: storage_class(headers)?,
        sse_s3: sse_s3(headers)?,
        website_redirect: website::website_redirect(headers)?,
    })
}

/// Where a write shall begin, in bytes: `x-amz-write-offset-bytes`.
pub fn write_offset(headers: &HeaderMap) -> Result<Option<u64>, S3Error> {
    const HEADER: &str = "x-amz-write-offset-bytes";
    let Some(text) = joined(headers, HEADER) else {
        return Ok(None);
    };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(offset) if digits => Ok(Some(offset)),
        _ => Err(S3Error::invalid_argument(
            "The write offset must be a number of bytes.",
            HEADER,
            text,
        )),
    }
}

/// `aws-chunked` describes the request, not the object.
fn without_aws_chunked(value: String) -> Option<String> {
    let is_chunked = |coding: &str| coding.trim().eq_ignore_ascii_case("aws-chunked");
    if !value.split(',').any(is_chunked) {
        return Some(value);
    }
    let kept: Vec<&str> = value
        .split(',')
        .filter(|coding| !is_chunked(coding))
        .map(str::trim)
        .filter(|c| !c.is_empty())
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

fn storage_class(headers: &HeaderMap) -> Result<Option<String>, S3Error> {
    const CLASSES: [&str; 8] = [
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "GLACIER_IR",
    ];
    match joined(headers, STORAGE_CLASS) {
        None => Ok(None),
        Some(class) if class == "STANDARD" => Ok(None),
        Some(class) if CLASSES.contains(&class.as_str()) => Ok(Some(class)),
        Some(class) => Err(S3Error::new(ErrorCode::InvalidStorageClass).with("StorageClassRequested", class)),
    }
}

fn sse_s3(headers: &HeaderMap) -> Result<bool, S3Error> {
    match joined(headers, ENCRYPTION).as_deref() {
        None => Ok(false),
        Some("AES256") => Ok(true),
        Some(kms @ ("aws:kms" | "aws:kms:dsse" | "aws:fsx")) => {
            Err(S3Error::not_implemented(&format!("{ENCRYPTION}: {kms}")))
        }
        Some(other) => Err(S3Error::invalid_argument(
            "The encryption request that you specified is not valid. The valid value is AES256.",
            ENCRYPTION,
            other,
        )),
    }
}

/// Adds what a read says about its object.
pub fn insert_object_headers(object: &ObjectHeaders, headers: &mut HeaderMap) {
    let content_type = object.content_type.as_deref().or(Some(DEFAULT_CONTENT_TYPE));
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, object.cache_control.as_deref()),
        (header::CONTENT_DISPOSITION, object.content_disposition.as_deref()),
        (header::CONTENT_ENCODING, object.content_encoding.as_deref()),
        (header::CONTENT_LANGUAGE, object.content_language.as_deref()),
        (header::EXPIRES, object.expires.as_deref()),
        (
            HeaderName::from_static(STORAGE_CLASS),
            object.storage_class.as_deref(),
        ),
        (
            HeaderName::from_static(ENCRYPTION),
            object.sse_s3.then_some("AES256"),
        ),
        (
            website::WEBSITE_REDIRECT_HEADER,
            object.website_redirect.as_deref(),
        ),
    ] {
        // What came in as a header value goes out as one.
        if let Some(Ok(value)) = value.map(|value| HeaderValue::from_bytes(value.as_bytes())) {
            headers.insert(name, value);
        }
    }
    metadata::write(&object.user_metadata, headers);
}

/// The headers that a read overrides by `response-*` parameters, for the caller to insert over the object's
/// own. S3 allows them only in signed requests: the caller checks that if there are any.
pub fn response_overrides(query: &Query) -> Result<Vec<(HeaderName, HeaderValue)>, S3Error> {
    const PARAMETERS: [(&str, HeaderName); 6] = [
        ("response-content-type", header::CONTENT_TYPE),
        ("response-content-language", header::CONTENT_LANGUAGE),
        ("response-expires", header::EXPIRES),
        ("response-cache-control", header::CACHE_CONTROL),
        ("response-content-disposition", header::CONTENT_DISPOSITION),
        ("response-content-encoding", header::CONTENT_ENCODING),
    ];
    let mut overrides = Vec::new();
    for (parameter, name) in PARAMETERS {
        if let Some(text) = query.get(parameter) {
            overrides.push((name, latin_1(parameter, text)?));
        }
    }
    Ok(overrides)
}

fn latin_1(parameter: &'static str, text: &str) -> Result<HeaderValue, S3Error> {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes
        .and_then(|bytes| HeaderValue::from_bytes(&bytes).ok())
        .ok_or_else(|| {
            S3Error::invalid_argument(
                "Header value cannot be represented using ISO-8859-1.",
                parameter,
                text,
            )
        })
}

/// The account that the caller expects the bucket to belong to.
pub fn expected_bucket_owner(headers: &HeaderMap) -> Option<String> {
    joined(headers, "x-amz-expected-bucket-owner")
}

/// The account that the caller expects the bucket of the copy source to belong to.
pub fn expected_source_bucket_owner(headers: &HeaderMap) -> Option<String> {
    joined(headers, "x-amz-source-expected-bucket-owner")
}

#[cfg(test)]
pub(super) fn header_map(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        )
    };
    pairs.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Operation;

    fn read(pairs: &[(&str, &str)]) -> Result<ObjectHeaders, S3Error> {
        object_headers(&header_map(pairs))
    }

    #[test]
    fn what_a_write_says_comes_back_with_a_read() {
        let sent = header_map(&[
            ("content-type", "text/plain; charset=utf-8"),
            ("cache-control", "no-cache"),
            ("content-disposition", "attachment; filename=\"é\""),
            ("content-encoding", "gzip"),
            ("content-language", "de"),
            ("expires", "whenever"),
            ("x-amz-meta-colour", "blue"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-website-redirect-location", "/other?é"),
        ]);
        let mut answered = HeaderMap::new();
        insert_object_headers(&object_headers(&sent).unwrap(), &mut answered);
        assert_eq!(answered, sent);
    }

    #[test]
    fn an_object_without_a_type_is_binary() {
        let mut answered = HeaderMap::new();
        insert_object_headers(&read(&[("content-type", "")]).unwrap(), &mut answered);
        assert_eq!(answered, header_map(&[("content-type", "binary/octet-stream")]));
    }

    #[test]
    fn aws_chunked_is_not_an_encoding_of_the_object() {
        let encoding = |value| read(&[("content-encoding", value)]).unwrap().content_encoding;
        assert_eq!(encoding("aws-chunked"), None);
        assert_eq!(encoding("aws-chunked,"), None);
        assert_eq!(encoding("AWS-Chunked, gzip , br").as_deref(), Some("gzip,br"));
        assert_eq!(encoding("gzip, br").as_deref(), Some("gzip, br"));
    }

    #[test]
    fn storage_classes_are_s3s_and_standard_is_the_default() {
        assert_eq!(
            read(&[("x-amz-storage-class", "STANDARD")])
                .unwrap()
                .storage_class,
            None
        );
        let error = read(&[("x-amz-storage-class", "WARM")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidStorageClass);
        assert_eq!(error.fields, [("StorageClassRequested", "WARM".to_owned())]);
    }

    #[test]
    fn only_aes256_is_an_encryption_that_is_built() {
        let code = |value| read(&[(ENCRYPTION, value)]).unwrap_err().code;
        assert_eq!(code("aws:kms"), ErrorCode::NotImplemented);
        assert_eq!(code("rot13"), ErrorCode::InvalidArgument);
    }

    #[test]
    fn overrides_are_sent_in_latin_1() {
        let query = Query::parse("response-content-type=a%2Fb&response-expires=%C3%A9").unwrap();
        let expires = HeaderValue::from_bytes(b"\xe9").unwrap();
        assert_eq!(
            response_overrides(&query).unwrap(),
            [
                (header::CONTENT_TYPE, HeaderValue::from_static("a/b")),
                (header::EXPIRES, expires)
            ]
        );
        for bad in ["%E2%82%AC", "a%0D%0Ax-b:%20c", "%00"] {
            let query = Query::parse(&format!("response-cache-control={bad}")).unwrap();
            let error = response_overrides(&query).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidArgument, "{bad}");
            assert_eq!(error.fields[0].1, "response-cache-control");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_header_panics(
            name in proptest::sample::select(vec![
                "content-type", "content-encoding", "x-amz-meta-a", "x-amz-storage-class", "x-amz-acl",
                "x-amz-copy-source", "x-amz-server-side-encryption", "x-amz-grant-read",
            ]),
            value in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(name, value);
                if let Ok(object) = object_headers(&headers) {
                    insert_object_headers(&object, &mut HeaderMap::new());
                }
                let _refused = refuse_unbuilt_headers(Operation::PutObject, &headers);
                let _source = copy_source(&headers);
                let _acl = requested_acl(&headers, AclSubject::Object);
            }
        }
    }
}
