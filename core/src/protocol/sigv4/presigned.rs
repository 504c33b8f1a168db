//! Signatures in the query.

use std::time::Duration;

use super::RequestHead;
use super::authorization::{ALGORITHM, Parts};
use super::mode::{CONTENT_SHA256, UNSIGNED};
use super::scope::{AmzDate, CredentialScope, Endpoint, ScopeFault, iso_date};
use crate::model::{ErrorCode, S3Error, Timestamp};

/// A week.
const MAX_EXPIRES_SECONDS: u64 = 604_800;
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// Reads and checks the `X-Amz-*` parameters of a query.
pub(super) fn parse(
    query: &[(String, String)],
    head: &RequestHead<'_>,
    now: Timestamp,
    region: &str,
) -> Result<Parts, S3Error> {
    if required(query, "X-Amz-Algorithm")? != ALGORITHM {
        return Err(fault("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    let credential = required(query, "X-Amz-Credential")?;
    let signature = required(query, "X-Amz-Signature")?;
    let date = required(query, "X-Amz-Date")?;
    let signed_headers = required(query, "X-Amz-SignedHeaders")?;
    let expires = required(query, "X-Amz-Expires")?;

    let scope = CredentialScope::parse(credential).map_err(|why| wrong_credential(why, region))?;
    let date = parse_date(date)?;
    scope
        .check(&date, Endpoint::s3(region))
        .map_err(|why| wrong_credential(why, region))?;
    check_validity(&date, parse_expires(expires)?, now)?;
    let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_owned).collect();
    // Where it is not signed it says nothing: the URL was made without knowing the body.
    let in_header = || {
        let is_signed = signed_headers.iter().any(|name| name == CONTENT_SHA256);
        head.header(CONTENT_SHA256).filter(|_| is_signed)
    };
    let payload_hash = parameter(query, "X-Amz-Content-Sha256")
        .or_else(in_header)
        .unwrap_or(UNSIGNED)
        .to_owned();
    Ok(Parts {
        scope,
        date,
        signed_headers,
        signature: signature.to_owned(),
        payload_hash,
    })
}

/// The first value of a parameter.
pub(super) fn parameter<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    let found = query.iter().find(|(candidate, _)| candidate == name);
    found.map(|(_, value)| value.as_str())
}

fn required<'q>(query: &'q [(String, String)], name: &str) -> Result<&'q str, S3Error> {
    parameter(query, name).ok_or_else(|| {
        fault(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
             X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    })
}

pub(super) fn parse_date(text: &str) -> Result<AmzDate, S3Error> {
    AmzDate::parse(text)
        .ok_or_else(|| fault("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))
}

fn parse_expires(text: &str) -> Result<u64, S3Error> {
    let seconds: i64 = text
        .parse()
        .map_err(|_| fault("X-Amz-Expires should be a number"))?;
    match u64::try_from(seconds) {
        Ok(seconds @ 1..=MAX_EXPIRES_SECONDS) => Ok(seconds),
        Ok(0) => Err(fault("X-Amz-Expires must be at least one second")),
        Ok(_) => Err(fault(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be \
             less than 604800 seconds",
        )),
        Err(_) => Err(fault("X-Amz-Expires must be non-negative")),
    }
}

fn check_validity(date: &AmzDate, expires: u64, now: Timestamp) -> Result<(), S3Error> {
    let end = date.instant.plus(Duration::from_secs(expires));
    let message = if date.instant > now.plus(MAX_SKEW) {
        "Request is not yet valid"
    } else if now > end {
        "Request has expired"
    } else {
        return Ok(());
    };
    Err(S3Error::message(ErrorCode::AccessDenied, message)
        .with("X-Amz-Expires", expires)
        .with("Expires", iso_date(end))
        .with("ServerTime", iso_date(now)))
}

pub(super) fn wrong_credential(why: ScopeFault, region: &str) -> S3Error {
    let error = S3Error::message(
        ErrorCode::AuthorizationQueryParametersError,
        format!("Error parsing the X-Amz-Credential parameter; {}", why.message),
    );
    if why.wrong_region {
        error.with("Region", region)
    } else {
        error
    }
}

pub(super) fn fault(message: &'static str) -> S3Error {
    S3Error::message(ErrorCode::AuthorizationQueryParametersError, message)
}
