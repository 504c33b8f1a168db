//! What S3 says of forms that are none.

use crate::model::{ErrorCode, S3Error};

/// The body is no form.
pub(super) fn malformed() -> S3Error {
    S3Error::new(ErrorCode::MalformedPOSTRequest)
}

/// What stands before the file is too long.
pub(super) fn too_long() -> S3Error {
    S3Error::new(ErrorCode::MaxPostPreDataLengthExceededError)
}

/// The form has no file.
pub(super) fn no_file() -> S3Error {
    S3Error::invalid_argument("POST requires exactly one file upload per request.", "file", 0)
}

/// The form lacks a field, or has it after the file.
pub(super) fn missing(name: &'static str) -> S3Error {
    let message = format!(
        "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    );
    S3Error::invalid_argument(message, name, "")
}

/// The policy is none.
pub(super) fn invalid(why: &str) -> S3Error {
    S3Error::message(ErrorCode::InvalidPolicyDocument, format!("Invalid Policy: {why}"))
}
