//! Reading a signature of version 2, and refusing what it would not cover.

use std::time::Duration;

use http::HeaderMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::string_to_sign::strings_to_sign;
use super::{SigV2Request, SignedClaim};
use crate::model::{ErrorCode, S3Error, Timestamp};
use crate::protocol::date::parse_http_date;
use crate::protocol::headers::joined;
use crate::protocol::hoisted;
use crate::protocol::percent::query_pairs;
use crate::protocol::resource::{is_resource, is_signed_by_version_2};
use crate::protocol::sigv4::{AmzDate, CONTENT_SHA256, PayloadMode, iso_date};

const MAX_SKEW: Duration = Duration::from_secs(15 * 60);
/// Where the expiries end that S3 reads: a second past 19 January 2038.
const END_OF_EXPIRIES: i64 = 1 << 31;

/// Reads `AWS access-key:signature`, of which `signature` is what follows `AWS `.
pub(super) fn in_header(
    request: &SigV2Request<'_>,
    signature: &str,
    now: Timestamp,
) -> Result<SignedClaim, S3Error> {
    let Some((access_key, signature)) = signature.trim().rsplit_once(':') else {
        return Err(S3Error::invalid_argument(
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            "Authorization",
            format!("AWS {signature}"),
        ));
    };
    let date = request_date(request.headers, now)?;
    let query = query_pairs(request.head.raw_query)?;
    signed(
        request,
        &query,
        &[],
        Signature {
            access_key,
            signature,
            date: &date,
        },
    )
}

/// Reads `AWSAccessKeyId`, `Expires` and `Signature`.
pub(super) fn presigned(
    request: &SigV2Request<'_>,
    query: &[(String, String)],
    now: Timestamp,
) -> Result<SignedClaim, S3Error> {
    let (Some(access_key), Some(expires), Some(signature)) = (
        parameter(query, "AWSAccessKeyId"),
        parameter(query, "Expires"),
        parameter(query, "Signature"),
    ) else {
        return Err(S3Error::message(
            ErrorCode::AccessDenied,
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
        ));
    };
    check_expiry(expires, now)?;
    if let Some((name, _)) = query.iter().find(|(name, _)| is_unsigned_header(name)) {
        return Err(uncovered(name));
    }
    signed(
        request,
        query,
        query,
        Signature {
            access_key,
            signature,
            date: expires,
        },
    )
}

/// The first value of a parameter.
fn parameter<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    let found = query.iter().find(|(candidate, _)| candidate == name);
    found.map(|(_, value)| value.as_str())
}

/// Whether a parameter stands for a header that version 2 does not sign. Expires is the signature's own.
fn is_unsigned_header(parameter: &str) -> bool {
    let is_signed = ["content-type", "content-md5"]
        .iter()
        .any(|name| parameter.eq_ignore_ascii_case(name));
    hoisted::is_header(parameter) && !is_signed && parameter != "Expires"
}

/// A signature and what goes with it.
struct Signature<'a> {
    access_key: &'a str,
    signature: &'a str,
    /// What stands for the date in the string to sign.
    date: &'a str,
}

/// The claim of a request whose `query` is this and of which the parameters `carried` stand for headers.
fn signed(
    request: &SigV2Request<'_>,
    query: &[(String, String)],
    carried: &[(String, String)],
    signature: Signature<'_>,
) -> Result<SignedClaim, S3Error> {
    let value = |name: &str| {
        let in_query = || {
            carried
                .iter()
                .find(|(parameter, _)| parameter.eq_ignore_ascii_case(name))
        };
        joined(request.headers, name).or_else(|| in_query().map(|(_, value)| value.clone()))
    };
    check_sub_resources(query)?;
    Ok(SignedClaim {
        access_key: signature.access_key.to_owned(),
        signature: signature.signature.to_owned(),
        strings_to_sign: strings_to_sign(request, query, signature.date, carried),
        payload: payload(value(CONTENT_SHA256))?,
        token: value("x-amz-security-token"),
    })
}

/// A sub-resource that is not signed would change what the request does, and so would the order of two that are.
fn check_sub_resources(query: &[(String, String)]) -> Result<(), S3Error> {
    let mut signed: Vec<&str> = Vec::new();
    for (name, _) in query {
        if is_signed_by_version_2(name) {
            if signed.contains(&name.as_str()) {
                return Err(S3Error::message(
                    ErrorCode::InvalidRequest,
                    format!("The parameter {name} occurs more than once."),
                ));
            }
            signed.push(name);
        } else if is_resource(name) {
            return Err(uncovered(name));
        }
    }
    Ok(())
}

fn uncovered(parameter: &str) -> S3Error {
    S3Error::message(
        ErrorCode::InvalidRequest,
        format!("Signature Version 2 does not cover the parameter {parameter}. Please use AWS4-HMAC-SHA256."),
    )
}

fn payload(content_sha256: Option<String>) -> Result<PayloadMode, S3Error> {
    let Some(text) = content_sha256 else {
        return Ok(PayloadMode::Unsigned);
    };
    match PayloadMode::parse(&text)? {
        mode @ (PayloadMode::Hash(_) | PayloadMode::Unsigned) => Ok(mode),
        _ => Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "A payload in chunks needs Signature Version 4. Please use AWS4-HMAC-SHA256.",
        )),
    }
}

/// The date that a string to sign begins with: that of `Date`, or none where `x-amz-date` stands among the headers.
fn request_date(headers: &HeaderMap, now: Timestamp) -> Result<String, S3Error> {
    let (text, signed) = match joined(headers, "x-amz-date") {
        Some(date) => (date, String::new()),
        None => {
            let date = joined(headers, "date").unwrap_or_default();
            (date.clone(), date)
        }
    };
    let date = parse_date(&text).ok_or_else(|| {
        S3Error::message(
            ErrorCode::AccessDenied,
            "AWS authentication requires a valid Date or x-amz-date header",
        )
    })?;
    if date > now.plus(MAX_SKEW) || date < now.minus(MAX_SKEW) {
        return Err(S3Error::new(ErrorCode::RequestTimeTooSkewed)
            .with("RequestTime", text)
            .with("ServerTime", iso_date(now))
            .with("MaxAllowedSkewMilliseconds", MAX_SKEW.as_millis()));
    }
    Ok(signed)
}

fn parse_date(text: &str) -> Option<Timestamp> {
    let rfc_2822 = || OffsetDateTime::parse(text.trim(), &Rfc2822).ok();
    parse_http_date(text)
        .or_else(|| AmzDate::parse(text.trim()).map(|date| date.instant))
        .or_else(|| Some(Timestamp::from_seconds(rfc_2822()?.unix_timestamp())))
}

fn check_expiry(expires: &str, now: Timestamp) -> Result<(), S3Error> {
    let seconds = expires.parse().ok();
    let Some(seconds) = seconds.filter(|seconds| *seconds < END_OF_EXPIRIES) else {
        let message = format!("Invalid date (should be seconds since epoch): {expires}");
        return Err(S3Error::message(ErrorCode::AccessDenied, message));
    };
    let end = Timestamp::from_seconds(seconds);
    if now.seconds() <= end.seconds() {
        return Ok(());
    }
    Err(S3Error::message(ErrorCode::AccessDenied, "Request has expired")
        .with("Expires", iso_date(end))
        .with("ServerTime", iso_date(now)))
}

pub(super) fn two_mechanisms() -> S3Error {
    S3Error::invalid_argument(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
         parameter or the Authorization header should be specified",
        "Signature",
        "",
    )
}
