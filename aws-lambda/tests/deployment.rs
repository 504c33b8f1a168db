//! The binary `bootstrap` over real sockets: as an HTTP server, and on Lambda behind a Function URL.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bleepstore_core::protocol::percent;
use bleepstore_tests::emulators::{FunctionUrl, MiniStack, REGION, ServerProgram};
use bleepstore_tests::http::encoding::pattern;
use bleepstore_tests::http::{Endpoint, Front, Request, S3, SignedRequest};
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_bootstrap");
const ACCESS_KEY: &str = "AKIATESTROOT";
const SECRET_KEY: &str = "a/secret+for/tests/only";

/// The cloud that all tests share, ready for use.
fn cloud() -> &'static MiniStack {
    static CLOUD: OnceLock<MiniStack> = OnceLock::new();
    CLOUD.get_or_init(|| {
        let cloud = MiniStack::start().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(cloud.provision()).unwrap();
        cloud
    })
}

fn variables() -> Vec<(&'static str, String)> {
    let mut variables = cloud().variables();
    variables.extend([
        ("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY.to_owned()),
        ("BLEEPSTORE_SECRET_KEY", SECRET_KEY.to_owned()),
        ("BLEEPSTORE_LOG", "warn".to_owned()),
    ]);
    variables
}

fn client(address: SocketAddr) -> S3 {
    S3 {
        endpoint: Endpoint {
            address,
            region: REGION.to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            session_token: None,
            front: Front::Nothing,
        },
    }
}

fn on_lambda() -> (FunctionUrl, S3) {
    let url = FunctionUrl::start(Path::new(BINARY), 2, variables()).unwrap();
    let s3 = client(url.address());
    (url, s3)
}

/// Keys that signatures get wrong where anything on the way decodes or tidies a path.
const KEYS: [&str; 6] = ["plain", "a/../b", "a//b", "a%2Fb", "a+b c", "\u{e9}/\u{1F600}"];

fn objects_come_back_are_listed_and_go(s3: &S3) {
    let bucket = s3.bucket();
    let body = pattern(1, 1_000_001);
    for key in KEYS {
        bucket
            .put(key, body.clone())
            .header("content-type", "text/plain")
            .expect(200);
        assert!(bucket.read(key) == body, "{key}");
    }
    let mut sorted = KEYS.to_vec();
    sorted.sort_unstable();
    assert_eq!(
        bucket.list().expect(200).all("ListBucketResult/Contents/Key"),
        sorted
    );
    let range = bucket.get("plain").header("range", "bytes=5-9").expect(206);
    assert_eq!(range.body, &body[5..10]);
    bucket.object("GET", "plain").flag("acl").send();
    assert_eq!(bucket.get("missing").send().status, 404);
    assert_eq!(bucket.head("plain").expect(200).body, b"");
    for key in KEYS {
        bucket.delete(key).expect(204);
    }
    bucket.request("DELETE").expect(204);
}

#[test]
fn over_http_objects_come_back_are_listed_and_go() {
    let server = ServerProgram::start(Path::new(BINARY), variables()).unwrap();
    objects_come_back_are_listed_and_go(&client(server.address()));
    assert!(server.stop().unwrap(), "it stops without an error when asked");
}

#[test]
fn over_http_multipart_uploads_and_large_bodies_work() {
    let server = ServerProgram::start(Path::new(BINARY), variables()).unwrap();
    let s3 = client(server.address());
    let bucket = s3.bucket();
    let large = pattern(2, 9_000_001);
    bucket.put("large", large.clone()).expect(200);
    assert_eq!(
        bucket.head("large").expect(200).header("content-length"),
        Some("9000001")
    );
    let upload = bucket.begin_upload("parts");
    let parts = [
        bucket.upload_part("parts", &upload, 1, &large[..5 << 20]),
        bucket.upload_part("parts", &upload, 2, &large[5 << 20..]),
    ];
    bucket.complete("parts", &upload, &parts).expect(200);
    assert!(bucket.read("parts") == large);
}

#[test]
fn on_lambda_objects_come_back_are_listed_and_go() {
    let (_url, s3) = on_lambda();
    objects_come_back_are_listed_and_go(&s3);
}

#[test]
fn on_lambda_behind_a_streaming_url_objects_come_back_are_listed_and_go() {
    let url = FunctionUrl::start_streaming(Path::new(BINARY), 2, variables()).unwrap();
    objects_come_back_are_listed_and_go(&client(url.address()));
}

#[test]
fn on_lambda_what_does_not_fit_is_refused_with_the_limit_and_the_ways_out() {
    let (_url, s3) = on_lambda();
    let bucket = s3.bucket();
    bucket.put("fits", vec![7; 4_500_000]).expect(200);
    let error = bucket
        .put("over", vec![7; 4_500_001])
        .expect_error(400, "EntityTooLarge");
    assert!(
        error.message.contains("4500000") && error.message.contains("HTTP server"),
        "{}",
        error.message
    );
    // AWS answers this one before the function sees it.
    let far_over = bucket.put("far-over", vec![7; 6 << 20]).sign();
    assert_eq!(s3.connect().send(&far_over).status, 413);
    let error = bucket
        .object("POST", "parts")
        .flag("uploads")
        .expect_error(501, "NotImplemented");
    assert!(
        error.message.contains("BleepStore on AWS Lambda"),
        "{}",
        error.message
    );
}

/// The answer to an event, which is one document: status, headers and body.
fn document(url: &FunctionUrl, event: &serde_json::Value) -> (u64, serde_json::Value, Vec<u8>) {
    let (_, text) = url.invoke(event).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let body = STANDARD.decode(document["body"].as_str().unwrap()).unwrap();
    (
        document["statusCode"].as_u64().unwrap(),
        document["headers"].clone(),
        body,
    )
}

/// An event of the Function URL for a GET of a path, which is not signed.
fn event_of_url(path: &str, query: &str, host: &str) -> serde_json::Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": host, "x-forwarded-proto": "https"},
        "requestContext": {
            "domainName": host,
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"},
            "stage": "$default",
        },
        "isBase64Encoded": false,
    })
}

#[test]
fn on_lambda_a_malformed_event_fails_alone_and_the_same_process_answers_the_next() {
    // One instance: a second one would hide that the first has ended.
    let url = FunctionUrl::start(Path::new(BINARY), 1, variables()).unwrap();
    let s3 = client(url.address());
    let mut not_base64 = event_of_url("/", "", "localhost");
    not_base64["isBase64Encoded"] = json!(true);
    not_base64["body"] = json!("not base64!");
    for event in [
        json!({}),
        json!("x"),
        json!({"bleepstore": "gc", "and": "more"}),
        json!({"rawPath": "/a b", "requestContext": {"http": {"method": "GET"}}}),
        event_of_url("/", "prefix=a b", "localhost"),
        event_of_url("/", "", "no host:x"),
        event_of_url("/", "", "[::"),
        event_of_url("/a b", "", "localhost"),
        not_base64,
    ] {
        let (status, _, body) = document(&url, &event);
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, 400, "{event}");
        assert!(body.contains("<Code>BadRequest</Code>"), "{event}: {body}");
        assert_eq!(s3.bucket_named("absent".to_owned()).list().send().status, 404);
    }
}

/// The event that a REST API makes of a request to this host.
fn event_of_rest_api(request: &SignedRequest, host: SocketAddr) -> serde_json::Value {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let (mut headers, mut parameters) = (serde_json::Map::new(), serde_json::Map::new());
    headers.insert("Host".to_owned(), json!([host.to_string()]));
    for (name, value) in &request.headers {
        headers.insert(name.clone(), json!([value]));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters.insert(name.to_owned(), json!([percent::decode_query(value).unwrap()]));
    }
    let last = |values: &serde_json::Map<String, serde_json::Value>| -> serde_json::Value {
        let last = values
            .iter()
            .map(|(name, values)| (name.clone(), values[0].clone()));
        last.collect::<serde_json::Map<_, _>>().into()
    };
    json!({
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": request.method,
        "headers": last(&headers),
        "multiValueHeaders": headers,
        "queryStringParameters": last(&parameters),
        "multiValueQueryStringParameters": parameters,
        "requestContext": {
            "path": path,
            "stage": "s3",
            "httpMethod": request.method,
            "requestTimeEpoch": 0,
            "identity": {"sourceIp": "192.0.2.7"},
        },
        "body": STANDARD.encode(&request.body),
        "isBase64Encoded": !request.body.is_empty(),
    })
}

#[test]
fn on_lambda_a_rest_api_is_answered_with_documents() {
    let (url, s3) = on_lambda();
    let bucket = s3.bucket();
    let answer = |request: Request| document(&url, &event_of_rest_api(&request.sign(), url.address()));
    for key in KEYS {
        assert_eq!(answer(bucket.put(key, pattern(5, 1000))).0, 200, "{key}");
        let (status, headers, body) = answer(bucket.get(key));
        assert_eq!(
            (status, headers["content-length"].as_str()),
            (200, Some("1000")),
            "{key}"
        );
        assert!(body == pattern(5, 1000), "{key}");
    }
    let (status, _, listed) = answer(bucket.list().query("prefix", "a%2Fb"));
    let listed = String::from_utf8(listed).unwrap();
    assert!(status == 200 && listed.contains("<Key>a%2Fb</Key>"), "{listed}");
    let (status, headers, body) = answer(bucket.head("plain"));
    assert_eq!(
        (status, headers["content-length"].as_str(), body.len()),
        (200, Some("1000"), 1000)
    );
    let mut below_a_stage = event_of_rest_api(&bucket.get("plain").sign(), url.address());
    below_a_stage["requestContext"]["path"] = json!("/prod/bucket/plain");
    let (status, _, body) = document(&url, &below_a_stage);
    assert_eq!(status, 400);
    assert!(String::from_utf8(body).unwrap().contains("name of a stage"));
}

#[test]
fn on_lambda_head_has_a_length_and_no_more_than_a_document_is_sent() {
    let url = FunctionUrl::start(Path::new(BINARY), 1, variables()).unwrap();
    let s3 = client(url.address());
    let bucket = s3.bucket();
    bucket.put("key", pattern(6, 100_000)).expect(200);
    let head = bucket.head("key").expect(200);
    assert_eq!(head.header("content-length"), Some("100000"));
    assert_eq!(
        bucket.get("key").expect(200).header("content-length"),
        Some("100000")
    );
    bucket.put("edge", vec![1; 4_500_000]).expect(200);
    assert_eq!(
        bucket.head("edge").expect(200).header("content-length"),
        Some("4500000")
    );
    assert_eq!(bucket.read("edge").len(), 4_500_000);
    // Written by the same program where nothing is in the way.
    let server = ServerProgram::start(Path::new(BINARY), variables()).unwrap();
    let large = client(server.address()).bucket_named(bucket.name.clone());
    large.put("large", vec![2; 4_500_001]).expect(200);
    let error = bucket.get("large").expect_error(400, "InvalidRequest");
    assert!(error.message.contains("Ask for ranges"), "{}", error.message);
    bucket.head("large").send().assert_bodiless(400);
    let range = bucket.get("large").header("range", "bytes=4500000-").expect(206);
    assert_eq!(range.body, [2]);
}

#[test]
fn on_lambda_the_schedule_collects_garbage_and_keeps_what_is_new() {
    let (url, s3) = on_lambda();
    let bucket = s3.bucket();
    bucket.put("kept", pattern(3, 20_000)).expect(200);
    let (status, body) = url.invoke(&json!({"bleepstore": "gc"})).unwrap();
    assert_eq!(status, 200);
    let report: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert!(report["seen"]["blobs"].as_u64() > Some(0), "{report}");
    assert_eq!(report["deleted"], json!({"blobs": 0, "bytes": 0}));
    assert_eq!(report["round_finished"], true);
    assert!(bucket.read("kept") == pattern(3, 20_000));
}

#[test]
fn what_one_process_wrote_another_one_reads() {
    let server = ServerProgram::start(Path::new(BINARY), variables()).unwrap();
    let bucket = client(server.address()).bucket();
    bucket.put("key", "from the server").expect(200);
    let (_url, s3) = on_lambda();
    let found = s3.bucket_named(bucket.name.clone()).read("key");
    assert_eq!(found, b"from the server");
}

#[test]
fn a_missing_setting_is_one_line_and_exit_code_1() {
    let mut command = Command::new(BINARY);
    command.env_clear().env("AWS_REGION", "us-east-1");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "bootstrap: BLEEPSTORE_ACCESS_KEY is not set\n");
}
