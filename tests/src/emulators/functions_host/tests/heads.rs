//! What the handler receives of a request's head.

use std::collections::BTreeMap;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use serde_json::{Value, json};

use super::super::URL_LIMIT;
use super::super::invocation::timer_request;
use super::super::passage::{Arrival, hand_over};

const HANDLER: &str = "127.0.0.1:40123";
const NUMBER: u64 = 7;

fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request.body(()).unwrap().into_parts().0
}

fn handed(head: &Parts, peer: &str, has_body: bool) -> Result<Parts, StatusCode> {
    let arrival = Arrival {
        peer: peer.parse().unwrap(),
        handler: HANDLER.parse().unwrap(),
        prefix: "",
        number: NUMBER,
        has_body,
    };
    hand_over(head, arrival)
}

/// The headers that arrive of a request that has these.
fn arriving(headers: &[(&str, &str)]) -> HeaderMap {
    let headers = [&[("host", "h")], headers].concat();
    handed(&head("GET", "/b/k", &headers), "192.0.2.7:1", false)
        .unwrap()
        .headers
}

fn refused(head: &Parts) -> StatusCode {
    handed(head, "192.0.2.7:1", false).unwrap_err()
}

/// A request as the host hands it over, in the shape of a fixture.
fn as_a_fixture(sent: &Value) -> Value {
    let text = |name: &str| sent[name].as_str().unwrap();
    let mut headers = vec![("host", text("host"))];
    for (name, value) in sent["headers"].as_object().unwrap() {
        headers.push((name, value.as_str().unwrap()));
    }
    let body = text("body");
    let head = head(text("method"), text("target"), &headers);
    let handed = handed(&head, text("from"), !body.is_empty()).unwrap();
    let names = handed.headers.keys().map(|name| name.as_str());
    let headers: BTreeMap<_, _> = names
        .map(|name| (name, handed.headers[name].to_str().unwrap()))
        .collect();
    json!({
        "sent": sent,
        "method": handed.method.as_str(),
        "target": handed.uri.to_string(),
        "headers": headers,
        "body": body,
    })
}

/// The requests that `azure-functions` tests its own reading with.
macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!(
            "../../../../../azure-functions/src/triggers/fixtures/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}

#[test]
fn the_recorded_requests_are_what_the_host_hands_over() {
    for fixture in [
        fixture!("plain"),
        fixture!("encoded_slash"),
        fixture!("space_and_plus"),
        fixture!("unicode"),
        fixture!("dot_segments"),
        fixture!("query"),
        fixture!("head"),
    ] {
        let handed = as_a_fixture(&fixture["sent"]);
        assert_eq!(handed, fixture, "{handed:#}");
    }
}

#[test]
fn the_recorded_timer_is_what_the_host_sends() {
    let fixture = fixture!("timer");
    let handler = HANDLER.parse().unwrap();
    let (headers, body) = timer_request(handler, ("bleepstore_gc", "timer"), NUMBER);
    let mut headers: BTreeMap<_, _> = headers.into_iter().collect();
    headers.insert("transfer-encoding", "chunked".to_owned());
    let made = json!({
        "method": "POST",
        "target": "/bleepstore_gc",
        "headers": headers,
        "body": body,
    });
    assert_eq!(made, fixture, "{made:#}");
}

#[test]
fn a_client_cannot_choose_what_the_front_end_and_the_host_tell() {
    let forged = [
        ("x-waws-unencoded-url", "/other"),
        ("x-original-url", "/other"),
        ("disguised-host", "other"),
        ("x-forwarded-host", "other"),
        ("x-forwarded-for", "other"),
        ("x-forwarded-proto", "other"),
        ("client-ip", "other"),
        ("x-azure-functions-invocationid", "other"),
        ("x-azure-functions-hostversion", "other"),
        ("x-ms-invocation-id", "other"),
    ];
    let headers = arriving(&forged);
    for (name, _) in forged {
        let values: Vec<_> = headers.get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "{name}");
        assert!(!values[0].to_str().unwrap().contains("other"), "{name}");
    }
    assert_eq!(headers["x-waws-unencoded-url"], "/b/k");
    assert_eq!(headers["x-forwarded-host"], "h");
}

#[test]
fn headers_of_the_connection_are_removed() {
    let headers = arriving(&[
        ("connection", "keep-alive, x-named"),
        ("keep-alive", "1"),
        ("te", "trailers"),
        ("upgrade-insecure-requests", "1"),
        ("proxy-authorization", "a"),
        ("forwarded", "host=other"),
        ("x-forwarded-prefix", "/other"),
        ("x-named", "stays"),
    ]);
    for name in [
        "connection",
        "keep-alive",
        "te",
        "upgrade-insecure-requests",
        "proxy-authorization",
        "forwarded",
        "x-forwarded-prefix",
    ] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers["x-named"], "stays");
    assert_eq!(headers["host"], HANDLER);
}

#[test]
fn repeated_headers_arrive_as_one_with_a_comma_and_a_space() {
    let headers = arriving(&[
        ("x-amz-meta-a", "1"),
        ("x-amz-meta-a", "2"),
        ("cookie", "a"),
        ("cookie", "b"),
    ]);
    let values: Vec<_> = headers.get_all("x-amz-meta-a").iter().collect();
    assert_eq!(values, ["1, 2"]);
    assert_eq!(headers["cookie"], "a; b");
}

#[test]
fn a_request_without_a_body_has_a_length_if_it_describes_one() {
    assert!(!arriving(&[]).contains_key("content-length"));
    assert_eq!(arriving(&[("content-length", "0")])["content-length"], "0");
    assert_eq!(arriving(&[("content-type", "text/plain")])["content-length"], "0");
}

#[test]
fn heads_that_no_server_of_the_host_takes_are_refused() {
    let no_host = head("GET", "/b/k", &[]);
    assert_eq!(refused(&no_host), StatusCode::BAD_REQUEST);
    let not_ascii = head("GET", "/b/k", &[("host", "h"), ("x-amz-meta-a", "é")]);
    assert_eq!(refused(&not_ascii), StatusCode::INTERNAL_SERVER_ERROR);
    let large = "x".repeat(32 * 1_024);
    let large = head("GET", "/b/k", &[("host", "h"), ("x-amz-meta-a", &large)]);
    assert_eq!(refused(&large), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[test]
fn a_url_of_the_limit_passes_and_a_longer_one_does_not() {
    let url = |length: usize| format!("/b/{}?q={}", "k".repeat(length - 8), "v".repeat(2));
    let longest = url(URL_LIMIT);
    assert_eq!(longest.len(), URL_LIMIT);
    let passed = handed(&head("GET", &longest, &[("host", "h")]), "192.0.2.7:1", false).unwrap();
    assert_eq!(passed.uri.to_string(), longest);
    let longer = head("GET", &url(URL_LIMIT + 1), &[("host", "h")]);
    assert_eq!(refused(&longer), StatusCode::URI_TOO_LONG);
}

#[test]
fn a_path_outside_the_prefix_of_all_routes_is_not_found() {
    let at = |target: &str| {
        let arrival = Arrival {
            peer: "192.0.2.7:1".parse().unwrap(),
            handler: HANDLER.parse().unwrap(),
            prefix: "api",
            number: NUMBER,
            has_body: false,
        };
        hand_over(&head("GET", target, &[("host", "h")]), arrival).map(|head| head.uri.to_string())
    };
    assert_eq!(at("/api/b/k"), Ok("/api/b/k".to_owned()));
    assert_eq!(at("/b/k"), Err(StatusCode::NOT_FOUND));
}
