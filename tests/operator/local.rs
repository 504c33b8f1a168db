//! The subcommands of the binary `bleepstore`, on a folder and beside a server that holds it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bleepstore_tests::emulators::{ServerProgram, binary};
use bleepstore_tests::http::{Endpoint, Request};
use serde_json::Value;
use tempfile::TempDir;

use super::program::{self, Ran, Variables};

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    program::run("bleepstore", &on(folder), arguments)
}

/// The one line of a run that failed, without the program's name.
fn refusal(folder: &Path, arguments: &[&str]) -> (String, i32) {
    let ran = run(folder, arguments);
    let line = ran.error.lines().last().unwrap_or_default();
    let line = line.strip_prefix("bleepstore: ").unwrap_or(&ran.error);
    (line.to_owned(), ran.code)
}

fn serve(folder: &Path) -> (ServerProgram, Endpoint) {
    program::serve("bleepstore", on(folder))
}

fn on(folder: &Path) -> Variables {
    vec![("BLEEPSTORE_DATA_DIR", folder.to_str().unwrap().to_owned())]
}

/// A folder that a server has used: a bucket with a small object and one in a blob.
fn used() -> TempDir {
    let folder = TempDir::new().unwrap();
    let (server, endpoint) = serve(folder.path());
    Request::new(&endpoint, "PUT", "/bucket").expect(200);
    Request::new(&endpoint, "PUT", "/bucket/small")
        .body("small")
        .expect(200);
    Request::new(&endpoint, "PUT", "/bucket/large")
        .body(vec![b'l'; 100_000])
        .expect(200);
    assert!(server.stop().unwrap());
    folder
}

/// The files of blobs.
fn blobs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "c1") {
                found.push(path);
            }
        }
    }
    found
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn keys_that_are_made_beside_a_server_sign_requests_for_their_owner() {
    let folder = TempDir::new().unwrap();
    let (server, endpoint) = serve(folder.path());
    let made = run(
        folder.path(),
        &["credentials", "create", "--display-name", "Zoë", "--json"],
    )
    .json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (access_key, secret_key) = (text("access_key"), text("secret_key"));
    assert_eq!(
        (access_key.len(), secret_key.len(), text("owner").len()),
        (20, 40, 64)
    );
    let by_zoe = |method, path| Request::new(&endpoint, method, path).keys(&access_key, &secret_key);
    by_zoe("PUT", "/zoes").expect(200);
    by_zoe("PUT", "/zoes/key").body("hers").expect(200);
    let buckets = by_zoe("GET", "/").expect(200);
    let buckets = String::from_utf8(buckets.body.clone()).unwrap();
    assert!(
        buckets.contains("<Name>zoes</Name>") && buckets.contains(&text("owner")),
        "{buckets}"
    );
    Request::new(&endpoint, "GET", "/zoes/key").expect_error(403, "AccessDenied");

    // Another key of the same account, whose name is known by now.
    let second = run(
        folder.path(),
        &["credentials", "create", "--owner", &text("owner"), "--json"],
    )
    .json();
    assert_eq!(second["display_name"], "Zoë");
    let listed = run(folder.path(), &["credentials", "list", "--json"]);
    assert!(!listed.out.contains("secret"));
    assert_eq!(listed.json().as_array().unwrap().len(), 2);
    let key = second["access_key"].as_str().unwrap();
    assert_eq!(run(folder.path(), &["credentials", "revoke", key]).code, 0);
    let secret = second["secret_key"].as_str().unwrap();
    Request::new(&endpoint, "GET", "/")
        .keys(key, secret)
        .expect_error(403, "InvalidAccessKeyId");
    let again = refusal(folder.path(), &["credentials", "revoke", key]);
    assert_eq!(again, (format!("there is no access key {key}"), 1));
    assert!(server.stop().unwrap());
}

#[test]
fn a_folder_is_restored_from_an_export_and_its_blobs() {
    let folder = used();
    let (server, _) = serve(folder.path());
    let export = folder.path().join("export.jsonl");
    let name = export.to_str().unwrap();
    let ran = run(folder.path(), &["export", name]);
    assert_eq!(ran.code, 0, "{}", ran.error);
    assert_eq!(
        refusal(folder.path(), &["export", name]),
        (format!("{name} exists already"), 1)
    );
    let (line, code) = refusal(folder.path(), &["import", name]);
    assert!(line.ends_with("is in use by another server"), "{line}");
    assert_eq!(code, 1);
    assert!(server.stop().unwrap());
    assert_eq!(
        refusal(folder.path(), &["import", name]).0,
        "the metadata store is not empty: an import needs one that holds no buckets and no credentials"
    );

    let restored = TempDir::new().unwrap();
    copy_folder(&folder.path().join("blobs"), &restored.path().join("blobs"));
    let ran = run(restored.path(), &["import", name]);
    assert_eq!(
        ran.out,
        "imported 1 buckets, 2 objects, 0 open uploads with 0 parts, 0 credentials; the epoch is 2\n"
    );
    assert_eq!(run(restored.path(), &["fsck", "--verify-checksums"]).code, 0);
    let (server, endpoint) = serve(restored.path());
    assert_eq!(
        Request::new(&endpoint, "GET", "/bucket/small").expect(200).body,
        b"small"
    );
    assert_eq!(
        Request::new(&endpoint, "GET", "/bucket/large").expect(200).body,
        vec![b'l'; 100_000]
    );
    assert!(server.stop().unwrap());
}

#[test]
fn an_export_that_is_cut_off_changes_nothing() {
    let folder = used();
    let whole = run(folder.path(), &["export"]);
    let new = TempDir::new().unwrap();
    let cut = new.path().join("cut.jsonl");
    fs::write(&cut, &whole.out[..whole.out.len() / 2]).unwrap();
    let data = new.path().join("data");
    let (line, code) = refusal(&data, &["import", cut.to_str().unwrap()]);
    assert!(
        line.starts_with("line ") && line.ends_with("; nothing was changed"),
        "{line}"
    );
    assert_eq!(code, 1);
    fs::write(&cut, &whole.out).unwrap();
    assert_eq!(run(&data, &["import", cut.to_str().unwrap()]).code, 0);
    // The bytes are not there, and a check says so.
    let ran = run(&data, &["fsck"]);
    assert!(ran.out.starts_with("missing: blob "), "{}", ran.out);
    assert_eq!((ran.error.as_str(), ran.code), ("bleepstore: 1 finding\n", 1));
}

/// The export arrives through a pipe that stays open, so that the import cannot end by itself.
#[test]
fn a_signal_stops_an_import_which_then_goes_on() {
    let folder = used();
    let whole = run(folder.path(), &["export"]).out;
    let restored = TempDir::new().unwrap();
    copy_folder(&folder.path().join("blobs"), &restored.path().join("blobs"));
    let mut import = Command::new(binary("bleepstore").unwrap())
        .env_clear()
        .envs(on(restored.path()))
        .args(["import", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = import.stdin.take().unwrap();
    pipe.write_all(&whole.as_bytes()[..whole.len() - 10]).unwrap();
    // The store says when the import has begun; each look at it is a process of its own.
    let mut looks = 0..1_000;
    let begun = looks.any(|_| {
        let stats = run(restored.path(), &["stats", "--json"]);
        serde_json::from_str::<Value>(&stats.out).is_ok_and(|stats| stats["active"] == false)
    });
    if !begun {
        drop(pipe);
        let ended = import.wait_with_output().unwrap();
        panic!("it did not begin: {}", String::from_utf8_lossy(&ended.stderr));
    }
    let kill = Command::new("kill")
        .arg(import.id().to_string())
        .status()
        .unwrap();
    assert!(kill.success());
    let ended = import.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8(ended.stderr).unwrap(),
        "bleepstore: stopped by a signal\n"
    );
    assert_eq!(ended.status.code(), Some(1));
    let export = restored.path().join("export.jsonl");
    fs::write(&export, &whole).unwrap();
    let ran = run(restored.path(), &["import", export.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.error);
    assert_eq!(run(restored.path(), &["fsck", "--verify-checksums"]).code, 0);
}

#[test]
fn a_check_finds_what_a_disk_did() {
    let folder = used();
    let clean = run(folder.path(), &["fsck", "--verify-checksums", "--json"]).json();
    assert_eq!(clean["findings"], serde_json::json!([]));
    assert_eq!(clean["verified"]["bytes"], 100_000);
    let [blob] = &blobs(folder.path())[..] else {
        panic!("there is one blob");
    };
    let mut bytes = fs::read(blob).unwrap();
    bytes[50_000] ^= 1;
    fs::write(blob, &bytes).unwrap();
    assert_eq!(run(folder.path(), &["fsck"]).code, 0);
    let ran = run(folder.path(), &["fsck", "--verify-checksums", "--json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["findings"][0]["finding"], "unreadable");
    assert_eq!(report["findings"][0]["named_by"], "bucket/large");
    assert_eq!(ran.code, 1);
}

#[test]
fn garbage_goes_beside_a_server_with_the_usual_grace_only() {
    let folder = used();
    let bucket = blobs(folder.path())[0].ancestors().nth(3).unwrap().to_owned();
    let orphan = bucket.join("ff/ff/ffffffffffffffffffffffffffffffff");
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, "nothing names this").unwrap();
    let (server, _) = serve(folder.path());
    assert_eq!(
        refusal(folder.path(), &["gc", "--grace", "0s"]),
        (
            "others may use the store: --grace less than 24h would take away what they are writing"
                .to_owned(),
            1
        )
    );
    let (line, code) = refusal(folder.path(), &["gc", "--exclusive"]);
    assert!(line.ends_with("is in use by another server"), "{line}");
    assert_eq!(code, 1);
    assert_eq!(
        run(folder.path(), &["gc"]).out,
        "looked at 2 blobs (100018 bytes), deleted 0 blobs (0 bytes)\n"
    );
    assert!(server.stop().unwrap());
    let stats = run(folder.path(), &["stats", "--json"]).json();
    assert_eq!(
        (&stats["blobs"]["blobs"], &stats["buckets"][0]["objects"]),
        (&2.into(), &2.into())
    );
    assert!(orphan.exists());
    let report = run(folder.path(), &["gc", "--grace", "0s", "--force", "--json"]).json();
    assert_eq!(report["deleted"], serde_json::json!({ "blobs": 1, "bytes": 18 }));
    assert!(!orphan.exists());
    assert_eq!(run(folder.path(), &["fsck", "--grace", "0s"]).code, 0);
}

#[test]
fn wrong_arguments_are_one_line_and_exit_2() {
    let folder = TempDir::new().unwrap();
    for (arguments, expected) in [
        (
            vec!["credentials", "create", "--owner", "me"],
            "invalid value 'me' for '--owner <ID>': expected 64 lower-case hex digits, or root",
        ),
        (
            vec!["fsck", "--metadata", "memory"],
            "this needs a data folder: memory keeps nothing between two runs",
        ),
        (vec!["export", "--all"], "unexpected argument '--all' found"),
    ] {
        let (line, code) = refusal(folder.path(), &arguments);
        assert_eq!((line.as_str(), code), (expected, 2));
    }
    let (line, code) = refusal(folder.path(), &["stats"]);
    assert!(line.ends_with(" is not a data folder"), "{line}");
    assert_eq!(code, 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
