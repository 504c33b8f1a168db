//! `/_bleepstore/metrics`.

use std::collections::BTreeMap;

use bleepstore_tests::http::{Response, S3};
use bleepstore_tests::local_server::LocalServer;
use tempfile::TempDir;

fn get(s3: &S3, method: &str) -> Response {
    let request = s3.request(method, "/_bleepstore/metrics").anonymous().sign();
    s3.connect().send(&request)
}

/// The samples by their series.
fn samples(s3: &S3) -> BTreeMap<String, f64> {
    let response = get(s3, "GET").assert_status(200);
    assert_eq!(
        response.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let lines = response.text().lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

#[test]
fn what_the_server_does_shows_in_its_metrics() {
    let folder = TempDir::new().unwrap();
    let server = LocalServer::start(folder.path(), &[]).unwrap();
    let s3 = server.s3();
    let bucket = s3.bucket();
    bucket.put("key", vec![b'b'; 20_000]).expect(200);
    bucket.get("key").expect(200);
    bucket.get("none").expect(404);
    bucket.get("key").keys("AKIAOTHER", "secret").expect(403);

    let samples = samples(&s3);
    let expected = [
        (
            r#"bleepstore_requests_total{operation="CreateBucket",status="200"}"#,
            1,
        ),
        (
            r#"bleepstore_requests_total{operation="PutObject",status="200"}"#,
            1,
        ),
        (
            r#"bleepstore_requests_total{operation="GetObject",status="200"}"#,
            1,
        ),
        (
            r#"bleepstore_requests_total{operation="GetObject",status="403"}"#,
            1,
        ),
        (
            r#"bleepstore_requests_total{operation="GetObject",status="404"}"#,
            1,
        ),
        (r#"bleepstore_request_bytes_total{operation="PutObject"}"#, 20_000),
        (
            r#"bleepstore_database_round_trips_total{operation="PutObject"}"#,
            2,
        ),
        (r#"bleepstore_blob_round_trips_total{operation="PutObject"}"#, 1),
        (r#"bleepstore_blob_round_trips_total{operation="GetObject"}"#, 1),
        (
            r#"bleepstore_request_duration_seconds_count{operation="GetObject"}"#,
            3,
        ),
        (r#"bleepstore_gc_runs_total{outcome="completed"}"#, 0),
    ];
    for (series, value) in expected {
        assert_eq!(
            samples.get(series),
            Some(&f64::from(value)),
            "{series} in {samples:#?}"
        );
    }
    assert!(samples[r#"bleepstore_request_duration_seconds_sum{operation="PutObject"}"#] > 0.0);
    // The store's own record, the bucket, and the object.
    assert!(samples["bleepstore_group_commit_changes_sum"] >= 3.0);
    assert!(samples["bleepstore_connections"] >= 1.0);
    let leaks = |series: &&String| series.contains(&bucket.name) || series.contains("key");
    assert_eq!(samples.keys().find(leaks), None);
    assert!(server.stop().unwrap().0);
}

#[test]
fn metrics_are_only_read_and_can_be_turned_off() {
    let folder = TempDir::new().unwrap();
    let server = LocalServer::start(folder.path(), &[]).unwrap();
    assert_eq!(get(&server.s3(), "HEAD").assert_status(200).body, b"");
    let refused = get(&server.s3(), "PUT").assert_status(405);
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    assert!(server.stop().unwrap().0);

    let off = LocalServer::start(folder.path(), &[("BLEEPSTORE_METRICS", "off")]).unwrap();
    get(&off.s3(), "GET").assert_status(404);
    off.s3().bucket();
    assert!(off.stop().unwrap().0);
}
