//! Programs of release 0.1 on stores that a later program has raised: they check no format, and are kept off by what they do
//! read. These run the release's own programs, which `cargo xtask released` builds.

use std::env;
use std::path::PathBuf;

use bleepstore_core::Ports;
use bleepstore_core::model::{BucketLayout, BucketName, Format};
use bleepstore_core::ops::raise_format;
use bleepstore_core::ports::{OwnerRecord, StoreErrorKind, StoreRecord};
use bleepstore_tests::http::encoding::pattern;
use bleepstore_tests::http::{OWNER_WRITER, S3};

use crate::fixture::Fixture;
use crate::released::{Released, Server, path};
use crate::stored::s3_at;
use crate::stores::{Cosmos, DynamoDb, Firestore, Jsonl, Source, Sqlite, runtime};

/// Where `cargo xtask released` leaves the programs of that release.
fn released() -> Released {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/released/0.1");
    let programs = env::var_os("BLEEPSTORE_RELEASED_PROGRAMS").map_or_else(|| built.into(), PathBuf::from);
    assert!(
        programs.join("bleepstore").is_file(),
        "the programs of release 0.1 are not in {}: cargo xtask released",
        programs.display()
    );
    Released {
        release: "0.1".to_owned(),
        programs,
    }
}

/// A bucket that a later program leaves alone, one that it gives a feature, and bytes in both that nothing names.
fn fill(s3: &S3) {
    for name in ["plain", "featured"] {
        let bucket = s3.bucket_named(name.to_owned());
        bucket.request("PUT").expect(200);
        bucket.put("small", "small").expect(200);
        bucket.put("large", pattern(1, 300_000)).expect(200);
        let upload = bucket.begin_upload("open");
        bucket.upload_part("open", &upload, 1, &pattern(2, 100_000));
        bucket.upload_part("open", &upload, 1, &pattern(3, 100_000));
    }
}

/// What a later program does, which knows the format that it raises the store to and the layout of the one bucket,
/// and keys with a policy.
async fn fence(ports: Ports) {
    let limited = OWNER_WRITER.credential();
    assert!(ports.metadata.create_credential(&limited).await.unwrap());
    raise_beyond(&ports).await;
    let refused = ports.metadata.store_record().await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::TooNew);
    let name = BucketName::new("featured").unwrap();
    let bucket = ports.metadata.bucket(&name).await.unwrap().unwrap();
    let mut featured = bucket.clone();
    featured.revision = bucket.revision.next();
    featured.layout = BucketLayout(BucketLayout::LATEST.0 + 1);
    let updated = ports.metadata.update_bucket(&featured, bucket.revision).await;
    assert!(updated.unwrap());
}

/// A format that no program of today knows.
pub(crate) const LATER: Format = Format(Format::LATEST.0 + 1);

/// Raises the store to it, as a program does that knows it.
pub(crate) async fn raise_beyond(ports: &Ports) {
    raise_format(ports, Format::LATEST).await.unwrap();
    let record = ports.metadata.store_record().await.unwrap().unwrap();
    let later = StoreRecord {
        format: LATER,
        ..record
    };
    let swapped = ports.metadata.swap_store_record(Some(&record), &later).await;
    assert!(swapped.unwrap());
    ports.blobs.set_owner(&OwnerRecord::of(&later)).await.unwrap();
}

/// Every row, and every byte. `keep` is how fixtures are made.
pub(crate) fn dumped<S: Source>(source: &S) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let dump = Fixture::at(folder.path());
    source.keep(&dump);
    dump.tree("")
}

pub(crate) fn filled<S: Source>(released: &Released) -> S {
    let source = S::start();
    let server = released.serve(&source.deployed()).unwrap();
    fill(&s3_at(server.address()));
    server.stop();
    source
}

/// The tools of 0.1 that would change something each refuse, and leave everything as it is.
fn tools_change_nothing<S: Source>(released: &Released, source: &S) {
    let before = dumped(source);
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export.jsonl");
    let collect = ["--grace", "0s", "--force", "--exclusive"];
    let keep = ["--secrets", path(&export)];
    for (subcommand, arguments) in [("gc", &collect[..]), ("export", &keep[..])] {
        let output = released.ended(&source.deployed(), subcommand, arguments);
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{subcommand}: {line}");
        assert!(!line.contains("panicked"), "{subcommand}: {line}");
    }
    assert!(!export.exists());
    assert!(dumped(source) == before, "a tool of 0.1 has changed something");
}

/// In a cloud nobody looks at a version: 0.1 starts, and serves what the later program has left alone.
fn on_a_cloud<S: Source>() {
    let released = released();
    let source: S = filled(&released);
    // One that runs on while the later program begins.
    let running = released.serve(&source.deployed()).unwrap();
    runtime().block_on(source.opened_today(fence));
    tools_change_nothing(&released, &source);
    let started = released.serve(&source.deployed()).unwrap();
    for server in [running, started] {
        serves_nothing_wrongly(&source, server);
    }
}

fn serves_nothing_wrongly<S: Source>(source: &S, server: Server) {
    let s3 = s3_at(server.address());
    let plain = s3.bucket_named("plain".to_owned());
    assert_eq!(plain.read("large"), pattern(1, 300_000));
    let before = dumped(source);
    let featured = s3.bucket_named("featured".to_owned());
    // A key of the same account, which 0.1 must not take for one without limits.
    let limited = plain.acting_for(&OWNER_WRITER);
    for refused in [
        limited.get("small"),
        limited.delete("small"),
        featured.get("small"),
        featured.head("large"),
        featured.put("small", "overwritten"),
        featured.put("new", pattern(4, 300_000)),
        featured.delete("small"),
        featured.request("GET"),
        featured.request("HEAD"),
        featured.request("DELETE"),
        featured.request("GET").flag("uploads"),
        featured.request("PUT").flag("acl").header("x-amz-acl", "private"),
        plain
            .object("PUT", "copied")
            .header("x-amz-copy-source", "/featured/small"),
    ] {
        let answer = refused.send();
        assert_eq!(answer.status, 500, "{answer:?}");
    }
    assert!(dumped(source) == before, "0.1 has changed something");
    // On Cosmos DB this leaves a name in the index of buckets, which counts for nothing.
    featured.request("PUT").expect(500);
    plain.put("small", "still served").expect(200);
    server.stop();
}

/// A data folder is refused as a whole: its database and its log have versions that 0.1 looks at.
fn on_this_machine<S: Source>() {
    let released = released();
    let source: S = filled(&released);
    runtime().block_on(source.opened_today(fence));
    let before = dumped(&source);
    let refused = released.serve(&source.deployed());
    assert!(refused.is_err(), "0.1 serves what it does not know");
    assert!(dumped(&source) == before, "0.1 has changed something");
    tools_change_nothing(&released, &source);
}

#[test]
fn programs_of_0_1_do_nothing_wrong_on_dynamodb() {
    on_a_cloud::<DynamoDb>();
}

#[test]
fn programs_of_0_1_do_nothing_wrong_on_firestore() {
    on_a_cloud::<Firestore>();
}

#[test]
fn programs_of_0_1_do_nothing_wrong_on_cosmos() {
    on_a_cloud::<Cosmos>();
}

#[test]
fn programs_of_0_1_do_nothing_wrong_on_sqlite() {
    on_this_machine::<Sqlite>();
}

#[test]
fn programs_of_0_1_do_nothing_wrong_on_jsonl() {
    on_this_machine::<Jsonl>();
}
