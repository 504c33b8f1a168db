//! A data folder of release 0.1 under the programs of today: one that is only read, or gets small bodies, stays what it
//! is, and the first blob that is written, or a scrub, makes it one with checked files.

use std::path::{Path, PathBuf};

use bleepstore_core::model::Format;
use bleepstore_tests::http::encoding::pattern;
use serde_json::Value;

use crate::fixture::Fixture;
use crate::observed::observed;
use crate::refused::today;
use crate::stored::s3_at;
use crate::stores::{Folder, Jsonl, Sqlite, files, runtime};

fn is_checked(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "c1")
}

/// The files of blobs.
fn blobs<S: Folder>(store: &S) -> Vec<PathBuf> {
    let mut found = files(&store.path().join("blobs"));
    found.retain(|file| !file.ends_with("owner.json"));
    found.sort();
    found
}

fn format<S: Folder>(store: &S) -> Format {
    let mut format = None;
    let look = async |ports: bleepstore_core::Ports| {
        let record = ports.metadata.store_record().await.unwrap().unwrap();
        let owner = ports.blobs.owner().await.unwrap().unwrap();
        assert_eq!(owner.format, record.format);
        format = Some(record.format);
    };
    runtime().block_on(store.opened_today(look));
    format.unwrap()
}

fn findings<S: Folder>(store: &S) -> usize {
    let arguments = ["--verify-checksums", "--grace", "0s", "--json"];
    let report = today().run(&store.deployed(), "fsck", &arguments);
    let report: Value = serde_json::from_slice(&report).unwrap();
    report["findings"].as_array().unwrap().len()
}

fn becomes_one_with_checked_files<S: Folder>() {
    let store = S::holding(&Fixture::of::<S>("0.1"));
    let then = blobs(&store);
    let server = today().serve(&store.deployed()).unwrap();
    let s3 = s3_at(server.address());
    let seen = observed(&s3);
    let photos = s3.bucket_named(crate::content::PHOTOS.to_owned());
    photos.put("small and new", "small").expect(200);
    photos.delete("small and new").expect(204);
    server.stop();
    assert_eq!((format(&store), blobs(&store)), (Format::FIRST, then.clone()));
    let found = findings(&store);

    let report = today().run(&store.deployed(), "scrub", &["--json"]);
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(format(&store), Format::CHECKED);
    let now = blobs(&store);
    let plain = now.iter().filter(|file| !is_checked(file)).count();
    assert_eq!(now.len(), then.len());
    assert_eq!(
        (&report["rewritten"]["blobs"], &report["plain"]),
        (&(now.len() - plain).into(), &plain.into())
    );
    // What nothing names stays for gc.
    assert!(plain * 2 < now.len(), "{report}");
    assert_eq!(findings(&store), found);

    let server = today().serve(&store.deployed()).unwrap();
    assert!(observed(&s3_at(server.address())) == seen);
    server.stop();
}

fn rises_with_its_first_blob<S: Folder>() {
    let store = S::holding(&Fixture::of::<S>("0.1"));
    let then = blobs(&store);
    let server = today().serve(&store.deployed()).unwrap();
    let photos = s3_at(server.address()).bucket_named(crate::content::PHOTOS.to_owned());
    photos.put("large and new", pattern(1, 300_000)).expect(200);
    assert!(photos.read("large and new") == pattern(1, 300_000));
    server.stop();
    assert_eq!(format(&store), Format::CHECKED);
    let new: Vec<PathBuf> = blobs(&store)
        .into_iter()
        .filter(|file| !then.contains(file))
        .collect();
    assert!(new.len() == 1 && is_checked(&new[0]), "{new:?}");
}

#[test]
fn a_folder_with_a_database_of_0_1_that_is_only_read_stays_so_until_it_is_scrubbed() {
    becomes_one_with_checked_files::<Sqlite>();
}

#[test]
fn a_folder_with_a_log_of_0_1_that_is_only_read_stays_so_until_it_is_scrubbed() {
    becomes_one_with_checked_files::<Jsonl>();
}

#[test]
fn the_first_blob_in_a_folder_with_a_database_of_0_1_raises_its_format() {
    rises_with_its_first_blob::<Sqlite>();
}

#[test]
fn the_first_blob_in_a_folder_with_a_log_of_0_1_raises_its_format() {
    rises_with_its_first_blob::<Jsonl>();
}
