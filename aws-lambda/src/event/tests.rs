use futures_util::TryStreamExt;
use serde_json::json;

use super::*;

/// An event as a Function URL makes it, from a file.
macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("fixtures/", $name, ".json"))).unwrap()
    };
}

struct Read {
    line: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

async fn read(event: Value) -> Read {
    let Event::Request(request) = Event::read(event).unwrap() else {
        panic!("not a request");
    };
    let (head, body) = request.into_parts();
    let body: Vec<_> = body.into_stream().try_collect().await.unwrap();
    Read {
        line: format!("{} {}", head.method, head.uri),
        headers: head.headers,
        body: body.concat(),
    }
}

#[tokio::test]
async fn a_binary_body_is_decoded() {
    let read = read(fixture!("binary_body")).await;
    assert_eq!(read.line, "PUT /bucket/photo.jpg");
    assert_eq!(read.body, [0xff, 0xd8, 0x00, 0x10, 0xfe]);
    assert_eq!(read.headers["content-length"], "5");
    assert_eq!(read.headers["host"], "abcdefg.lambda-url.us-east-1.on.aws");
}

#[tokio::test]
async fn a_text_body_that_is_not_utf8_arrives_in_base64_and_utf8_arrives_as_it_is() {
    let latin = read(fixture!("text_body_not_utf8")).await;
    assert_eq!(latin.body, b"caf\xe9");
    let plain = read(fixture!("text_body")).await;
    assert_eq!(plain.body, "caf\u{e9}\n\0\u{1F600}".as_bytes());
}

#[tokio::test]
async fn repeated_headers_arrive_joined() {
    let read = read(fixture!("repeated_headers")).await;
    assert_eq!(read.headers.get_all("x-amz-meta-colour").iter().count(), 1);
    assert_eq!(read.headers["x-amz-meta-colour"], "red,green");
}

#[tokio::test]
async fn path_and_query_keep_every_byte() {
    let read = read(fixture!("raw_path")).await;
    assert_eq!(
        read.line,
        "GET /bucket/a%2Fb//c/../%2e%2E/d+e%20f?prefix=a%2Fb+c&list-type=2&x"
    );
}

#[tokio::test]
async fn a_query_without_a_value_keeps_its_form() {
    let read = read(fixture!("subresource")).await;
    assert_eq!(read.line, "GET /bucket/key?acl");
}

#[tokio::test]
async fn a_head_without_a_body_has_none() {
    let read = read(fixture!("head")).await;
    assert_eq!(read.line, "HEAD /bucket/key");
    assert_eq!(read.body, b"");
    assert_eq!(read.headers["content-length"], "0");
}

#[tokio::test]
async fn a_length_that_the_client_sent_is_kept() {
    let mut event: Value = fixture!("binary_body");
    event["headers"]["content-length"] = json!("7");
    assert_eq!(read(event).await.headers["content-length"], "7");
}

#[test]
fn the_schedule_asks_for_garbage_collection() {
    let event = json!({ SCHEDULED: COLLECT });
    assert_eq!(event.to_string(), r#"{"bleepstore":"gc"}"#);
    assert!(matches!(Event::read(event), Ok(Event::Collect)));
    assert!(Event::read(json!({"bleepstore": "format"})).is_err());
}

#[test]
fn malformed_events_are_errors() {
    let change = |pointer: &str, value: Value| {
        let mut event: Value = fixture!("binary_body");
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let malformed = [
        json!(null),
        json!([]),
        json!("text"),
        json!({}),
        json!({"rawPath": "/"}),
        change("/rawPath", json!(5)),
        change("/rawPath", json!("/a b")),
        change("/rawPath", json!("bucket")),
        change("/rawPath", json!("//host:x/#")),
        change("/rawQueryString", json!("a b")),
        change("/rawQueryString", json!("a#b")),
        change("/requestContext/http/method", json!("GE T")),
        change("/headers", json!({"bad name": "x"})),
        change("/headers", json!({"host": "a\nb"})),
        change("/body", json!("not base64!")),
        change("/isBase64Encoded", json!("yes")),
    ];
    for event in malformed {
        let text = event.to_string();
        assert!(Event::read(event).is_err(), "{text}");
    }
}

#[test]
fn an_event_that_cannot_be_read_is_answered_400() {
    let error = Event::read(json!({})).unwrap_err();
    assert_eq!(malformed(&error).status(), 400);
}

#[test]
fn values_of_one_name_are_folded() {
    let mut headers = HeaderMap::new();
    for (name, value) in [("vary", "a"), ("etag", "\"x\""), ("vary", "b")] {
        headers.append(name, HeaderValue::from_static(value));
    }
    let folded = fold(&headers);
    assert_eq!(folded.len(), 2);
    assert_eq!(folded["vary"], "a, b");
    assert_eq!(folded["etag"], "\"x\"");
}
