//! User metadata. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{joined, rfc2047};
use crate::model::{ErrorCode, S3Error};

const PREFIX: &str = "x-amz-meta-";
/// The limit of names without the prefix and decoded values together, in bytes of UTF-8.
const MAX_BYTES: usize = 2 * 1024;

/// The metadata in `headers`, sorted by name; repeated headers are joined by `,`.
pub(super) fn read(headers: &HeaderMap) -> Result<Vec<(String, String)>, S3Error> {
    let names: BTreeSet<&str> = headers.keys().map(HeaderName::as_str).collect();
    let pairs: Vec<(String, String)> = names
        .into_iter()
        .filter_map(|name| Some((name.strip_prefix(PREFIX)?, joined(headers, name)?)))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), rfc2047::decode(&value)))
        .collect();
    let size: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_BYTES {
        return Err(S3Error::new(ErrorCode::MetadataTooLarge)
            .with("Size", size)
            .with("MaxSizeAllowed", MAX_BYTES));
    }
    Ok(pairs)
}

/// Adds the metadata to `headers`; what is not printable ASCII is encoded (RFC 2047).
pub(super) fn write(metadata: &[(String, String)], headers: &mut HeaderMap) {
    for (name, value) in metadata {
        let name = HeaderName::try_from(format!("{PREFIX}{name}"));
        let value = HeaderValue::try_from(rfc2047::encode(value).as_ref());
        // The name came in as one, and the value is printable now.
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::headers::header_map;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn names_lose_the_prefix_and_repetitions_are_joined() {
        let headers = header_map(&[
            ("X-Amz-Meta-B", "1"),
            ("x-amz-meta-a", ""),
            ("x-amz-meta-b", "2"),
            ("x-amz-meta-", "nameless"),
            ("x-amz-date", "no"),
        ]);
        assert_eq!(read(&headers).unwrap(), [pair("a", ""), pair("b", "1,2")]);
    }

    #[test]
    fn values_are_kept_decoded_and_sent_encoded() {
        let headers = header_map(&[("x-amz-meta-a", "=?UTF-8?B?w6k=?="), ("x-amz-meta-b", "é")]);
        let metadata = read(&headers).unwrap();
        assert_eq!(metadata, [pair("a", "é"), pair("b", "é")]);
        let mut answered = HeaderMap::new();
        write(&metadata, &mut answered);
        assert_eq!(answered["x-amz-meta-a"], "=?UTF-8?B?w6k=?=");
        assert_eq!(answered["x-amz-meta-b"], "=?UTF-8?B?w6k=?=");
    }

    #[test]
    fn names_and_values_have_two_kilobytes_together() {
        assert!(read(&header_map(&[("x-amz-meta-abcd", &"v".repeat(2044))])).is_ok());
        let error = read(&header_map(&[("x-amz-meta-abcd", &"v".repeat(2045))])).unwrap_err();
        assert_eq!(error.code, ErrorCode::MetadataTooLarge);
        assert_eq!(
            error.fields,
            [("Size", "2049".into()), ("MaxSizeAllowed", "2048".into())]
        );
    }
}
