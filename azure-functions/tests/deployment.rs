//! The binary `bleepstore-azure` over real sockets: behind the host of Functions, and as an HTTP server.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use bleepstore_tests::emulators::{AzureCloud, FunctionApp, FunctionsHost, REGION, ServerProgram};
use bleepstore_tests::http::encoding::pattern;
use bleepstore_tests::http::{Endpoint, Front, S3};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_bleepstore-azure");
const ACCESS_KEY: &str = "AKIATESTROOT";
const SECRET_KEY: &str = "a/secret+for/tests/only";

/// The cloud that all tests share, ready for use.
fn cloud() -> &'static AzureCloud {
    static CLOUD: OnceLock<AzureCloud> = OnceLock::new();
    CLOUD.get_or_init(|| {
        let cloud = AzureCloud::start().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(cloud.provision()).unwrap();
        cloud
    })
}

fn variables(more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut variables = cloud().variables().unwrap();
    variables.extend([
        ("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY.to_owned()),
        ("BLEEPSTORE_SECRET_KEY", SECRET_KEY.to_owned()),
        ("BLEEPSTORE_LOG", "warn".to_owned()),
    ]);
    for (name, value) in more {
        variables.retain(|(given, _)| given != name);
        variables.push((*name, (*value).to_owned()));
    }
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

/// The app, its host, and a client of it.
struct Hosted {
    host: FunctionsHost,
    s3: S3,
    _app: FunctionApp,
}

/// The host in front of the program, with these settings on top of the usual ones.
fn hosted(more: &[(&'static str, &str)]) -> Hosted {
    let app = FunctionApp::around(Path::new(BINARY)).unwrap();
    let host = FunctionsHost::start(app.folder(), variables(more)).unwrap();
    let s3 = client(host.address());
    Hosted { host, s3, _app: app }
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
    let head = bucket.head("plain").expect(200);
    assert_eq!(
        (head.header("content-length"), head.body.len()),
        (Some("1000001"), 0)
    );
    for key in KEYS {
        bucket.delete(key).expect(204);
    }
    bucket.request("DELETE").expect(204);
}

#[test]
fn behind_the_host_objects_come_back_are_listed_and_go() {
    objects_come_back_are_listed_and_go(&hosted(&[]).s3);
}

#[test]
fn over_http_objects_come_back_are_listed_and_go() {
    let server = ServerProgram::start(Path::new(BINARY), variables(&[])).unwrap();
    objects_come_back_are_listed_and_go(&client(server.address()));
    assert!(server.stop().unwrap(), "it stops without an error when asked");
}

#[test]
fn behind_the_host_a_url_that_is_not_trusted_costs_the_keys_that_the_way_changes() {
    let hosted = hosted(&[("BLEEPSTORE_TRUST_UNENCODED_URL", "false")]);
    let bucket = hosted.s3.bucket();
    bucket.put("plain", "as sent").expect(200);
    assert_eq!(bucket.read("plain"), b"as sent");
    bucket
        .put("a/../b", "changed")
        .expect_error(403, "SignatureDoesNotMatch");
}

#[test]
fn behind_the_host_nobody_gains_by_sending_its_headers() {
    let hosted = hosted(&[]);
    let bucket = hosted.s3.bucket();
    bucket.put("key", "mine").expect(200);
    let mut signed = bucket.get("key").sign();
    for (name, value) in [
        ("x-waws-unencoded-url", "/other/key"),
        ("x-forwarded-host", "other.example"),
    ] {
        signed.headers.push((name.to_owned(), value.to_owned()));
    }
    let answer = hosted.s3.connect().send(&signed).assert_status(200);
    assert_eq!(answer.body, b"mine");
}

#[test]
fn behind_the_host_its_own_paths_are_no_buckets() {
    let hosted = hosted(&[("BLEEPSTORE_DOMAIN", "s3.example.com")]);
    for name in ["admin", "runtime"] {
        // By path the host itself answers.
        let by_path = hosted.s3.request("PUT", &format!("/{name}")).sign();
        let by_path = hosted.s3.connect().send(&by_path);
        assert!(
            by_path.status >= 400 && !by_path.text().contains("<Code>"),
            "{}",
            by_path.text()
        );
        let by_host = hosted
            .s3
            .request("PUT", "/")
            .header("host", format!("{name}.s3.example.com"));
        let error = by_host.expect_error(400, "InvalidBucketName");
        assert_eq!(
            error.message,
            format!(
                "BleepStore on Azure Functions cannot have a bucket {name}: the platform keeps this path to itself. \
                 Choose another name."
            )
        );
    }
}

#[test]
fn behind_the_host_the_timer_collects_garbage_and_keeps_what_is_new() {
    let hosted = hosted(&[]);
    let bucket = hosted.s3.bucket();
    bucket.put("kept", pattern(3, 20_000)).expect(200);
    let invoked = hosted.host.fire_timer().unwrap();
    assert_eq!(invoked.status, 200);
    let document: Value = serde_json::from_slice(&invoked.body).unwrap();
    let report = &document["ReturnValue"];
    assert!(report["seen"]["blobs"].as_u64() > Some(0), "{document}");
    assert_eq!(report["deleted"], json!({"blobs": 0, "bytes": 0}));
    assert!(bucket.read("kept") == pattern(3, 20_000));
}

#[test]
fn behind_the_host_the_timer_is_refused_from_outside() {
    let hosted = hosted(&[]);
    for request in [
        hosted.s3.request("POST", "/bleepstore_gc").anonymous(),
        hosted.s3.request("POST", "/bleepstore_gc"),
    ] {
        request.expect_error(400, "InvalidBucketName");
    }
}

#[test]
fn what_one_process_wrote_another_one_reads() {
    let server = ServerProgram::start(Path::new(BINARY), variables(&[])).unwrap();
    let bucket = client(server.address()).bucket();
    bucket.put("key", "from the server").expect(200);
    let found = hosted(&[]).s3.bucket_named(bucket.name.clone()).read("key");
    assert_eq!(found, b"from the server");
}

#[test]
fn a_missing_setting_is_one_line_and_exit_code_1() {
    let mut command = Command::new(BINARY);
    command.env_clear().env("BLEEPSTORE_REGION", "us-east-1");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "bleepstore-azure: BLEEPSTORE_ACCESS_KEY is not set\n");
}
