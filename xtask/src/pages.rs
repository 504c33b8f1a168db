//! Pages that name tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::root;

/// The table of the rules of versions.
const VERSIONING: &str = "docs/versioning.md";

/// A test that a page names, and the file that it links to.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    test: String,
    file: PathBuf,
}

/// The tests that a line of a page in `docs` names: `[a_test](../tests/file.rs)`.
fn named(line: &str) -> Vec<Named> {
    let links = line.split('[').filter_map(|text| text.split_once("](../"));
    let links = links.filter_map(|(text, rest)| Some((text, rest.split_once(')')?.0)));
    links
        .filter(|(_, file)| file.ends_with(".rs"))
        .map(|(text, file)| Named {
            test: text.to_owned(),
            file: file.into(),
        })
        .collect()
}

/// Whether a Rust file has a test of that name: a function, or a rule as `s3_test!` writes it down.
fn has_test(code: &str, test: &str) -> bool {
    let is_function = code.contains(&format!("fn {test}("));
    let mut rules = code.split("s3_test!(").skip(1);
    is_function || rules.any(|rule| rule.trim_start().starts_with(&format!("{test},")))
}

/// A row of a table, but for its heading.
fn is_rule(line: &str) -> bool {
    line.starts_with("| ") && !line.starts_with("| rule |")
}

/// What a page names that is not there, and its rows that name nothing.
fn wrong(page: &str, read: impl Fn(&Path) -> Option<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in page.lines() {
        let tests = named(line);
        if is_rule(line) && tests.is_empty() && !line.contains("(#") && !line.contains(".md#") {
            wrong.push(format!("no test, and nowhere to read on: {line}"));
        }
        for Named { test, file } in tests {
            match read(&file) {
                None => wrong.push(format!("{}: no such file", file.display())),
                Some(code) if has_test(&code, &test) => {}
                Some(_) => wrong.push(format!("{} has no test {test}", file.display())),
            }
        }
    }
    wrong
}

#[test]
fn the_tests_of_the_rules_of_versions_are_there() {
    let page = fs::read_to_string(root().join(VERSIONING)).expect(VERSIONING);
    assert!(
        page.lines().flat_map(named).count() > 50,
        "{VERSIONING} names its tests"
    );
    let found = wrong(&page, |file| fs::read_to_string(root().join(file)).ok());
    assert_eq!(found, [""; 0], "{VERSIONING}");
}

#[test]
fn links_of_the_rules_of_versions_to_pages_are_defined() {
    let page = fs::read_to_string(root().join(VERSIONING)).expect(VERSIONING);
    let labels = page.split("][").skip(1).filter_map(|rest| rest.split_once(']'));
    for (label, _) in labels {
        let definition = format!("\n[{label}]: https://docs.aws.amazon.com/AmazonS3/latest/");
        assert!(page.contains(&definition), "{VERSIONING}: {label} is not defined");
    }
}

#[test]
fn a_page_that_names_what_is_not_there_is_found() {
    let code = "s3_test!(one, largest_body = 1, |s3: &S3| {});\n\
                s3_test!(\n    two,\n    largest_body = 1,\n);\n\
                pub async fn three(f: Fixture) {}\n";
    let read = |file: &Path| (file == Path::new("tests/a.rs")).then(|| code.to_owned());
    let row = |cell: &str| wrong(&format!("| a rule | a page | {cell} |"), read);
    for test in ["one", "two", "three"] {
        assert_eq!(row(&format!("[{test}](../tests/a.rs)")), [""; 0]);
    }
    assert_eq!(row("[on](../tests/a.rs)"), ["tests/a.rs has no test on"]);
    assert_eq!(
        row("[one](../tests/a.rs), [one](../tests/b.rs)"),
        ["tests/b.rs: no such file"]
    );
    assert_eq!(row("[differently](differences.md#versions)"), [""; 0]);
    assert_eq!(row("").len(), 1);
    assert_eq!(wrong("| rule | AWS page | test |\n|---|---|---|", read), [""; 0]);
}
