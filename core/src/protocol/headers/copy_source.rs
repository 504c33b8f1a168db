//! The headers of CopyObject and UploadPartCopy that name the source and what is taken from it.

use http::HeaderMap;

use super::joined;
use crate::model::{BucketName, ObjectKey, S3Error, VersionName};
use crate::protocol::percent::decode_query;
use crate::protocol::query::Query;
use crate::protocol::route::read_version_id;

const HEADER: &str = "x-amz-copy-source";

/// The object that is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// Its bucket.
    pub bucket: BucketName,
    /// Its key.
    pub key: ObjectKey,
    /// The version of it, where one is named.
    pub version: Option<VersionName>,
}

/// Whether a copy takes something from its source or from the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Directive {
    /// From the source.
    #[default]
    Copy,
    /// From the request.
    Replace,
}

/// Reads `x-amz-copy-source`: `bucket/key` or `/bucket/key`, percent-encoded and `+` for a space, as Java's `URLEncoder`
/// writes it, with `?versionId=…` or no version. `None` where the header is absent.
pub fn copy_source(headers: &HeaderMap) -> Result<Option<CopySource>, S3Error> {
    joined(headers, HEADER).map(|text| parse(&text)).transpose()
}

fn parse(text: &str) -> Result<CopySource, S3Error> {
    let invalid = |message| S3Error::invalid_argument(message, HEADER, text);
    let (path, version) = split_version(text)?;
    let path = path.strip_prefix('/').unwrap_or(path);
    // Some clients encode the slash after the bucket too.
    let path = decode_query(path).map_err(|_| invalid("Copy Source must be URL encoded"))?;
    if path.starts_with("arn:") {
        return Err(S3Error::not_implemented("access points in x-amz-copy-source"));
    }
    let path = path.strip_prefix('/').unwrap_or(&path);
    let (bucket, key) = path
        .split_once('/')
        .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
        .ok_or_else(|| {
            invalid("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
        })?;
    let version = version
        .map(|version| read_version_id(&version, HEADER))
        .transpose()?;
    Ok(CopySource {
        version,
        bucket: BucketName::new(bucket)?,
        key: ObjectKey::new(key)?,
    })
}

/// Parts a version id from the path. A `?` that begins anything else belongs to the key, which some clients
/// send without encoding it.
fn split_version(text: &str) -> Result<(&str, Option<String>), S3Error> {
    match text.rsplit_once('?') {
        Some((path, query)) if query.starts_with("versionId=") => {
            Ok((path, Query::parse(query)?.get("versionId").map(str::to_owned)))
        }
        _ => Ok((text, None)),
    }
}

/// Reads `x-amz-metadata-directive`.
pub fn metadata_directive(headers: &HeaderMap) -> Result<Directive, S3Error> {
    directive(headers, "x-amz-metadata-directive", "Unknown metadata directive.")
}

/// Reads `x-amz-tagging-directive`.
pub fn tagging_directive(headers: &HeaderMap) -> Result<Directive, S3Error> {
    directive(headers, "x-amz-tagging-directive", "Unknown tagging directive.")
}

fn directive(headers: &HeaderMap, name: &'static str, message: &'static str) -> Result<Directive, S3Error> {
    match joined(headers, name).as_deref() {
        None | Some("COPY") => Ok(Directive::Copy),
        Some("REPLACE") => Ok(Directive::Replace),
        Some(other) => Err(S3Error::invalid_argument(message, name, other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;
    use crate::protocol::headers::header_map;

    fn source(text: &str) -> Result<(String, String), ErrorCode> {
        match copy_source(&header_map(&[(HEADER, text)])) {
            Ok(source) => source
                .map(|s| (s.bucket.to_string(), s.key.to_string()))
                .ok_or(ErrorCode::NoSuchKey),
            Err(error) => Err(error.code),
        }
    }

    fn key(text: &str) -> String {
        source(text).unwrap().1
    }

    #[test]
    fn a_source_is_bucket_and_key_with_or_without_a_slash_in_front() {
        let expected = Ok(("abc".to_owned(), "d/e".to_owned()));
        for text in [
            "abc/d/e",
            "/abc/d/e",
            "abc/d%2Fe",
            "abc%2Fd%2Fe",
            "%2Fabc%2Fd/e",
            "abc/d/e?versionId=null",
        ] {
            assert_eq!(source(text), expected, "{text}");
        }
        assert_eq!(copy_source(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn a_source_key_is_decoded_once_a_plus_is_a_space_and_a_question_mark_is_kept() {
        assert_eq!(key("abc/a%2Bb%20c%2525"), "a+b c%25");
        assert_eq!(key("abc%2Ftest+key.txt"), "test key.txt");
        assert_eq!(key("abc/é"), "é");
        assert_eq!(key("abc/what?"), "what?");
        assert_eq!(key("abc/what%3FversionId=x"), "what?versionId=x");
        assert_eq!(key("abc//a/"), "/a/");
    }

    #[test]
    fn other_sources_have_s3s_errors() {
        for (text, code) in [
            ("", ErrorCode::InvalidArgument),
            ("abc", ErrorCode::InvalidArgument),
            ("abc/", ErrorCode::InvalidArgument),
            ("/", ErrorCode::InvalidArgument),
            ("abc/%ff", ErrorCode::InvalidArgument),
            ("ABC/k", ErrorCode::InvalidBucketName),
            ("abc/k?versionId=", ErrorCode::InvalidArgument),
            (
                "abc/k?versionId=sXVbU1ECPMu6WZ2Jrx.IlTqHNnSEmrVA",
                ErrorCode::InvalidArgument,
            ),
            (
                "arn:aws:s3:us-east-1:1:accesspoint/a/object/k",
                ErrorCode::NotImplemented,
            ),
        ] {
            assert_eq!(source(text), Err(code), "{text}");
        }
        let long = format!("abc/{}", "a".repeat(1025));
        assert_eq!(source(&long), Err(ErrorCode::KeyTooLongError));
    }

    #[test]
    fn directives_are_copy_or_replace() {
        let metadata = |value| metadata_directive(&header_map(&[("x-amz-metadata-directive", value)]));
        assert_eq!(metadata("REPLACE").unwrap(), Directive::Replace);
        assert_eq!(metadata("COPY").unwrap(), Directive::Copy);
        assert_eq!(metadata_directive(&HeaderMap::new()).unwrap(), Directive::Copy);
        assert_eq!(metadata("replace").unwrap_err().code, ErrorCode::InvalidArgument);
        let tagging = tagging_directive(&header_map(&[("x-amz-tagging-directive", "X")]));
        assert_eq!(tagging.unwrap_err().fields[0].1, "x-amz-tagging-directive");
    }
}
