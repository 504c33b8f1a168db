//! The `Authorization` header.

use super::RequestHead;
use super::mode::CONTENT_SHA256;
use super::scope::{AmzDate, CredentialScope, Endpoint, ScopeFault, iso_date};
use crate::model::{ErrorCode, S3Error, Timestamp};

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const MAX_SKEW_MILLIS: u64 = 15 * 60 * 1000;

/// What a signature is made of, wherever the request carries it.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) scope: CredentialScope,
    pub(super) date: AmzDate,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: String,
    /// The text that stands for the body in the canonical request.
    pub(super) payload_hash: String,
}

/// Reads and checks the header, with `x-amz-date` and `x-amz-content-sha256` beside it.
pub(super) fn parse(
    header: &str,
    head: &RequestHead<'_>,
    now: Timestamp,
    region: &str,
) -> Result<Parts, S3Error> {
    let parts = parse_for(header, head, now, Endpoint::s3(region))?;
    let payload_hash = head.header(CONTENT_SHA256).ok_or_else(|| {
        S3Error::message(
            ErrorCode::InvalidRequest,
            "Missing required header for this request: x-amz-content-sha256",
        )
    })?;
    Ok(Parts {
        payload_hash: payload_hash.to_owned(),
        ..parts
    })
}

/// The same of a request to any endpoint, without what stands for its body.
pub(super) fn parse_for(
    header: &str,
    head: &RequestHead<'_>,
    now: Timestamp,
    endpoint: Endpoint<'_>,
) -> Result<Parts, S3Error> {
    let components = header
        .strip_prefix(ALGORITHM)
        .filter(|rest| rest.starts_with(' '));
    let components = components.ok_or_else(|| unsupported(header))?;
    let (credential, signed_headers, signature) = split_components(components)?;
    let malformed = |fault| malformed(fault, endpoint.region);
    let scope = CredentialScope::parse(credential).map_err(malformed)?;
    let date = request_date(head)?;
    scope.check(&date, endpoint).map_err(malformed)?;
    check_skew(&date, now)?;
    Ok(Parts {
        scope,
        date,
        signed_headers: signed_headers.split(';').map(str::to_owned).collect(),
        signature: signature.to_owned(),
        payload_hash: String::new(),
    })
}

fn unsupported(header: &str) -> S3Error {
    if header.starts_with("AWS ") {
        // Signature Version 2.
        return S3Error::message(
            ErrorCode::InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        );
    }
    if header.starts_with("AWS4-ECDSA-P256-SHA256") {
        return S3Error::not_implemented("Signature Version 4A (AWS4-ECDSA-P256-SHA256)");
    }
    let scheme = header.split(' ').next().unwrap_or_default();
    S3Error::invalid_argument("Unsupported Authorization Type", "Authorization", scheme)
}

fn split_components(text: &str) -> Result<(&str, &str, &str), S3Error> {
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for component in text.split(',') {
        let slot = match component.trim().split_once('=') {
            Some(("Credential", value)) => (&mut credential, value),
            Some(("SignedHeaders", value)) => (&mut signed_headers, value),
            Some(("Signature", value)) => (&mut signature, value),
            _ => return Err(three_components()),
        };
        if slot.0.replace(slot.1).is_some() {
            return Err(three_components());
        }
    }
    match (credential, signed_headers, signature) {
        (Some(credential), Some(signed_headers), Some(signature)) => {
            Ok((credential, signed_headers, signature))
        }
        _ => Err(three_components()),
    }
}

fn three_components() -> S3Error {
    S3Error::message(
        ErrorCode::AuthorizationHeaderMalformed,
        "The authorization header is malformed; the authorization header requires three components: \
         Credential, SignedHeaders, and Signature.",
    )
}

fn malformed(fault: ScopeFault, region: &str) -> S3Error {
    let error = S3Error::message(
        ErrorCode::AuthorizationHeaderMalformed,
        format!("The authorization header is malformed; {}", fault.message),
    );
    if fault.wrong_region {
        error.with("Region", region)
    } else {
        error
    }
}

fn request_date(head: &RequestHead<'_>) -> Result<AmzDate, S3Error> {
    let date = match head.headers.get("x-amz-date") {
        Some(value) => value.to_str().ok().and_then(AmzDate::parse),
        None => head.header("date").and_then(AmzDate::parse_http_date),
    };
    date.ok_or_else(|| {
        S3Error::message(
            ErrorCode::AccessDenied,
            "AWS authentication requires a valid Date or x-amz-date header",
        )
    })
}

fn check_skew(date: &AmzDate, now: Timestamp) -> Result<(), S3Error> {
    if date.instant.millis().abs_diff(now.millis()) <= MAX_SKEW_MILLIS {
        return Ok(());
    }
    Err(S3Error::new(ErrorCode::RequestTimeTooSkewed)
        .with("RequestTime", &date.text)
        .with("ServerTime", iso_date(now))
        .with("MaxAllowedSkewMilliseconds", MAX_SKEW_MILLIS))
}
