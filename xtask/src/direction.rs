//! Who may depend on whom: `model <- ports <- rows <- ops <- api <- service`.

use std::path::Path;

use crate::report::Check;
use crate::run::{cargo, output};
use crate::source;

/// Crates, or beginnings of their names, that bring a runtime, a cloud, a database or randomness.
const OUTSIDE: [&str; 14] = [
    "aws-",
    "azure",
    "firestore",
    "gcloud",
    "getrandom",
    "google-",
    "hyper",
    "mio",
    "rand",
    "reqwest",
    "rusqlite",
    "rustls",
    "tokio",
    "tonic",
];

/// Each module of the core and the other modules of the core that it may name. Modules that are not listed
/// may name all.
const MAY_NAME: [(&str, &[&str]); 11] = [
    ("model", &[]),
    ("digest", &["model"]),
    ("body", &[]),
    ("config", &["model"]),
    ("policy", &["model"]),
    ("ports", &["model"]),
    ("rows", &["model", "ports"]),
    ("remote", &["model", "ports", "rows"]),
    ("protocol", &["model", "digest", "body"]),
    ("ops", &["model", "policy", "ports", "rows", "digest", "config"]),
    ("memory", &["model", "ports", "rows", "digest"]),
];

/// Modules that know nothing of HTTP or XML, and the crates that would be signs of it.
const WIRELESS: [&str; 5] = ["model", "ports", "rows", "ops", "memory"];
const WIRE_CRATES: [&str; 4] = ["http", "http_body", "quick_xml", "percent_encoding"];

/// The packages that are shipped.
const SHIPPED: [&str; 4] = [
    "bleepstore-aws",
    "bleepstore-azure",
    "bleepstore-gcp",
    "bleepstore-local",
];

/// What the names of features have in them that are for tests of the crates that have them.
const FOR_TESTS: [&str; 2] = ["__internal", "emulator"];

/// Checks that the core depends on nothing of the outside.
pub(crate) fn crates() -> Check {
    let tree = dependencies("bleepstore-core", "{p}")?;
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    let mut outside: Vec<&str> = names.filter(|name| is_outside(name)).collect();
    outside.sort_unstable();
    outside.dedup();
    if outside.is_empty() {
        Ok(())
    } else {
        Err(format!("bleepstore-core depends on {}", outside.join(", ")))
    }
}

/// Checks that what is shipped is built without the emulators that its crates carry for tests. The tests' own build has
/// them: features of one build are everyone's.
pub(crate) fn shipped_features() -> Check {
    let mut complaints = Vec::new();
    for package in SHIPPED {
        let tree = dependencies(package, "{p}|{f}")?;
        complaints.extend(
            tree.lines()
                .filter_map(test_feature)
                .map(|found| format!("{package} ships {found}")),
        );
    }
    complaints.dedup();
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("\n"))
    }
}

/// A feature for tests in a line such as `serde v1.0.0|derive,std`.
fn test_feature(line: &str) -> Option<String> {
    let (package, features) = line.split_once('|')?;
    let feature = features
        .split(',')
        .find(|feature| FOR_TESTS.iter().any(|part| feature.contains(part)))?;
    Some(format!("{feature} of {package}"))
}

/// What a package is built with when it is built alone, a line for each crate.
fn dependencies(package: &str, format: &str) -> Result<String, String> {
    let tree = ["tree", "-e", "normal", "--prefix", "none", "--locked"];
    output(cargo(tree).args(["-p", package, "-f", format]))
}

fn is_outside(name: &str) -> bool {
    OUTSIDE.iter().any(|start| name.starts_with(start))
}

/// Checks that the modules of the core name each other in one direction.
pub(crate) fn modules() -> Check {
    let mut complaints = Vec::new();
    for file in source::of_crate("core")? {
        complaints.extend(wrong_names(&file.path, &file.code));
    }
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("\n"))
    }
}

/// What is wrong in the code of one file of the core.
fn wrong_names(path: &Path, code: &str) -> Vec<String> {
    let first = path.iter().next().unwrap_or_default().to_string_lossy();
    let module = first.strip_suffix(".rs").unwrap_or(&first);
    let mut complaints = Vec::new();
    if let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == module) {
        for named in named_in_crate(code) {
            if named != module && !allowed.contains(&named.as_str()) {
                complaints.push(format!("core/src/{}: {module} names {named}", path.display()));
            }
        }
    }
    if WIRELESS.contains(&module) {
        for wire in WIRE_CRATES.iter().filter(|wire| names_crate(code, wire)) {
            complaints.push(format!(
                "core/src/{}: {module} names the crate {wire}",
                path.display()
            ));
        }
    }
    complaints
}

/// The modules that stand after `crate::`, also in a group.
fn named_in_crate(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let rest = &code[start + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(names_of_group(group)),
            None => names.push(identifier(rest)),
        }
    }
    names
}

/// The first names of the members of `a::b, c::{d, e}}`.
fn names_of_group(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut at_start = true;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            _ if at_start && !letter.is_whitespace() => {
                names.push(identifier(&group[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

/// Whether a path in `code` starts with the crate `name`.
fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_' && letter != ':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_for_tests_is_told_by_its_name() {
        let emulator = "azure_data_cosmos v1.0.0|key_auth,__internal_in_memory_emulator";
        assert_eq!(
            test_feature(emulator).as_deref(),
            Some("__internal_in_memory_emulator of azure_data_cosmos v1.0.0")
        );
        assert_eq!(test_feature("azure_data_cosmos v1.0.0|key_auth,reqwest"), None);
        assert_eq!(test_feature("itoa v1.0.0|"), None);
    }

    fn wrong(path: &str, text: &str) -> Vec<String> {
        wrong_names(Path::new(path), text)
    }

    #[test]
    fn modules_name_only_what_is_below_them() {
        assert_eq!(
            wrong(
                "ops/listing.rs",
                "use crate::model::{A, B};\nuse crate::ports::C;"
            ),
            [""; 0]
        );
        assert_eq!(
            wrong(
                "ops/listing.rs",
                "use crate::{\n    model::{A, B},\n    protocol::xml,\n};"
            ),
            ["core/src/ops/listing.rs: ops names protocol"]
        );
        assert_eq!(
            wrong("model/names.rs", "x: crate::ports::Y"),
            ["core/src/model/names.rs: model names ports"]
        );
        assert_eq!(
            wrong("body.rs", "use crate::model::X;"),
            ["core/src/body.rs: body names model"]
        );
        assert_eq!(wrong("service.rs", "use crate::{api, ops};"), [""; 0]);
    }

    #[test]
    fn the_wire_is_unknown_below_the_api() {
        assert_eq!(
            wrong("ops/get.rs", "use http::StatusCode;"),
            ["core/src/ops/get.rs: ops names the crate http"]
        );
        assert_eq!(
            wrong("ops/get.rs", "use crate::model::http::X; my_http::f()"),
            [""; 0]
        );
    }

    #[test]
    fn runtimes_and_clouds_are_outside() {
        for name in [
            "tokio",
            "tokio-util",
            "aws-sdk-s3",
            "hyper-util",
            "google-cloud-storage",
            "rusqlite",
        ] {
            assert!(is_outside(name), "{name}");
        }
        assert!(!is_outside("http") && !is_outside("futures-util"));
    }
}
