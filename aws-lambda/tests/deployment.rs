//! The binary `bootstrap` over real sockets: as an HTTP server, and on Lambda behind a Function URL.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use bleepstore_tests::emulators::{FunctionUrl, MiniStack, REGION, ServerProgram};
use bleepstore_tests::http::encoding::pattern;
use bleepstore_tests::http::{Endpoint, Front, S3};
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

fn client(address: std::net::SocketAddr) -> S3 {
    S3 {
        endpoint: Endpoint {
            address,
            region: REGION.to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
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

#[test]
fn on_lambda_a_malformed_event_is_answered_and_the_process_lives() {
    let (url, s3) = on_lambda();
    for event in [
        json!({}),
        json!("x"),
        json!({"rawPath": "/a b", "requestContext": {"http": {"method": "GET"}}}),
    ] {
        let (status, body) = url.invoke(&event).unwrap();
        assert_eq!(status, 400);
        assert!(
            String::from_utf8(body)
                .unwrap()
                .contains("<Code>BadRequest</Code>")
        );
    }
    s3.bucket();
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
