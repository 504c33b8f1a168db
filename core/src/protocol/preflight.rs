//! What browsers ask before they send a request to another origin (CORS).
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html>

use http::HeaderMap;

use super::headers::joined;
use super::route::Route;
use crate::model::{ErrorCode, S3Error};

/// The methods that S3 knows of in a preflight request.
const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// Why a preflight request is refused. No bucket has a CORS configuration, so each is: with `BadRequest` where it does
/// not say who wants to send, or names a method that S3 does not have, otherwise with `AccessForbidden`, whether the bucket
/// exists or not.
pub fn refused_preflight(headers: &HeaderMap, route: &Route) -> S3Error {
    if joined(headers, "origin").is_none() {
        let message = "Insufficient information. Origin request header needed.";
        return S3Error::message(ErrorCode::BadRequest, message);
    }
    let method = joined(headers, "access-control-request-method");
    if let Some(method) = method.as_deref().filter(|method| !METHODS.contains(method)) {
        let message = format!("Invalid Access-Control-Request-Method: {method}");
        return S3Error::message(ErrorCode::BadRequest, message);
    }
    let method = method.as_deref().unwrap_or("OPTIONS");
    let resource = match (&route.bucket, &route.key) {
        (None, _) => "SERVICE",
        (Some(_), None) => "BUCKET",
        (Some(_), Some(_)) => "OBJECT",
    };
    S3Error::message(
        ErrorCode::AccessForbidden,
        "CORSResponse: CORS is not enabled for this bucket.",
    )
    .with("Method", method)
    .with("ResourceType", resource)
}
