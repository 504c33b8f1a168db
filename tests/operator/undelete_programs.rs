//! The subcommand `undelete` of both binaries, beside what serves the store.

use std::time::{SystemTime, UNIX_EPOCH};

use bleepstore_core::model::Timestamp;
use bleepstore_tests::emulators::{AzureCloud, GoogleCloud, MiniStack};
use bleepstore_tests::http::encoding::pattern;
use bleepstore_tests::http::{Bucket, Endpoint, S3};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::program::{Ran, Variables, run, serve};

/// A bucket that keeps versions, served by this.
fn keeping(endpoint: &Endpoint) -> Bucket {
    let s3 = S3 {
        endpoint: endpoint.clone(),
    };
    let bucket = s3.bucket_named("photos".to_owned());
    bucket.request("PUT").expect(200);
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    bucket.request("PUT").flag("versioning").body(enabled).expect(200);
    bucket
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(since.as_millis().try_into().unwrap())
}

/// A time after all that was done, and before all that will be.
fn between() -> String {
    let then = now();
    while now() == then {
        std::hint::spin_loop();
    }
    let seconds = then.iso_8601();
    let seconds = seconds.strip_suffix(".000Z").unwrap();
    format!("{seconds}.{:03}Z", then.millis().rem_euclid(1_000))
}

/// Deletes and overwrites objects beside the running server, brings them back by the subcommand, and reads them through
/// that server. `undelete` runs it with the given arguments.
fn comes_back(endpoint: &Endpoint, undelete: impl Fn(&[&str]) -> Ran) {
    let bucket = keeping(endpoint);
    let large = pattern(1, 300_000);
    bucket
        .put("a/large", large.clone())
        .header("x-amz-meta-name", "value")
        .expect(200);
    bucket.put("a/small é", "small").expect(200);
    bucket.put("b", "other").expect(200);
    let etag = bucket.head("a/large").expect(200).etag();
    let since = between();
    for key in ["a/large", "b"] {
        bucket.delete(key).expect(204);
    }
    bucket.put("a/small é", "overwritten").expect(200);

    let dry = undelete(&["s3://photos/a/", "--since", &since]);
    assert_eq!(dry.code, 0, "{}", dry.error);
    let lines: Vec<&str> = dry.out.lines().collect();
    assert!(
        lines[0].starts_with("would bring back a/large: version ") && lines[0].ends_with("which was deleted"),
        "{}",
        dry.out
    );
    assert!(
        lines[1].ends_with("(5 bytes), which was overwritten"),
        "{}",
        dry.out
    );
    let rest = [
        format!("of 2 keys would bring back 2 (300005 bytes) as they were at {since}"),
        "left alone 0 that did not change, 0 that are as they were, and 0 that had no object then".to_owned(),
        "nothing was changed: --yes does it".to_owned(),
    ];
    assert_eq!(lines[2..], rest);
    bucket.get("a/large").expect(404);

    let report = |ran: Ran| -> Vec<Value> {
        assert_eq!(ran.code, 0, "{}", ran.error);
        let lines = ran.out.lines().map(serde_json::from_str);
        lines.map(Result::unwrap).collect()
    };
    let made = report(undelete(&[
        "s3://photos/a/",
        "--since",
        &since,
        "--yes",
        "--json",
    ]));
    assert_eq!(
        (made.len(), &made[0]["key"], &made[1]["was"]),
        (3, &json!("a/large"), &json!("overwritten"))
    );
    let mut totals = json!({
        "since": since, "keys": 2, "unchanged": 0, "absent": 0, "same": 0, "brought_back": 2, "bytes": 300_005,
        "failed": 0, "dry_run": false,
    });
    assert_eq!(made[2], totals);
    let back = bucket.get("a/large").expect(200);
    assert!(back.body == large);
    assert_eq!(
        (back.etag(), back.header("x-amz-meta-name")),
        (etag, Some("value"))
    );
    assert_eq!(bucket.read("a/small é"), b"small");
    bucket.get("b").expect(404);
    // Nothing went: two versions and a marker, and three versions.
    let listed = bucket
        .request("GET")
        .flag("versions")
        .query("prefix", "a/")
        .expect(200);
    let listed = String::from_utf8(listed.body).unwrap();
    assert_eq!(listed.matches("<Version>").count(), 5, "{listed}");
    assert_eq!(listed.matches("<DeleteMarker>").count(), 1, "{listed}");

    let again = report(undelete(&[
        "s3://photos/a/",
        "--since",
        &since,
        "--yes",
        "--json",
    ]));
    (totals["same"], totals["brought_back"], totals["bytes"]) = (2.into(), 0.into(), 0.into());
    assert_eq!(again, [totals]);
}

fn on_a_cloud(store: &str, binary: &str, variables: Variables) {
    let (server, endpoint) = serve(binary, variables.clone());
    comes_back(&endpoint, |arguments| {
        let all = [&["undelete", "--store", store], arguments].concat();
        run("bleepstore-admin", &variables, &all)
    });
    assert!(server.stop().unwrap());
    let check = ["fsck", "--store", store, "--verify-checksums", "--json"];
    let check = run("bleepstore-admin", &variables, &check).json();
    assert_eq!(check["findings"], json!([]));
}

#[test]
fn on_this_machine_what_was_deleted_comes_back_beside_the_server() {
    let folder = TempDir::new().unwrap();
    let variables = vec![("BLEEPSTORE_DATA_DIR", folder.path().to_str().unwrap().to_owned())];
    let (server, endpoint) = serve("bleepstore", variables.clone());
    comes_back(&endpoint, |arguments| {
        run("bleepstore", &variables, &[&["undelete"], arguments].concat())
    });
    assert!(server.stop().unwrap());
    let check = run(
        "bleepstore",
        &variables,
        &["fsck", "--verify-checksums", "--json"],
    );
    assert_eq!(check.json()["findings"], json!([]));
}

#[test]
fn on_a_log_of_json_lines_what_was_deleted_comes_back_once_the_server_has_stopped() {
    let folder = TempDir::new().unwrap();
    let variables = vec![
        ("BLEEPSTORE_DATA_DIR", folder.path().to_str().unwrap().to_owned()),
        ("BLEEPSTORE_METADATA", "jsonl".to_owned()),
    ];
    let (server, endpoint) = serve("bleepstore", variables.clone());
    let bucket = keeping(&endpoint);
    bucket.put("key", "body").expect(200);
    let since = between();
    bucket.delete("key").expect(204);
    let undelete = ["undelete", "s3://photos", "--since", &since, "--yes"];
    let refused = run("bleepstore", &variables, &undelete);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .error
            .ends_with("have one process at a time: stop the server first\n"),
        "{}",
        refused.error
    );
    assert!(server.stop().unwrap());
    let done = run("bleepstore", &variables, &undelete);
    assert_eq!(done.code, 0, "{}", done.error);
    let (server, endpoint) = serve("bleepstore", variables);
    let s3 = S3 { endpoint };
    assert_eq!(s3.bucket_named("photos".to_owned()).read("key"), b"body");
    assert!(server.stop().unwrap());
}

#[test]
fn on_aws_what_was_deleted_comes_back_beside_the_function() {
    let aws = MiniStack::start().unwrap();
    Runtime::new().unwrap().block_on(aws.provision()).unwrap();
    on_a_cloud("aws", "bootstrap", aws.variables());
}

#[test]
fn on_google_cloud_what_was_deleted_comes_back_beside_the_service() {
    let google = GoogleCloud::start().unwrap();
    Runtime::new().unwrap().block_on(google.provision()).unwrap();
    on_a_cloud("gcp", "bleepstore-gcp", google.variables());
}

#[test]
fn on_azure_what_was_deleted_comes_back_beside_the_function() {
    let azure = AzureCloud::start().unwrap();
    Runtime::new().unwrap().block_on(azure.provision()).unwrap();
    on_a_cloud("azure", "bleepstore-azure", azure.variables().unwrap());
}

#[test]
fn what_cannot_be_brought_back_is_one_line() {
    let folder = TempDir::new().unwrap();
    let variables = vec![("BLEEPSTORE_DATA_DIR", folder.path().to_str().unwrap().to_owned())];
    let (server, endpoint) = serve("bleepstore", variables.clone());
    let s3 = S3 { endpoint };
    s3.bucket_named("plain".to_owned()).request("PUT").expect(200);
    let yet_to_come = now().plus(std::time::Duration::from_secs(3_600)).iso_8601();
    for (arguments, expected, code) in [
        (
            ["s3://plain", "--since", "2h"],
            "the bucket plain never kept versions: what was deleted from it is gone",
            1,
        ),
        (
            ["s3://nowhere/a", "--since", "2h"],
            "there is no bucket nowhere",
            1,
        ),
        (
            ["s3://plain", "--since", &yet_to_come],
            "--since is a time that is yet to come",
            2,
        ),
        (
            ["plain", "--since", "2h"],
            "invalid value 'plain' for '<s3://BUCKET/PREFIX>': expected s3://BUCKET/PREFIX",
            2,
        ),
        (
            ["s3://plain", "--since", "yesterday"],
            "invalid value 'yesterday' for '--since <TIME>': expected a time such as 2026-11-29T10:00:00Z, or a number \
             and s, m, h or d, such as 2h",
            2,
        ),
    ] {
        let ran = run(
            "bleepstore",
            &variables,
            &[&["undelete"], &arguments[..]].concat(),
        );
        assert_eq!(
            (ran.error.as_str(), ran.code),
            (format!("bleepstore: {expected}\n").as_str(), code)
        );
    }
    assert!(server.stop().unwrap());
}
