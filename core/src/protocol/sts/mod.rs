//! The wire of AWS's Security Token Service, version 2011-06-15.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html>

mod answer;
mod error;
mod request;
#[cfg(test)]
mod request_tests;
mod rules;

pub use answer::{Answer, AssumedRoleUser, Issued, WebAnswer, write};
pub use error::{StsCode, StsError, error_document};
pub use request::{AssumeRole, RoleArn, SignedRequest, StsAction, StsRequest};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

use super::host::Addressing;

/// The most bytes that a request may have.
pub const MOST_BYTES: usize = 64 << 10;

/// The most characters that the policy of a session may have.
pub const MOST_POLICY: usize = 2_048;

/// The `Content-Type` of answers.
pub const ANSWER_TYPE: &str = "text/xml";

/// The header that has the request's id.
pub const REQUEST_ID: &str = "x-amzn-requestid";

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Whether a request is STS's: a form in its body that is about no bucket, which S3 has not.
pub fn is_request(method: &Method, path: &str, headers: &HeaderMap, addressing: &Addressing) -> bool {
    let form = |value: &http::HeaderValue| {
        let value = value.to_str().unwrap_or_default();
        let kind = value.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    };
    *method == Method::POST
        && matches!(path, "" | "/")
        && *addressing == Addressing::PathStyle
        && headers.get(CONTENT_TYPE).is_some_and(form)
}
