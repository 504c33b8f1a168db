//! Headers that ask for what is not built. They are refused by name: a write that ignored them would not do
//! what its client believes.

use http::HeaderMap;

use super::joined;
use crate::model::S3Error;

/// A header, or all headers with a prefix, and the value that asks for nothing.
struct Refused {
    name: &'static str,
    is_prefix: bool,
    harmless: &'static [&'static str],
}

const fn header(name: &'static str, harmless: &'static [&'static str]) -> Refused {
    Refused {
        name,
        is_prefix: false,
        harmless,
    }
}

const fn prefix(name: &'static str) -> Refused {
    Refused {
        name,
        is_prefix: true,
        harmless: &[],
    }
}

const REFUSED: &[Refused] = &[
    header("x-amz-bucket-namespace", &["global"]),
    header("x-amz-bucket-object-lock-enabled", &["false"]),
    header("x-amz-checksum-md5", &[]),
    header("x-amz-checksum-sha512", &[]),
    prefix("x-amz-checksum-xxhash"),
    prefix("x-amz-copy-source-server-side-encryption-customer-"),
    header("x-amz-if-match-last-modified-time", &[]),
    header("x-amz-if-match-size", &[]),
    header("x-amz-mfa", &[]),
    header("x-amz-object-annotation-directive", &["COPY", "EXCLUDE"]),
    prefix("x-amz-object-lock-"),
    header("x-amz-object-ownership", &["ObjectWriter"]),
    prefix("x-amz-rename-source"),
    header("x-amz-server-side-encryption-aws-kms-key-id", &[]),
    header("x-amz-server-side-encryption-bucket-key-enabled", &["false"]),
    header("x-amz-server-side-encryption-context", &[]),
    prefix("x-amz-server-side-encryption-customer-"),
    header("x-amz-tagging", &[""]),
    header("x-amz-website-redirect-location", &[]),
    header("x-amz-write-offset-bytes", &[]),
];

/// `NotImplemented`, naming the header, where one of `headers` asks for what is not built.
pub fn refuse_unbuilt_headers(headers: &HeaderMap) -> Result<(), S3Error> {
    for name in headers.keys().map(http::HeaderName::as_str) {
        let matches = |rule: &&Refused| {
            if rule.is_prefix {
                name.starts_with(rule.name)
            } else {
                name == rule.name
            }
        };
        let Some(rule) = REFUSED.iter().find(matches) else {
            continue;
        };
        let value = joined(headers, name).unwrap_or_default();
        if !rule.harmless.contains(&value.trim()) {
            return Err(S3Error::not_implemented(&format!("the header {name}")).with("Header", name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;
    use crate::protocol::headers::header_map;

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for (name, value) in [
            ("x-amz-tagging", "a=b"),
            ("x-amz-object-lock-mode", "GOVERNANCE"),
            ("x-amz-website-redirect-location", "/x"),
            ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "k"),
            ("x-amz-write-offset-bytes", "0"),
            ("x-amz-bucket-object-lock-enabled", "true"),
            ("x-amz-object-ownership", "BucketOwnerEnforced"),
            ("x-amz-mfa", "1 2"),
            ("x-amz-rename-source-if-match", "e"),
            ("x-amz-checksum-xxhash64", "AAAAAAAAAAA="),
            ("x-amz-if-match-size", "1"),
            ("x-amz-if-match-last-modified-time", "x"),
            ("x-amz-copy-source-server-side-encryption-customer-key", "k"),
        ] {
            let error = refuse_unbuilt_headers(&header_map(&[(name, value)])).unwrap_err();
            assert_eq!(error.code, ErrorCode::NotImplemented);
            assert_eq!(
                error.message,
                format!("BleepStore does not implement the header {name}.")
            );
            assert_eq!(error.fields, [("Header", name.to_owned())]);
        }
    }

    #[test]
    fn values_that_ask_for_nothing_pass() {
        let headers = header_map(&[
            ("x-amz-object-ownership", "ObjectWriter"),
            ("x-amz-bucket-object-lock-enabled", "false"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-meta-acl", "public-read"),
            ("x-amz-tagging-directive", "COPY"),
        ]);
        assert!(refuse_unbuilt_headers(&headers).is_ok());
    }
}
