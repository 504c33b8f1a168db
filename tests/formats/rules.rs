//! What holds of every fixture in every store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::memory::MemoryMetadata;
use bleepstore_core::model::{Credential, ETag, ErrorCode, Format, Timestamp, UploadId};
use bleepstore_core::ops::{Finding, FsckOptions, FsckReport, GcOptions, Progress, import, raise_format};
use bleepstore_core::ports::Ports;
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::Deployment;
use bleepstore_tests::http::encoding::percent_path;
use bleepstore_tests::http::{ALICE, ALICE_READER, BOB, Bucket, UploadedPart};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::content::{ALICES, PHOTOS, RETIRED, UNNAMED, lines, long_key, unfinished};
use crate::observed::{asked, observed};
use crate::stored::Stored;
use crate::text;

/// How long a retired manifest keeps its bytes, and some more.
const MORE_THAN_A_DAY: Duration = Duration::from_secs(25 * 60 * 60);

pub(crate) fn objects_buckets_and_uploads_are_seen_as_they_were(stored: &Stored) {
    is_seen_as_it_was(stored, stored.ports_of_today());
}

#[track_caller]
fn is_seen_as_it_was(stored: &Stored, ports: Ports) {
    assert_same(
        "",
        &observed(&stored.serve(ports)),
        &shown_today(&stored.expected["observed"]),
    );
}

/// What 0.1 showed otherwise than AWS does, and later releases do not: it called the checksum of a part `FULL_OBJECT` where that
/// of the object is `COMPOSITE`.
fn shown_today(then: &Value) -> Value {
    const TYPE: &str = "x-amz-checksum-type";
    let mut then = then.clone();
    let buckets = then.as_object_mut().unwrap().values_mut();
    for object in buckets
        .filter_map(|bucket| bucket.get_mut("objects")?.as_object_mut())
        .flat_map(|objects| objects.values_mut())
    {
        if object["headers"][TYPE] == "COMPOSITE" {
            let parts = object["parts"].as_array_mut().unwrap().iter_mut();
            for part in parts.filter(|part| part.get(TYPE).is_some()) {
                part[TYPE] = "COMPOSITE".into();
            }
        }
    }
    then
}

/// Compares member by member, so that a failure shows the one that differs.
#[track_caller]
fn assert_same(path: &str, now: &Value, then: &Value) {
    let (Some(now), Some(then)) = (now.as_object(), then.as_object()) else {
        return assert_eq!(now, then, "{path}");
    };
    let names: BTreeSet<&String> = now.keys().chain(then.keys()).collect();
    for name in names {
        let member = |of: &serde_json::Map<String, Value>| of.get(name).cloned().unwrap_or_default();
        assert_same(&format!("{path}.{name}"), &member(now), &member(then));
    }
}

pub(crate) fn an_open_upload_is_completed(stored: &Stored) {
    let photos = stored.served().bucket_named(PHOTOS.to_owned());
    let open = &stored.expected["open"];
    let (key, upload) = (text(open, "key"), text(open, "upload"));
    let parts: Vec<UploadedPart> = parts(open)
        .map(|(number, etag)| UploadedPart {
            number: number.try_into().unwrap(),
            etag: etag.to_owned(),
        })
        .collect();
    photos.complete(key, upload, &parts).expect(200);
    // What the upload said of the object holds of it.
    let got = photos.get(key).anonymous().expect(200);
    assert_eq!(got.required("x-amz-meta-color"), "violet");
    assert!(got.body == unfinished());
    photos.list_parts(key, upload).expect_error(404, "NoSuchUpload");
}

/// The numbers and ETags of an upload's parts.
fn parts(upload: &Value) -> impl Iterator<Item = (u64, &str)> {
    let parts = upload["parts"].as_array().unwrap().iter();
    parts.map(|part| (part["number"].as_u64().unwrap(), text(part, "etag")))
}

pub(crate) fn a_completed_upload_is_answered_by_its_receipt_and_an_aborted_one_stays_gone(stored: &Stored) {
    let (completed, aborted) = (&stored.expected["completed"], &stored.expected["aborted"]);
    let upload = |of: &Value| text(of, "upload").parse::<UploadId>().unwrap();
    let parts: Vec<(u64, ETag)> = parts(completed)
        .map(|(number, etag)| (number, tag(etag)))
        .collect();
    stored.block_on(async {
        let clock = Arc::new(ManualClock::at(made(stored)));
        let (metadata, blobs) = (stored.metadata.clone(), stored.blobs.clone());
        let store = Deployment::over(metadata, blobs, clock, Arc::new(PassThrough)).await;
        let again = store
            .complete((PHOTOS, text(completed, "key")), upload(completed), &parts)
            .await;
        assert_eq!(again.unwrap().etag, tag(text(completed, "etag")));
        let gone = (PHOTOS, text(aborted, "key"));
        let again = store.complete(gone, upload(aborted), &parts).await;
        assert_eq!(again.unwrap_err().code, ErrorCode::NoSuchUpload);
        let again = store.abort(gone, upload(aborted)).await;
        assert_eq!(again.unwrap_err().code, ErrorCode::NoSuchUpload);
    });
}

fn made(stored: &Stored) -> Timestamp {
    Timestamp::from_millis(stored.expected["made"].as_i64().unwrap())
}

fn tag(quoted: &str) -> ETag {
    ETag::from_client(quoted)
}

pub(crate) fn objects_are_written_overwritten_copied_renamed_and_deleted(stored: &Stored) {
    let s3 = stored.served();
    let photos = s3.bucket_named(PHOTOS.to_owned());
    for key in [
        "new",
        "new/large",
        "inline",
        "empty",
        "large",
        "headers",
        "parts/sent",
        "parts/spilled",
        "copies/itself",
    ] {
        let body = lines(key.len() * 4_000);
        photos.put(key, body.clone()).expect(200);
        assert!(photos.read(key) == body, "{key}");
    }
    // The bytes that a copy shares with what was overwritten are still there.
    assert!(photos.read("copies/large") == lines(20_011));
    assert_eq!(photos.read("copies/headers"), b"with headers");
    for (from, to) in [
        ("renamed", "renamed again"),
        ("parts/copied", "moved/copied"),
        ("acls/granted", "alice's own"),
    ] {
        let before = asked(photos.head(from));
        rename(&photos, from, to);
        assert_eq!(asked(photos.head(to)), before);
        photos.get(from).expect_error(404, "NoSuchKey");
    }
    assert_eq!(photos.acting_for(&ALICE).read("alice's own"), b"for Alice");
    photos.copy("checksums/sha256", "copies/again").expect(200);
    assert!(photos.read("copies/again") == lines(17_003));
    photos
        .object("PUT", "acls/public")
        .flag("acl")
        .header("x-amz-acl", "private")
        .expect(200);
    photos
        .get("acls/public")
        .anonymous()
        .expect_error(403, "AccessDenied");
    for key in [
        "empty",
        "a//b",
        "/leading",
        "ünï/日本語",
        "checksums/sha256",
        "moved/copied",
        &long_key(),
    ] {
        photos.delete(key).expect(204);
        photos.get(key).expect_error(404, "NoSuchKey");
    }
    let alices = s3.acting_for(&ALICE).bucket_named(ALICES.to_owned());
    for key in ["private", "from the other bucket"] {
        alices.delete(key).expect(204);
    }
    alices.request("DELETE").expect(204);
    let orphans = |finding: &Finding| matches!(finding, Finding::Orphan { .. });
    let report = stored.check(&thorough(FsckOptions::default().grace));
    assert!(report.findings.iter().all(orphans), "{:?}", report.findings);
}

#[track_caller]
fn rename(bucket: &Bucket, from: &str, to: &str) {
    let rename = bucket.object("PUT", to).flag("renameObject");
    rename
        .header("x-amz-rename-source", percent_path(from))
        .expect(200);
}

fn thorough(grace: Duration) -> FsckOptions {
    FsckOptions {
        grace,
        verify_checksums: true,
        ..FsckOptions::default()
    }
}

pub(crate) fn a_check_finds_what_it_found_then_and_no_more(stored: &Stored) {
    // The release's own check had the store to itself, and took what only retired manifests name for garbage too.
    let now = stored.check(&thorough(Duration::ZERO));
    let then = &stored.expected["checked"];
    let tally = |tally: bleepstore_core::ops::Tally| json!({ "blobs": tally.blobs, "bytes": tally.bytes });
    assert_eq!(tally(now.blobs), then["blobs"]);
    assert_eq!(tally(now.verified), then["verified"]);
    assert_eq!(json!(now.records), then["records"]);
    let blobs: BTreeSet<String> = now.findings.iter().map(orphan).map(|(blob, _)| blob).collect();
    assert_eq!(blobs, unnamed_then(stored));
    // The usual one.
    assert_eq!(
        orphans(&stored.check(&thorough(FsckOptions::default().grace))),
        UNNAMED.map(|size| size as u64)
    );
}

/// The sizes of orphans; nothing else was found.
#[track_caller]
fn orphans(report: &FsckReport) -> Vec<u64> {
    let mut sizes: Vec<u64> = report.findings.iter().map(|finding| orphan(finding).1).collect();
    sizes.sort_unstable();
    sizes
}

#[track_caller]
fn orphan(finding: &Finding) -> (String, u64) {
    match finding {
        Finding::Orphan { blob, size, .. } => (blob.to_string(), *size),
        other => panic!("{other}"),
    }
}

/// The blobs that the release's own check took for garbage.
#[track_caller]
fn unnamed_then(stored: &Stored) -> BTreeSet<String> {
    let findings = stored.expected["checked"]["findings"].as_array().unwrap();
    let blobs = findings.iter().map(|finding| {
        assert_eq!(finding["finding"], "orphan");
        text(finding, "blob").to_owned()
    });
    blobs.collect()
}

pub(crate) fn gc_frees_what_nothing_names_and_retired_bytes_once_their_day_is_over(stored: &Stored) {
    let before = stored.blob_sizes();
    let options = GcOptions {
        // A fixture is small, so that much of it is garbage.
        force: true,
        ..GcOptions::default()
    };
    assert_eq!(stored.collect(&options).deleted.blobs, UNNAMED.len());
    let after = stored.blob_sizes();
    let gone = |size: &u64| UNNAMED.iter().any(|unnamed| *unnamed as u64 == *size);
    let kept: Vec<u64> = before.into_iter().filter(|size| !gone(size)).collect();
    assert_eq!(after, kept);
    assert!(after.contains(&(RETIRED as u64)));
    stored.clock.advance(MORE_THAN_A_DAY);
    let retired = unnamed_then(stored).len() - UNNAMED.len();
    assert_eq!(stored.collect(&options).deleted.blobs, retired);
    assert!(!stored.blob_sizes().contains(&(RETIRED as u64)));
    assert_eq!(stored.collect(&options).deleted.blobs, 0);
    is_seen_as_it_was(stored, stored.ports_of_today());
}

pub(crate) fn gc_that_has_the_store_to_itself_frees_what_a_check_found_then(stored: &Stored) {
    let options = GcOptions {
        grace: Duration::ZERO,
        exclusive: true,
        force: true,
        ..GcOptions::default()
    };
    assert_eq!(stored.collect(&options).deleted.blobs, unnamed_then(stored).len());
    is_seen_as_it_was(stored, stored.ports_of_today());
    assert_eq!(stored.check(&thorough(Duration::ZERO)).findings, []);
}

const EXPORT: &str = "export.jsonl";

pub(crate) fn an_export_says_what_it_said_then(stored: &Stored) {
    let now = String::from_utf8(stored.exported().to_vec()).unwrap();
    let now: Vec<Value> = now
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let then = stored.fixture.lines(EXPORT);
    assert_eq!(now.len(), then.len());
    for name in ["store", "epoch", "secrets"] {
        assert_eq!(now[0]["header"][name], then[0]["header"][name]);
    }
    let last = then.len() - 1;
    for (now, then) in now[1..last].iter().zip(&then[1..last]) {
        assert_same("", now, then);
    }
    assert_eq!(now[last]["trailer"]["counts"], then[last]["trailer"]["counts"]);
}

/// A key that never had a policy, and one that had one for a while.
pub(crate) fn an_access_key_is_written_as_it_was(stored: &Stored) {
    let export = String::from_utf8(stored.fixture.file(EXPORT)).unwrap();
    for account in [ALICE, BOB] {
        let plain = account.credential();
        let read = || {
            let found = stored.block_on(stored.metadata.credential(&plain.access_key));
            let found = found.unwrap().unwrap();
            let row = serde_json::to_string(&found).unwrap();
            assert!(export.contains(&format!("{{\"credential\":{row}}}\n")), "{row}");
            found
        };
        assert_eq!(read(), plain);
        let limited = Credential {
            user: ALICE_READER.credential().user,
            expires: Some(made(stored)),
            ..plain.clone()
        };
        for credential in [&limited, &plain] {
            let replaced = stored.metadata.replace_credential(credential);
            assert!(stored.block_on(replaced).unwrap());
        }
        assert_eq!(read(), plain);
    }
}

pub(crate) fn an_export_of_then_is_imported_whole(stored: &Stored) {
    let ports = Ports {
        metadata: Arc::new(MemoryMetadata::default()),
        blobs: stored.blobs.clone(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    };
    let export = Bytes::from(stored.fixture.file(EXPORT));
    let progress = Progress::default();
    let imported = import(&ports, stream::iter([Ok(export)]).boxed(), &progress);
    let report = stored.block_on(imported).unwrap();
    let then = stored.fixture.lines(EXPORT);
    let counts = &then.last().unwrap()["trailer"]["counts"];
    assert_eq!(&serde_json::to_value(report.counts).unwrap(), counts);
    assert_eq!(report.without_secret, 0);
    is_seen_as_it_was(stored, ports);
}

/// What a later feature does to the store first: it is read, checked, collected and exported as before.
pub(crate) fn it_goes_on_once_its_format_has_risen(stored: &Stored) {
    stored
        .block_on(raise_format(&stored.ports(), Format::FENCED))
        .unwrap();
    let record = stored.block_on(stored.metadata.store_record()).unwrap().unwrap();
    assert_eq!((record.format, record.active), (Format::FENCED, true));
    objects_buckets_and_uploads_are_seen_as_they_were(stored);
    a_check_finds_what_it_found_then_and_no_more(stored);
    an_export_says_what_it_said_then(stored);
    gc_frees_what_nothing_names_and_retired_bytes_once_their_day_is_over(stored);
    is_seen_as_it_was(stored, stored.ports_of_today());
}
