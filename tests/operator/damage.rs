//! Damage to a data folder: no client gets a wrong byte, everybody else is served, and the tools find it.

use std::fs;
use std::path::{Path, PathBuf};

use bleepstore_tests::http::{Bucket, S3};
use bleepstore_tests::local_server::LocalServer;
use serde_json::Value;
use tempfile::TempDir;

use super::program::{self, Ran};

/// Bodies of up to 16 KiB lie in their records.
const SMALL: &str = "a small body that will be damaged in its record";

/// Four frames of 64 KiB, the last one not whole: what is read at once.
const LARGE: usize = 250_000;

/// What is read in several pieces.
const LONG: usize = 1_000_000;

fn bytes(length: usize, salt: u32) -> Vec<u8> {
    (0..length as u32)
        .map(|n| (n.wrapping_add(salt).wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let variables = [("BLEEPSTORE_DATA_DIR", folder.to_str().unwrap().to_owned())];
    program::run("bleepstore", &variables, arguments)
}

fn serve(folder: &Path) -> (LocalServer, Bucket) {
    let settings = [("BLEEPSTORE_LOG", "error"), ("BLEEPSTORE_GC_EVERY", "off")];
    let server = LocalServer::start(folder, &settings).unwrap();
    let bucket = server.s3().bucket_named("bucket".to_owned());
    (server, bucket)
}

fn filled() -> TempDir {
    let folder = TempDir::new().unwrap();
    let (server, bucket) = serve(folder.path());
    bucket.request("PUT").expect(200);
    bucket.put("small", SMALL).expect(200);
    bucket.put("small neighbour", "as it was").expect(200);
    bucket.put("large", bytes(LARGE, 1)).expect(200);
    bucket.put("neighbour", bytes(LARGE, 2)).expect(200);
    bucket.put("long", bytes(LONG, 3)).expect(200);
    assert!(server.stop().unwrap().0);
    folder
}

/// The file of the blob that begins with these bytes.
fn file_of(folder: &Path, start: &[u8]) -> PathBuf {
    let mut folders = vec![folder.join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read(&path).unwrap().starts_with(start) {
                return path;
            }
        }
    }
    panic!("no file begins so");
}

fn flip(path: &Path, at: usize) {
    let mut file = fs::read(path).unwrap();
    file[at] ^= 0x20;
    fs::write(path, file).unwrap();
}

/// Flips a bit of a body that lies in the database.
fn flip_in_database(folder: &Path, body: &str) {
    let database = folder.join("metadata.sqlite");
    let file = fs::read(&database).unwrap();
    let found = file
        .windows(body.len())
        .position(|bytes| bytes == body.as_bytes());
    flip(&database, found.unwrap() + 3);
}

fn metric(s3: &S3, series: &str) -> f64 {
    let request = s3.request("GET", "/_bleepstore/metrics").anonymous().sign();
    let response = s3.connect().send(&request).assert_status(200);
    let line = response
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    line.unwrap_or_else(|| panic!("{series} is not in {}", response.text()))
}

#[test]
fn a_damaged_body_is_refused_logged_and_counted_and_its_neighbours_are_served() {
    let folder = filled();
    let large = file_of(folder.path(), &bytes(100, 1));
    flip(&large, 140_000);
    flip_in_database(folder.path(), SMALL);

    let (server, bucket) = serve(folder.path());
    bucket.get("large").expect_error(500, "InternalError");
    let damaged = bucket.get("large").header("range", "bytes=131072-131075");
    damaged.expect_error(500, "InternalError");
    for (from, to) in [(0, 131_071), (196_608, LARGE - 1), (100, 100)] {
        let range = format!("bytes={from}-{to}");
        let good = bucket.get("large").header("range", range).expect(206);
        assert!(good.body == bytes(LARGE, 1)[from..=to], "{from}-{to}");
    }
    bucket.get("small").expect_error(500, "InternalError");
    let range = bucket.get("small").header("range", "bytes=20-21");
    range.expect_error(500, "InternalError");
    bucket.copy("small", "copy").expect_error(500, "InternalError");
    bucket.get("copy").expect_error(404, "NoSuchKey");
    assert!(bucket.read("neighbour") == bytes(LARGE, 2));
    assert_eq!(bucket.read("small neighbour"), b"as it was");
    // What heads and listings say is not damaged.
    bucket.head("small").expect(200);
    let s3 = server.s3();
    let counted = |operation| {
        let series = format!("bleepstore_damaged_requests_total{{operation=\"{operation}\"}}");
        metric(&s3, &series)
    };
    assert_eq!((counted("GetObject"), counted("CopyObject")), (4.0, 1.0));

    let (well, log) = server.stop().unwrap();
    assert!(well);
    let sources: Vec<String> = log
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"]["source"].to_string())
        .collect();
    let [first, second, third, ..] = &sources[..] else {
        panic!("{log:?}");
    };
    for line in [first, second] {
        let file = large.file_name().unwrap().to_str().unwrap();
        assert!(
            line.contains(file) && line.contains("from 131072 to 196607"),
            "{line}"
        );
    }
    assert!(third.contains("the record of bucket/small is damaged"), "{third}");
    assert_eq!(sources.len(), 5);
}

#[test]
fn damage_that_a_response_meets_midway_ends_it_before() {
    let folder = filled();
    flip(&file_of(folder.path(), &bytes(100, 3)), 900_000);
    let (server, bucket) = serve(folder.path());
    let request = bucket.get("long").sign();
    let broken = server.s3().connect().try_send(&request);
    assert!(broken.is_err(), "{broken:?}");
    let good = bucket.get("long").header("range", "bytes=0-851967").expect(206);
    assert!(good.body == bytes(LONG, 3)[..851_968]);
    let series = "bleepstore_damaged_requests_total{operation=\"GetObject\"}";
    assert_eq!(metric(&server.s3(), series), 1.0);
    let (well, log) = server.stop().unwrap();
    assert!(well);
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].contains("a response broke off") && log[0].contains("from 851968 to 917503"));
}

#[test]
fn a_check_and_a_scrub_find_all_damage_and_go_on() {
    let folder = filled();
    let whole = run(folder.path(), &["scrub", "--json"]).json();
    assert_eq!(whole["checked"]["blobs"], 3);
    assert_eq!(
        (&whole["bodies"], &whole["damaged"]),
        (&2.into(), &Value::Array(Vec::new()))
    );

    let (large, neighbour) = (
        file_of(folder.path(), &bytes(100, 1)),
        file_of(folder.path(), &bytes(100, 2)),
    );
    flip(&large, LARGE / 2);
    flip_in_database(folder.path(), SMALL);
    let aside = folder.path().join("aside");
    fs::rename(&neighbour, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &neighbour).unwrap();

    let check = run(folder.path(), &["fsck", "--verify-checksums", "--json"]);
    assert_eq!(check.code, 1);
    let report: Value = serde_json::from_str(&check.out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let mut found: Vec<String> = findings
        .map(|finding| format!("{} {}", finding["finding"], finding["named_by"]).replace('"', ""))
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "damaged-body bucket/small",
            "unreadable bucket/large",
            "wrong-checksum bucket/neighbour",
            "wrong-length bucket/neighbour",
        ]
    );

    let scrub = run(folder.path(), &["scrub"]);
    assert_eq!(
        (scrub.code, scrub.error.as_str()),
        (1, "bleepstore: 3 findings\n")
    );
    let mut lines: Vec<&str> = scrub.out.lines().collect();
    lines.sort_unstable();
    let [one, other, summary, body] = lines[..] else {
        panic!("{}", scrub.out);
    };
    assert!(
        one.starts_with("blob ") && other.starts_with("blob "),
        "{one}, {other}"
    );
    assert!(
        body.starts_with("the record of bucket/small is damaged"),
        "{body}"
    );
    assert_eq!(
        summary,
        "checked 1 blobs (1000000 bytes) and 2 bodies in records, rewrote 0 blobs (0 bytes)"
    );
}

#[test]
fn a_scrub_has_the_folder_to_itself() {
    let folder = filled();
    let (server, _) = serve(folder.path());
    let refused = run(folder.path(), &["scrub"]);
    assert!(
        refused.error.ends_with("is in use by another server\n"),
        "{}",
        refused.error
    );
    assert_eq!(refused.code, 1);
    assert!(server.stop().unwrap().0);
}
