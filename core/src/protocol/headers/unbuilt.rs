//! Headers that ask for what is not built. They are refused by name: a write that ignored them would not do
//! what its client believes.

use http::HeaderMap;

use super::joined;
use crate::model::{ErrorCode, Operation, S3Error};

/// What the headers with a key of the client's for an object begin with, and those for the source of a copy.
const CUSTOMER_KEY: &str = "x-amz-server-side-encryption-customer-";
const CUSTOMER_KEY_OF_SOURCE: &str = "x-amz-copy-source-server-side-encryption-customer-";

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
    header("x-amz-if-match-initiated-time", &[]),
    header("x-amz-if-match-last-modified-time", &[]),
    header("x-amz-if-match-size", &[]),
    header("x-amz-mfa", &[]),
    header("x-amz-object-annotation-directive", &["COPY", "EXCLUDE"]),
    prefix("x-amz-object-lock-"),
    header("x-amz-server-side-encryption-aws-kms-key-id", &[]),
    header("x-amz-server-side-encryption-bucket-key-enabled", &["false"]),
    header("x-amz-server-side-encryption-context", &[]),
    prefix(CUSTOMER_KEY),
];

/// What the headers of RenameObject begin with.
const RENAME: Refused = prefix("x-amz-rename-source");

/// Tags for an object, which only the writes take that make one.
const TAGGING: Refused = header("x-amz-tagging", &[""]);

/// Where visitors of a website are sent, which the same take, and forms.
const REDIRECT: Refused = header("x-amz-website-redirect-location", &[""]);

/// Where in an object a PutObject shall write.
const WRITE_OFFSET: Refused = header("x-amz-write-offset-bytes", &[]);

impl Refused {
    fn is_about(&self, name: &str) -> bool {
        if self.is_prefix {
            name.starts_with(self.name)
        } else {
            name == self.name
        }
    }
}

/// `NotImplemented`, naming the header, where one of `headers` asks for what is not built. Operations that only read
/// ignore these headers, as S3 does.
pub fn refuse_unbuilt_headers(operation: Operation, headers: &HeaderMap) -> Result<(), S3Error> {
    if operation.only_reads() {
        return Ok(());
    }
    for name in headers.keys().map(http::HeaderName::as_str) {
        let mut rules = REFUSED
            .iter()
            .chain([&RENAME, &TAGGING, &REDIRECT, &WRITE_OFFSET]);
        let Some(rule) = rules.find(|rule| rule.is_about(name)) else {
            continue;
        };
        let value = joined(headers, name).unwrap_or_default();
        let is_taken = match operation {
            Operation::RenameObject => RENAME.is_about(name),
            Operation::PutObject => [&TAGGING, &REDIRECT, &WRITE_OFFSET]
                .iter()
                .any(|taken| taken.is_about(name)),
            Operation::CopyObject | Operation::CreateMultipartUpload => {
                TAGGING.is_about(name) || REDIRECT.is_about(name)
            }
            Operation::PostObject => REDIRECT.is_about(name),
            _ => false,
        };
        if !is_taken && !rule.harmless.contains(&value.trim()) {
            return Err(S3Error::not_implemented(&format!("the header {name}")).with("Header", name));
        }
    }
    Ok(())
}

/// Headers that S3 refuses with these operations, though it ignores most others that belong elsewhere.
const MISPLACED: [(&str, &str, &[Operation]); 2] = [
    (
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption header is not supported for this operation.",
        &[
            Operation::GetObject,
            Operation::HeadObject,
            Operation::GetObjectAttributes,
            Operation::UploadPart,
        ],
    ),
    (
        "x-amz-acl",
        "The specified header is not valid in this context",
        &[Operation::UploadPart],
    ),
];

/// `InvalidArgument` where a header belongs to another operation.
pub fn refuse_misplaced_headers(operation: Operation, headers: &HeaderMap) -> Result<(), S3Error> {
    for (name, message, operations) in MISPLACED {
        if let Some(value) = joined(headers, name).filter(|_| operations.contains(&operation)) {
            return Err(S3Error::invalid_argument(message, name, value));
        }
    }
    Ok(())
}

/// `InvalidRequest` where a read of an object brings a key for it: no object is encrypted with one.
pub fn refuse_customer_key(headers: &HeaderMap) -> Result<(), S3Error> {
    refuse_key(headers, CUSTOMER_KEY)
}

/// As [`refuse_customer_key`] for the source of a copy.
pub fn refuse_customer_key_of_source(headers: &HeaderMap) -> Result<(), S3Error> {
    refuse_key(headers, CUSTOMER_KEY_OF_SOURCE)
}

fn refuse_key(headers: &HeaderMap, prefix: &str) -> Result<(), S3Error> {
    if !headers.keys().any(|name| name.as_str().starts_with(prefix)) {
        return Ok(());
    }
    Err(S3Error::message(
        ErrorCode::InvalidRequest,
        "The encryption parameters are not applicable to this object.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;
    use crate::protocol::headers::header_map;

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for (name, value) in [
            ("x-amz-object-lock-mode", "GOVERNANCE"),
            ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "k"),
            ("x-amz-bucket-object-lock-enabled", "true"),
            ("x-amz-mfa", "1 2"),
            ("x-amz-rename-source-if-match", "e"),
            ("x-amz-if-match-size", "1"),
            ("x-amz-if-match-last-modified-time", "x"),
            ("x-amz-if-match-initiated-time", "x"),
        ] {
            let error =
                refuse_unbuilt_headers(Operation::PutObject, &header_map(&[(name, value)])).unwrap_err();
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
            ("x-amz-bucket-object-lock-enabled", "false"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-meta-acl", "public-read"),
            ("x-amz-tagging-directive", "COPY"),
        ]);
        assert!(refuse_unbuilt_headers(Operation::CreateBucket, &headers).is_ok());
    }

    #[test]
    fn the_source_of_a_rename_is_refused_to_every_other_write() {
        let headers = header_map(&[
            ("x-amz-rename-source", "a"),
            ("x-amz-rename-source-if-match", "e"),
        ]);
        assert!(refuse_unbuilt_headers(Operation::RenameObject, &headers).is_ok());
        assert!(refuse_unbuilt_headers(Operation::CopyObject, &headers).is_err());
        let headers = header_map(&[("x-amz-tagging", "a=b")]);
        assert!(refuse_unbuilt_headers(Operation::RenameObject, &headers).is_err());
    }

    #[test]
    fn tags_and_offsets_are_refused_to_writes_that_take_none() {
        let headers = header_map(&[("x-amz-tagging", "a=b")]);
        for taking in [
            Operation::PutObject,
            Operation::CopyObject,
            Operation::CreateMultipartUpload,
        ] {
            assert!(refuse_unbuilt_headers(taking, &headers).is_ok());
        }
        for other in [
            Operation::UploadPart,
            Operation::CompleteMultipartUpload,
            Operation::DeleteObject,
        ] {
            let error = refuse_unbuilt_headers(other, &headers).unwrap_err();
            assert_eq!(error.fields, [("Header", "x-amz-tagging".to_owned())]);
        }
        let headers = header_map(&[("x-amz-write-offset-bytes", "0")]);
        assert!(refuse_unbuilt_headers(Operation::PutObject, &headers).is_ok());
        for other in [
            Operation::UploadPart,
            Operation::CopyObject,
            Operation::CompleteMultipartUpload,
        ] {
            let error = refuse_unbuilt_headers(other, &headers).unwrap_err();
            assert_eq!(error.fields, [("Header", "x-amz-write-offset-bytes".to_owned())]);
        }
    }

    #[test]
    fn a_redirect_is_refused_to_writes_that_make_no_object() {
        let headers = header_map(&[("x-amz-website-redirect-location", "/x")]);
        for taking in [
            Operation::PutObject,
            Operation::PostObject,
            Operation::CopyObject,
            Operation::CreateMultipartUpload,
        ] {
            assert!(refuse_unbuilt_headers(taking, &headers).is_ok());
        }
        for other in [
            Operation::UploadPart,
            Operation::RenameObject,
            Operation::CompleteMultipartUpload,
        ] {
            assert!(refuse_unbuilt_headers(other, &headers).is_err());
        }
    }

    #[test]
    fn a_read_ignores_what_writes_are_refused_and_takes_no_key() {
        let headers = header_map(&[("x-amz-tagging", "a=b")]);
        assert!(refuse_unbuilt_headers(Operation::GetObject, &headers).is_ok());
        assert!(refuse_customer_key(&headers).is_ok());
        for (of_source, name) in [
            (false, "x-amz-server-side-encryption-customer-key-md5"),
            (
                true,
                "x-amz-copy-source-server-side-encryption-customer-algorithm",
            ),
        ] {
            let headers = header_map(&[(name, "x")]);
            assert_eq!(refuse_customer_key(&headers).is_err(), !of_source);
            assert_eq!(refuse_customer_key_of_source(&headers).is_err(), of_source);
        }
    }
}
