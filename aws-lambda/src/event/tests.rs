use futures_util::TryStreamExt;
use http::HeaderMap;
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

fn event(event: Value) -> Result<Event, Unreadable> {
    // As the runtime reads it: from text.
    Event::read(serde_json::from_str(&event.to_string()).unwrap())
}

async fn read(value: Value) -> Read {
    let Event::Request(request) = event(value).unwrap() else {
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

#[tokio::test]
async fn the_source_of_a_request_is_known() {
    for value in [fixture!("binary_body"), fixture!("rest")] {
        let Ok(Event::Request(request)) = event(value) else {
            panic!("not a request");
        };
        let client = request.extensions().get::<Client>().unwrap();
        assert_eq!(client.address.to_string(), "192.0.2.7");
    }
}

#[test]
fn the_schedule_asks_for_garbage_collection_in_its_very_words() {
    let schedule = json!({ SCHEDULED: COLLECT });
    assert_eq!(schedule.to_string(), r#"{"bleepstore":"gc"}"#);
    assert!(matches!(event(schedule), Ok(Event::Collect)));
    let mut request: Value = fixture!("binary_body");
    request["bleepstore"] = json!("gc");
    assert!(matches!(event(request.clone()), Ok(Event::Request(_))));
    // An HTTP event that does not parse is an ordinary one, and still no schedule.
    request["headers"] = json!({"bad name": "x"});
    for other in [
        request,
        json!({"bleepstore": "format"}),
        json!({"bleepstore": "gc", "version": "2.0"}),
        json!([{"bleepstore": "gc"}]),
        json!("gc"),
    ] {
        let text = other.to_string();
        assert!(event(other).is_err(), "{text}");
    }
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
        change("/rawPath", json!("/a?b")),
        change("/rawPath", json!("bucket")),
        change("/rawPath", json!("//host:x/#")),
        change("/rawQueryString", json!("a b")),
        change("/rawQueryString", json!("a#b")),
        change("/requestContext/http/method", json!("GE T")),
        change("/headers", json!({"bad name": "x"})),
        change("/headers", json!({"host": "a\nb"})),
        change("/headers", json!({"host": "a b:x"})),
        change("/body", json!("not base64!")),
        change("/isBase64Encoded", json!("yes")),
    ];
    for value in malformed {
        let text = value.to_string();
        assert!(matches!(event(value), Err(Unreadable::Malformed(_))), "{text}");
    }
}

#[test]
fn an_event_that_cannot_be_read_is_answered_400() {
    let error = event(json!({})).unwrap_err();
    assert_eq!(refusal(&error).status(), 400);
}

#[tokio::test]
async fn a_request_of_a_rest_api_keeps_its_path_its_headers_and_what_its_query_means() {
    let read = read(fixture!("rest")).await;
    assert_eq!(
        read.line,
        "PUT /bucket/a%2Fb//c%20d?acl&prefix=a%2Fb%2Bc%20d&tag=1&tag=2"
    );
    let colours: Vec<_> = read.headers.get_all("x-amz-meta-colour").iter().collect();
    assert_eq!(colours, ["red", "green"]);
    assert_eq!(read.headers["host"], "s3.example.com");
    assert_eq!(read.body, [0xff, 0xd8, 0x00, 0x10, 0xfe]);
}

#[test]
fn what_a_rest_api_loses_is_refused_by_name() {
    let changed = |changes: &[(&str, Value)]| {
        let mut value: Value = fixture!("rest");
        for (pointer, changed) in changes {
            *value.pointer_mut(pointer).unwrap() = changed.clone();
        }
        event(value)
    };
    assert!(changed(&[]).is_ok());
    let unsigned = ("/multiValueHeaders/Authorization", json!([]));
    let unsigned_too = ("/headers/Authorization", json!(null));
    let several = "/multiValueQueryStringParameters";
    for (changes, word) in [
        (
            vec![("/requestContext/path", json!("/prod/bucket/a%2Fb//c%20d"))],
            "stage",
        ),
        (vec![("/isBase64Encoded", json!(false))], "*/*"),
        (vec![(several, json!(null))], "one value"),
        (vec![(several, json!({"prefix": ["caf\u{fffd}"]}))], "UTF-8"),
    ] {
        let error = changed(&changes).unwrap_err();
        assert!(
            matches!(error, Unreadable::Ambiguous(why) if why.contains(word)),
            "{error}"
        );
        let response = refusal(&error);
        assert_eq!(response.status(), 400);
    }
    let mut value: Value = fixture!("rest");
    for (pointer, _) in [&unsigned, &unsigned_too] {
        let (object, name) = pointer.rsplit_once('/').unwrap();
        value
            .pointer_mut(object)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(name);
    }
    let error = event(value.clone()).unwrap_err();
    assert!(
        matches!(error, Unreadable::Ambiguous(why) if why.contains("plus sign")),
        "{error}"
    );
    value[&several[1..]]["prefix"] = json!(["a b"]);
    assert!(event(value).is_ok());
}

#[test]
fn a_rest_api_waits_for_29_seconds_only() {
    let of = |value: Value| Sender::of(&serde_json::from_str(&value.to_string()).unwrap());
    assert_eq!(of(fixture!("rest")), Sender::RestApi);
    assert_eq!(of(fixture!("binary_body")), Sender::FunctionUrl);
    assert_eq!(Sender::RestApi.patience(), Duration::from_secs(29));
}
