//! The catalogue of errors: each code is reached by a test, and the page that lists them is what the core has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bleepstore_core::model::ErrorCode;

const PAGE: &str = "docs/errors.md";

/// Set by `cargo xtask errors`: the page is written, not compared.
const WRITE: &str = "BLEEPSTORE_WRITE_ERRORS";

/// A code that no client can ask for by name, and where it is reached instead.
struct Elsewhere {
    code: &'static str,
    /// The file with the test.
    file: &'static str,
    /// What the test says.
    says: &'static str,
}

const ELSEWHERE: [Elsewhere; 8] = [
    // These need a store that fails, or a full one.
    Elsewhere {
        code: "InternalError",
        file: "tests/faults/writes.rs",
        says: "ErrorCode::InternalError",
    },
    Elsewhere {
        code: "InvalidBucketState",
        file: "tests/conformance/cosmos_faults.rs",
        says: "ErrorCode::InvalidBucketState",
    },
    Elsewhere {
        code: "ServiceUnavailable",
        file: "tests/faults/writes.rs",
        says: "ErrorCode::ServiceUnavailable",
    },
    Elsewhere {
        code: "SlowDown",
        file: "tests/faults/writes.rs",
        says: "ErrorCode::SlowDown",
    },
    // Comes after 15 minutes, which is the least that a session lasts.
    Elsewhere {
        code: "ExpiredToken",
        file: "core/src/service/session_tests.rs",
        says: "ErrorCode::ExpiredToken",
    },
    // It has no body, so that its name is never sent.
    Elsewhere {
        code: "NotModified",
        file: "tests/s3/conditions.rs",
        says: "304",
    },
    // Proxies and the server's own limits come before it.
    Elsewhere {
        code: "RequestHeaderSectionTooLarge",
        file: "core/src/protocol/sigv4/claim_tests.rs",
        says: "RequestHeaderSectionTooLarge",
    },
    // Comes after a minute in which a client sends nothing.
    Elsewhere {
        code: "RequestTimeout",
        file: "core/src/protocol/payload/tests.rs",
        says: "ErrorCode::RequestTimeout",
    },
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the root of the repository")
}

fn text_of(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The files of the suite's rules.
fn rules() -> Vec<PathBuf> {
    let files = fs::read_dir(repository().join("tests/s3")).expect("the folder of the rules");
    let files = files.map(|file| file.expect("a file of rules").path());
    files.filter(|file| !file.ends_with("catalogue.rs")).collect()
}

#[test]
fn every_code_is_reached_by_a_test() {
    let rules: String = rules().iter().map(|file| text_of(file)).collect();
    let asserted = |code: &str| rules.contains(&format!("\"{code}\""));
    let elsewhere: BTreeSet<&str> = ELSEWHERE.iter().map(|entry| entry.code).collect();
    for code in ErrorCode::ALL.iter().map(|code| code.as_str()) {
        assert_ne!(
            asserted(code),
            elsewhere.contains(code),
            "either a rule in tests/s3 asserts {code}, or the list of this file says which test reaches it"
        );
    }
    assert!(
        elsewhere
            .iter()
            .all(|code| ErrorCode::ALL.iter().any(|known| known.as_str() == *code))
    );
    for entry in &ELSEWHERE {
        let text = text_of(&repository().join(entry.file));
        assert!(
            text.contains(entry.says),
            "{} does not reach {}",
            entry.file,
            entry.code
        );
    }
}

#[test]
fn the_table_is_sorted_and_names_no_element_twice() {
    let names: Vec<String> = ErrorCode::ALL
        .iter()
        .map(|code| code.as_str().to_lowercase())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    for code in ErrorCode::ALL {
        let fields = [code.fields(), code.occasional_fields()].concat();
        let distinct: BTreeSet<_> = fields.iter().collect();
        assert_eq!(distinct.len(), fields.len(), "{code}");
    }
}

const INTRODUCTION: &str = "\
# Errors

`cargo xtask errors` writes this page from the table in [core/src/model/error.rs](../core/src/model/error.rs), and
`cargo test` fails where the two differ. BleepStore answers no other code, and a test reaches each.

An error is an XML document with `Code`, `Message`, the elements of its row, `RequestId` and `HostId`. Elements
in parentheses come where they say something of the cause. Answers to HEAD and `304` have the status and the headers
only. `503` and `500` carry `Retry-After` where the store below said how long. The message is the usual one; most
errors about a header, a parameter or a body say something more particular. Codes and statuses are
[Amazon's](https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). A text under \"seen\" was recorded from an answer
of AWS, word for word; the others are those of its documentation, or our own.

| code | status | message | seen | elements | headers |
|---|---|---|---|---|---|
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for code in ErrorCode::ALL {
        let always = code.fields().iter().map(|name| format!("`{name}`"));
        let occasional = code.occasional_fields().iter().map(|name| format!("(`{name}`)"));
        let fields: Vec<String> = always.chain(occasional).collect();
        let headers: Vec<String> = code.headers().iter().map(|name| format!("`{name}`")).collect();
        page.push_str(&format!(
            "| {code} | {} | {} | {} | {} | {} |\n",
            code.status(),
            code.message(),
            if code.is_seen() { "yes" } else { "" },
            fields.join(", "),
            headers.join(", ")
        ));
    }
    page
}

#[test]
fn the_page_of_errors_is_the_table() {
    let file = repository().join(PAGE);
    if std::env::var_os(WRITE).is_some() {
        fs::write(&file, page()).expect("the page is written");
    }
    let different = "docs/errors.md is not what the core has: run cargo xtask errors";
    assert!(text_of(&file) == page(), "{different}");
}
