//! The paths that belong to the server. No bucket's name can start with an underscore.

use bleepstore_core::Body;
use http::header::{ALLOW, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};

const ROOT: &str = "/_bleepstore";
const HEALTH: &str = "/_bleepstore/health";

/// The answer to a request for a reserved path, such as the health check; `None` where the path is S3's. [`serve`] asks
/// it first, and so does a deployment whose requests come by another way.
///
/// [`serve`]: crate::serve
pub fn answer<B>(request: &Request<B>, base_domains: &[String]) -> Option<Response<Body>> {
    let path = request.uri().path();
    let below = path.strip_prefix(ROOT)?;
    if !(below.is_empty() || below.starts_with('/')) || is_virtual_hosted(request, base_domains) {
        return None;
    }
    if path != HEALTH {
        return Some(plain(StatusCode::NOT_FOUND, Body::empty()));
    }
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, Body::empty());
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    let mut response = plain(StatusCode::OK, Body::full(r#"{"status":"ok"}"#));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(response)
}

fn plain(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// Whether the host names a bucket, so that the whole path is a key.
fn is_virtual_hosted<B>(request: &Request<B>, base_domains: &[String]) -> bool {
    let Some(host) = request.headers().get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let name = host
        .split_once(':')
        .map_or(host, |(name, _)| name)
        .to_ascii_lowercase();
    base_domains.iter().any(|domain| {
        name.strip_suffix(domain.as_str())
            .is_some_and(|bucket| bucket.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &str, uri: &str, host: &str) -> Option<u16> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(HOST, host)
            .body(())
            .unwrap();
        let domains = ["s3.example.com".to_owned()];
        answer(&request, &domains).map(|response| response.status().as_u16())
    }

    #[test]
    fn only_the_reserved_root_is_taken() {
        assert_eq!(status("GET", "/_bleepstore/health", "localhost"), Some(200));
        assert_eq!(status("HEAD", "/_bleepstore/health?x", "localhost"), Some(200));
        assert_eq!(status("PUT", "/_bleepstore/health", "localhost"), Some(405));
        assert_eq!(status("GET", "/_bleepstore/other", "localhost"), Some(404));
        assert_eq!(status("GET", "/_bleepstore", "localhost"), Some(404));
        assert_eq!(status("GET", "/_bleepstores/health", "localhost"), None);
        assert_eq!(status("GET", "/bucket/_bleepstore/health", "localhost"), None);
    }

    #[test]
    fn below_a_base_domain_the_reserved_path_is_a_key() {
        assert_eq!(
            status("GET", "/_bleepstore/health", "photos.S3.example.com:9000"),
            None
        );
        assert_eq!(status("GET", "/_bleepstore/health", "s3.example.com"), Some(200));
        assert_eq!(
            status("GET", "/_bleepstore/health", "others3.example.com"),
            Some(200)
        );
    }
}
