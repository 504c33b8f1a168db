//! The paths that belong to the server. No bucket's name can start with an underscore.

use bleepstore_core::Body;
use bleepstore_core::protocol::host::Addressing;
use http::header::{ALLOW, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};

const ROOT: &str = "/_bleepstore";
const HEALTH: &str = "/_bleepstore/health";

/// The answer to a request for a reserved path, such as the health check; `None` where the path is S3's. It is for a
/// deployment whose requests do not come by [`serve`], and that has nothing else there.
///
/// [`serve`]: crate::serve
pub fn answer<B>(request: &Request<B>, base_domains: &[String]) -> Option<Response<Body>> {
    match belongs_to(request, base_domains) {
        Resource::S3 => None,
        Resource::Health => Some(health(request.method())),
        Resource::Other => Some(bare(StatusCode::NOT_FOUND)),
    }
}

/// Whose a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    S3,
    Health,
    /// Below the reserved root, and the deployment's.
    Other,
}

/// Whose the path of this request is.
pub(crate) fn belongs_to<B>(request: &Request<B>, base_domains: &[String]) -> Resource {
    let path = request.uri().path();
    match path.strip_prefix(ROOT) {
        Some(below) if below.is_empty() || below.starts_with('/') => {}
        _ => return Resource::S3,
    }
    if is_virtual_hosted(request, base_domains) {
        Resource::S3
    } else if path == HEALTH {
        Resource::Health
    } else {
        Resource::Other
    }
}

/// The answer to a health check.
pub(crate) fn health(method: &Method) -> Response<Body> {
    document(method, "application/json", || r#"{"status":"ok"}"#.to_owned())
}

/// The answer to a request for a document that is only read: `405` to one that would change it.
pub fn document(
    method: &Method,
    content_type: &'static str,
    text: impl FnOnce() -> String,
) -> Response<Body> {
    if *method != Method::GET && *method != Method::HEAD {
        let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let mut response = Response::new(Body::full(text()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A status and nothing else.
pub fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Whether the host names a bucket, so that the whole path is a key.
fn is_virtual_hosted<B>(request: &Request<B>, base_domains: &[String]) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| Addressing::of(host, base_domains) != Addressing::PathStyle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(uri: &str, host: &str) -> Resource {
        let request = Request::builder().uri(uri).header(HOST, host).body(()).unwrap();
        belongs_to(&request, &["s3.example.com".to_owned()])
    }

    #[test]
    fn only_the_reserved_root_is_taken() {
        assert_eq!(resource("/_bleepstore/health", "localhost"), Resource::Health);
        assert_eq!(resource("/_bleepstore/health?x", "localhost"), Resource::Health);
        assert_eq!(resource("/_bleepstore/other", "localhost"), Resource::Other);
        assert_eq!(resource("/_bleepstore", "localhost"), Resource::Other);
        assert_eq!(resource("/_bleepstores/health", "localhost"), Resource::S3);
        assert_eq!(resource("/bucket/_bleepstore/health", "localhost"), Resource::S3);
    }

    #[test]
    fn below_a_base_domain_the_reserved_path_is_a_key() {
        let health = |host| resource("/_bleepstore/health", host);
        assert_eq!(health("photos.S3.example.com:9000"), Resource::S3);
        assert_eq!(health("photos.s3.example.com."), Resource::S3);
        assert_eq!(health("s3.example.com"), Resource::Health);
        assert_eq!(health("others3.example.com"), Resource::Health);
    }

    #[test]
    fn health_is_read_and_never_written() {
        for (method, status) in [
            (Method::GET, 200),
            (Method::HEAD, 200),
            (Method::PUT, 405),
            (Method::POST, 405),
        ] {
            assert_eq!(health(&method).status().as_u16(), status, "{method}");
        }
    }
}
