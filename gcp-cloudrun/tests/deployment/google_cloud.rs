//! The binary on emulators of its stores.

use std::sync::OnceLock;

use bleepstore_core::Body;
use bleepstore_tests::emulators::GoogleCloud;
use bleepstore_tests::http::{Front, Request, S3};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::keys::{self, Issuer};
use crate::running::Running;

const TRACE: &str = "105445aa7843bc8bf206b12000100000";
const COLLECT: &str = "/_bleepstore/gc";

/// The emulators, which the tests here share.
fn cloud() -> &'static GoogleCloud {
    static CLOUD: OnceLock<GoogleCloud> = OnceLock::new();
    CLOUD.get_or_init(|| {
        let cloud = GoogleCloud::start().unwrap();
        Runtime::new().unwrap().block_on(cloud.provision()).unwrap();
        cloud
    })
}

/// How many bytes are sent at a time; no two neighbouring blocks are the same.
const BLOCK: usize = 64 * 1024;

fn block(number: usize) -> Bytes {
    Bytes::from(vec![(number % 251) as u8; BLOCK])
}

/// Sends a request over HTTP/2, with a body that nobody holds whole.
async fn streamed(request: Request, body: Body) -> http::Response<hyper::body::Incoming> {
    let signed = request.payload_hash("UNSIGNED-PAYLOAD").sign();
    let stream = TcpStream::connect(signed.address()).await.unwrap();
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let uri = format!("http://{}{}", signed.address(), signed.target);
    let mut request = http::Request::builder().method(signed.method.as_str()).uri(uri);
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    requests.send_request(request.body(body).unwrap()).await.unwrap()
}

#[test]
fn two_hundred_megabytes_pass_over_http2_within_64_mib_of_memory() {
    const BLOCKS: usize = 200 * 1000 * 1000 / BLOCK + 1;
    let running = Running::start(cloud(), &[]);
    let bucket = running.s3(Front::Http2).bucket();
    Runtime::new().unwrap().block_on(async {
        let put = bucket
            .object("PUT", "large")
            .header("content-length", BLOCKS * BLOCK);
        let blocks = stream::iter((0..BLOCKS).map(|number| Ok(block(number))));
        let stored = streamed(put, Body::stream(blocks, Some((BLOCKS * BLOCK) as u64))).await;
        assert_eq!(stored.status(), 200);

        let read = streamed(bucket.get("large"), Body::empty()).await;
        assert_eq!(read.status(), 200);
        let (mut body, mut position) = (read.into_body(), 0);
        while let Some(frame) = body.frame().await {
            let data = frame.unwrap().into_data().unwrap();
            let expected = (position..position + data.len()).map(|at| (at / BLOCK % 251) as u8);
            assert!(data.iter().copied().eq(expected), "another byte after {position}");
            position += data.len();
        }
        assert_eq!(position, BLOCKS * BLOCK);
    });
    let peak = running.peak_memory();
    assert!(peak <= 64 * 1024 * 1024, "the server took {peak} bytes");
}

#[test]
fn it_stops_with_success_when_it_is_asked_to() {
    let running = Running::start(cloud(), &[]);
    running.s3(Front::Nothing).bucket();
    assert!(running.stop().success());
}

#[test]
fn a_missing_setting_is_one_line_and_a_failure() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bleepstore-gcp"))
        .env_clear()
        .env("BLEEPSTORE_REGION", "r")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "bleepstore-gcp: BLEEPSTORE_ACCESS_KEY is not set\n");
}

#[test]
fn on_cloud_run_the_log_is_cloud_loggings_and_carries_the_trace_of_the_request() {
    let running = Running::start(cloud(), &[("K_SERVICE", "bleepstore")]);
    let denied = running.s3(Front::Http2).request("GET", "/").anonymous();
    denied
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .expect_error(403, "AccessDenied");
    let entry: Value = serde_json::from_str(&running.logged("request denied")).unwrap();
    assert_eq!(entry["severity"], "INFO");
    assert_eq!(entry["message"], "request denied");
    let trace = entry["logging.googleapis.com/trace"].as_str().unwrap();
    assert!(
        trace.starts_with("projects/bleepstore-") && trace.ends_with(&format!("/traces/{TRACE}")),
        "{trace}"
    );
    assert_eq!(entry["logging.googleapis.com/spanId"], "00f067aa0ba902b7");
    let access: Value = serde_json::from_str(&running.logged("bleepstore::access")).unwrap();
    assert_eq!(
        (&access["operation"], &access["status"]),
        (&"ListBuckets".into(), &403.into())
    );
    assert_eq!(access["logging.googleapis.com/trace"], trace);
}

#[test]
fn on_cloud_run_what_http1_does_not_carry_is_refused_and_http2_carries_it() {
    const LENGTH: usize = 32_000_001;
    let running = Running::start(cloud(), &[("K_SERVICE", "bleepstore")]);
    let (over_http1, over_http2) = (running.s3(Front::Nothing), running.s3(Front::Http2));
    let bucket = over_http2.bucket();
    let put = bucket.put("key", vec![b'x'; LENGTH]);
    put.expect(200);
    assert_eq!(bucket.get("key").expect(200).body.len(), LENGTH);

    let bucket = over_http1.bucket_named(bucket.name);
    let mut connection = over_http1.connect();
    let put = bucket.object("PUT", "key").payload_hash("UNSIGNED-PAYLOAD");
    let put = put
        .header("content-length", LENGTH)
        .header("expect", "100-continue");
    connection.write_head(&put.sign());
    let error = connection.read_response("PUT").into_error(400, "EntityTooLarge");
    assert_eq!(error.field("MaxSizeAllowed"), "32000000");
    let error = bucket.get("key").expect_error(400, "InvalidRequest");
    assert!(error.message.contains("--use-http2"), "{}", error.message);
    bucket.get("key").header("range", "bytes=0-31999999").expect(206);
}

#[test]
fn on_cloud_run_no_bucket_has_a_name_of_googles() {
    let running = Running::start(cloud(), &[("K_SERVICE", "bleepstore")]);
    for front in [Front::Nothing, Front::Http2] {
        let s3 = running.s3(front);
        for name in ["eventlog", "healthz"] {
            let error = s3
                .request("PUT", &format!("/{name}"))
                .expect_error(400, "InvalidBucketName");
            assert!(
                error.message.starts_with("BleepStore on Cloud Run"),
                "{}",
                error.message
            );
        }
    }
}

/// The status and the body of an answer to the schedule.
fn asked(s3: &S3, method: &str, token: Option<&str>) -> (u16, String) {
    let mut request = s3.request(method, COLLECT).anonymous();
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = s3.connect().send(&request.sign());
    (response.status, response.text().to_owned())
}

#[test]
fn the_schedule_collects_garbage_and_nobody_else_does() {
    let issuer = Issuer::start();
    let variables = [
        ("BLEEPSTORE_GC_AUDIENCE", keys::AUDIENCE),
        ("BLEEPSTORE_GC_SERVICE_ACCOUNT", keys::ACCOUNT),
        ("BLEEPSTORE_GC_KEYS_URL", issuer.url()),
    ];
    let running = Running::start(cloud(), &variables);
    let s3 = running.s3(Front::Nothing);
    let refused = |token: Option<&str>| assert_eq!(asked(&s3, "POST", token), (403, String::new()));
    refused(None);
    refused(Some("a.b.c"));
    refused(Some(&issuer.token("https://other.example", keys::ACCOUNT)));
    refused(Some(&issuer.token(keys::AUDIENCE, "other@project.example")));
    let good = issuer.token(keys::AUDIENCE, keys::ACCOUNT);
    refused(Some(&format!("{}AAAA", &good[..good.len() - 4])));
    assert_eq!(asked(&s3, "GET", Some(&good)).0, 405);

    let (status, report) = asked(&s3, "POST", Some(&good));
    assert_eq!(status, 200, "{report}");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["deleted"]["blobs"], 0);
    assert_eq!(report["round_finished"], true);
    assert_eq!(issuer.asked(), 1);
}

#[test]
fn without_a_schedule_there_is_nothing_to_ask() {
    let running = Running::start(cloud(), &[]);
    assert_eq!(asked(&running.s3(Front::Nothing), "POST", Some("a.b.c")).0, 404);
}
