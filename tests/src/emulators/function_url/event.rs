//! From an HTTP request to an event in payload format 2.0.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use serde_json::{Value, json};

/// The event of a request whose body is `body`.
pub(super) fn event(head: &Parts, body: &[u8], peer: SocketAddr) -> Value {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    let host = headers.get("host").cloned().unwrap_or_default();
    let agent = headers.get("user-agent").cloned().unwrap_or_default();
    let kind = headers.get("content-type").cloned().unwrap_or_default();
    headers.insert("x-forwarded-for".to_owned(), peer.ip().to_string());
    headers.insert("x-forwarded-proto".to_owned(), "https".to_owned());
    headers.insert("x-forwarded-port".to_owned(), "443".to_owned());
    let text = std::str::from_utf8(body).ok().filter(|_| is_text(&kind));
    let path = head.uri.path();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": head.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "loopback",
            "domainName": host,
            "domainPrefix": "loopback",
            "http": {
                "method": head.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": peer.ip().to_string(),
                "userAgent": agent,
            },
            "routeKey": "$default",
            "stage": "$default",
        },
        "isBase64Encoded": !body.is_empty() && text.is_none(),
    });
    if !body.is_empty() {
        event["body"] = text.map_or_else(|| STANDARD.encode(body), str::to_owned).into();
    }
    event
}

/// Whether bodies of this content type are handed over as they are.
fn is_text(content_type: &str) -> bool {
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind.starts_with("text/")
        || matches!(
            kind.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, body: &[u8]) -> Value {
        let request = http::Request::builder()
            .method("PUT")
            .uri("/b/a%2Fb//../x+y?acl&q=%20")
            .header("x-amz-meta-a", "1")
            .header("x-amz-meta-a", "2")
            .header("content-type", kind);
        let (head, ()) = request.body(()).unwrap().into_parts();
        event(&head, body, "127.0.0.1:1".parse().unwrap())
    }

    #[test]
    fn path_query_and_repeated_headers_are_handed_over_as_lambda_does() {
        let event = of("text/plain", b"");
        assert_eq!(event["rawPath"], "/b/a%2Fb//../x+y");
        assert_eq!(event["rawQueryString"], "acl&q=%20");
        assert_eq!(event["headers"]["x-amz-meta-a"], "1,2");
        assert_eq!(event["requestContext"]["http"]["method"], "PUT");
        assert_eq!(
            (event.get("body"), &event["isBase64Encoded"]),
            (None, &json!(false))
        );
    }

    #[test]
    fn only_text_is_handed_over_as_it_is() {
        let body = |kind, bytes: &[u8]| {
            let event = of(kind, bytes);
            (
                event["body"].as_str().unwrap().to_owned(),
                event["isBase64Encoded"] == true,
            )
        };
        assert_eq!(body("text/plain; charset=utf-8", b"a"), ("a".to_owned(), false));
        assert_eq!(body("application/xml", b"<a/>"), ("<a/>".to_owned(), false));
        assert_eq!(body("", b"a"), ("YQ==".to_owned(), true));
        assert_eq!(body("application/octet-stream", b"a"), ("YQ==".to_owned(), true));
        assert_eq!(body("text/plain", b"\xe9"), ("6Q==".to_owned(), true));
    }
}
