//! Makes the fixtures of a release. Not a test of anything: `tests/fixtures/README.md` says when it is run and how.

use std::fs;

use bleepstore_core::ports::Clock;
use bleepstore_http::SystemClock;
use bleepstore_tests::http::encoding::sha256_hex;
use bleepstore_tests::http::{ALICE, BOB};
use serde_json::{Value, json};

use crate::content;
use crate::fixture::Fixture;
use crate::observed::observed;
use crate::released::{Released, path};
use crate::stored::s3_at;
use crate::stores::{Cosmos, DynamoDb, Firestore, Jsonl, Source, Sqlite};

#[test]
#[ignore = "writes tests/fixtures/RELEASE with the programs of a release"]
fn the_fixtures_of_a_release() {
    let released = Released::from_environment();
    make::<Sqlite>(&released);
    make::<Jsonl>(&released);
    make::<DynamoDb>(&released);
    make::<Firestore>(&released);
    make::<Cosmos>(&released);
}

/// Makes one store's, unless it is there: what is there is never made anew.
fn make<S: Source>(released: &Released) {
    let fixture = Fixture::of::<S>(&released.release);
    if fixture.exists() {
        return eprintln!("{} is there already", S::NAME);
    }
    let source = S::start();
    let deployed = source.deployed();
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials.jsonl");
    fs::write(&credentials, keys_of_others()).unwrap();
    released.run(&deployed, "import", &[path(&credentials)]);

    let server = released.serve(&deployed).unwrap();
    let s3 = s3_at(server.address());
    let mut expected = content::write(&s3, S::PIECES);
    expected["observed"] = observed(&s3);
    server.stop();

    let checked = released.run(
        &deployed,
        "fsck",
        &["--json", "--verify-checksums", "--grace", "0s"],
    );
    expected["checked"] = serde_json::from_slice(&checked).unwrap();
    let export = folder.path().join("export.jsonl");
    released.run(&deployed, "export", &["--secrets", path(&export)]);
    expected["made"] = SystemClock.now().millis().into();
    expected["release"] = released.release.as_str().into();
    source.keep(&fixture);
    fixture.keep_text("export.jsonl", &fs::read(&export).unwrap());
    let expected = serde_json::to_vec_pretty(&expected).unwrap();
    fixture.keep_text("expected.json", &expected);
}

/// An export of nothing but credentials, so that the keys are these and not random ones that look like secrets.
fn keys_of_others() -> String {
    let header = json!({"header": {
        "format": "bleepstore-export",
        "version": 1,
        "store": "f1c7",
        "epoch": 1,
        "created": 0,
        "secrets": true,
    }});
    let mut lines = header.to_string() + "\n";
    for account in [ALICE, BOB] {
        let credential = account.credential();
        let line: Value = json!({"credential": {
            "access_key": credential.access_key,
            "secret_key": credential.secret_key,
            "owner": {"id": credential.owner.id, "display_name": credential.owner.display_name},
            "created": credential.created.millis(),
        }});
        lines += &format!("{line}\n");
    }
    lines = lines.replace("f1c7", &"f1c7".repeat(8));
    let trailer = json!({"trailer": {
        "counts": {"credentials": 2, "buckets": 0, "objects": 0, "uploads": 0, "parts": 0},
        "sha256": sha256_hex(lines.as_bytes()),
    }});
    lines + &format!("{trailer}\n")
}
