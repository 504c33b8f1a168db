//! The pieces that responses are made of.

use http::header::{CONTENT_TYPE, ETAG, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::body::Body;
use crate::model::{ETag, ErrorCode, S3Error};

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// `200` with an XML document.
pub(super) fn xml(document: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::full(document));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// Sets a header to a text that is known to fit one, or was checked when it came in.
pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), S3Error> {
    let value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|error| S3Error::new(ErrorCode::InternalError).caused_by(error))?;
    headers.insert(name, value);
    Ok(())
}

/// Sets `ETag`, in quotes.
pub(super) fn set_etag(headers: &mut HeaderMap, etag: &ETag) -> Result<(), S3Error> {
    set(headers, ETAG, &etag.to_string())
}
