//! The pieces that responses are made of.

use std::fmt::Display;

use http::header::{CONTENT_TYPE, ETAG, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::body::Body;
use crate::model::{ETag, ErrorCode, S3Error, VersionId, VersionName};
use crate::ops::VERSION_ID;

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

/// Names the version that a response is about.
pub(super) fn set_version(headers: &mut HeaderMap, version: Option<impl Display>) -> Result<(), S3Error> {
    match version {
        Some(version) => set(headers, HeaderName::from_static(VERSION_ID), &version.to_string()),
        None => Ok(()),
    }
}

/// Names the version that was copied, where it has an id.
pub(super) fn set_copied_version(headers: &mut HeaderMap, version: Option<VersionId>) -> Result<(), S3Error> {
    const COPIED: HeaderName = HeaderName::from_static("x-amz-copy-source-version-id");
    match version {
        Some(version) => set(headers, COPIED, &version.to_string()),
        None => Ok(()),
    }
}

/// The version, where it has an id: some operations do not name `null`.
pub(super) fn with_id(version: Option<VersionName>) -> Option<VersionName> {
    version.filter(|version| *version != VersionName::Null)
}

/// Sets `ETag`, in quotes.
pub(super) fn set_etag(headers: &mut HeaderMap, etag: &ETag) -> Result<(), S3Error> {
    set(headers, ETAG, &etag.to_string())
}
