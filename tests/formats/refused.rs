//! The programs of today on a store that a later one has raised: each says so in one line, and changes nothing.

use bleepstore_core::Ports;
use bleepstore_core::model::{Format, Release};
use bleepstore_tests::emulators::binary;

use crate::fenced::{LATER, dumped, filled, raise_beyond};
use crate::released::{Deployed, Released, path};
use crate::stores::{Cosmos, DynamoDb, Firestore, Jsonl, Source, Sqlite, runtime};

async fn raise(ports: Ports) {
    raise_beyond(&ports).await;
}

pub(crate) fn today() -> Released {
    Released {
        release: Release::CURRENT.to_string(),
        programs: binary("bleepstore").unwrap().parent().unwrap().to_owned(),
    }
}

/// Runs it; the one line that it ended with.
#[track_caller]
fn refusal(deployed: &Deployed, subcommand: &str, arguments: &[&str]) {
    let output = today().ended(deployed, subcommand, arguments);
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{subcommand}: {printed}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{subcommand}");
    let lines: Vec<&str> = printed.lines().collect();
    let [line] = lines[..] else {
        panic!("{subcommand}: {printed}");
    };
    let current = Release::CURRENT;
    let known = Format::LATEST;
    let expected = format!(
        "the store is in format {LATER}, which bleepstore {current} wrote, and this is bleepstore {current}, which knows \
         format {known} at most: use bleepstore {current} or a later one; nothing was changed"
    );
    assert!(line.ends_with(&expected), "{subcommand}: {line}");
}

fn every_program_refuses_and_changes_nothing<S: Source>() {
    let source: S = filled(&today());
    runtime().block_on(source.opened_today(raise));
    let before = dumped(&source);
    let deployed = source.deployed();
    assert!(
        today().serve(&deployed).is_err(),
        "it serves what it does not know"
    );
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export.jsonl");
    for (subcommand, arguments) in [
        ("gc", &["--grace", "0s", "--force", "--exclusive"][..]),
        ("gc", &["--dry-run"]),
        ("fsck", &[]),
        ("stats", &[]),
        ("export", &[path(&export)]),
        ("import", &["-"]),
        ("credentials list", &[]),
        ("credentials create", &["--display-name", "somebody"]),
        ("credentials show", &["AKIAEXAMPLE"]),
        ("credentials set-policy", &["AKIAEXAMPLE", "--none"]),
        ("credentials revoke", &["AKIAEXAMPLE"]),
    ] {
        refusal(&deployed, subcommand, arguments);
    }
    if deployed.tool == "bleepstore" {
        refusal(&deployed, "scrub", &[]);
    }
    if deployed.tool == "bleepstore-admin" {
        let other = format!("local:{}", path(&folder.path().join("other")));
        let store = deployed.arguments[1].clone();
        let migrating = Deployed {
            arguments: Vec::new(),
            ..deployed
        };
        refusal(&migrating, "migrate", &["--from", &store, "--to", &other]);
        refusal(&migrating, "migrate", &["--from", &other, "--to", &store]);
    }
    assert!(!export.exists());
    assert!(dumped(&source) == before, "something has changed");
}

#[test]
fn every_program_refuses_a_later_store_on_dynamodb() {
    every_program_refuses_and_changes_nothing::<DynamoDb>();
}

#[test]
fn every_program_refuses_a_later_store_on_firestore() {
    every_program_refuses_and_changes_nothing::<Firestore>();
}

#[test]
fn every_program_refuses_a_later_store_on_cosmos() {
    every_program_refuses_and_changes_nothing::<Cosmos>();
}

#[test]
fn every_program_refuses_a_later_store_on_sqlite() {
    every_program_refuses_and_changes_nothing::<Sqlite>();
}

#[test]
fn every_program_refuses_a_later_store_on_jsonl() {
    every_program_refuses_and_changes_nothing::<Jsonl>();
}
