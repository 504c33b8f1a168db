//! The command line as a person meets it.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn admin(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bleepstore-admin"));
    command.env_clear().args(arguments).output().unwrap()
}

fn error(output: &Output) -> (&str, Option<i32>) {
    let text = std::str::from_utf8(&output.stderr).unwrap();
    (text.strip_suffix('\n').unwrap(), output.status.code())
}

#[test]
fn help_names_every_subcommand() {
    let output = admin(&["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for subcommand in [
        "credentials",
        "gc",
        "fsck",
        "export",
        "import",
        "stats",
        "migrate",
    ] {
        assert!(text.contains(&format!("\n  {subcommand}")), "{text}");
    }
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_unknown_store_is_one_line_and_exit_code_2() {
    let output = admin(&["stats", "--store", "floppy"]);
    let (text, code) = error(&output);
    assert!(
        text.ends_with("expected aws, gcp, azure or local:FOLDER"),
        "{text}"
    );
    assert_eq!((text.lines().count(), code), (1, Some(2)));
}

#[test]
fn a_missing_setting_of_each_store_is_one_line_that_names_it() {
    for (store, setting) in [
        ("aws", "BLEEPSTORE_TABLE is not set"),
        ("gcp", "BLEEPSTORE_PROJECT is not set"),
        ("azure", "BLEEPSTORE_COSMOS_ENDPOINT is not set"),
    ] {
        let output = admin(&["stats", "--store", store]);
        let expected = format!("bleepstore-admin: {setting}");
        assert_eq!(error(&output), (expected.as_str(), Some(1)));
    }
}
