//! What is in a package, as a software bill of materials in CycloneDX 1.5 (<https://cyclonedx.org/docs/1.5/json/>).
//!
//! There is no time and no serial number in it, so the same package makes the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::PackedFile;
use super::checksums::sha256;
use super::crates::{Crate, Crates};
use crate::run::{output, root};

/// What a package holds.
pub(super) struct Contents {
    /// The program's package in the workspace.
    pub(super) package: &'static str,
    pub(super) program: &'static str,
    /// The target that it was built for.
    pub(super) target: &'static str,
    /// All files, the program among them.
    pub(super) files: Vec<PackedFile>,
}

/// The document.
pub(super) fn document(contents: &Contents) -> Result<String, String> {
    let crates = Crates::of(contents.package, contents.target)?;
    let lock = root().join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let compiler = output(Command::new("rustc").current_dir(root()).arg("--version"))?;
    let document = written(contents, &crates, &sums(&lock), compiler.trim())?;
    let text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

/// The SHA-256 of the crates of a registry, by their references, as `Cargo.lock` has them.
fn sums(lock: &str) -> BTreeMap<String, &str> {
    let mut sums = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key))?;
            line.strip_prefix(" = \"")?.strip_suffix('"')
        };
        if let (Some(name), Some(version), Some(sum)) = (value("name"), value("version"), value("checksum")) {
            sums.insert(format!("{name}@{version}"), sum);
        }
    }
    sums
}

fn written(
    contents: &Contents,
    crates: &Crates,
    sums: &BTreeMap<String, &str>,
    compiler: &str,
) -> Result<Value, String> {
    let is_program = |file: &&PackedFile| file.path == contents.program;
    let (program, beside): (Vec<_>, Vec<_>) = contents.files.iter().partition(is_program);
    let ([program], Some(own)) = (&program[..], crates.all.get(&crates.root)) else {
        return Err(format!("the package has no {}", contents.program));
    };
    let mut whole = component(&crates.root, own, sums);
    whole["type"] = json!("application");
    whole["hashes"] = hashes(&sha256(&program.content));
    let linked = crates
        .all
        .iter()
        .filter(|(reference, _)| **reference != crates.root);
    let linked = linked.map(|(reference, package)| component(reference, package, sums));
    let components: Vec<Value> = linked.chain(beside.into_iter().map(file)).collect();
    let needs = crates.all.iter();
    let needs = needs.map(|(reference, package)| json!({ "ref": reference, "dependsOn": package.needs }));
    let property = |name: &str, value: &str| json!({ "name": format!("bleepstore:{name}"), "value": value });
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": whole,
            "properties": [
                property("program", contents.program),
                property("target", contents.target),
                property("compiler", compiler),
            ],
        },
        "components": components,
        "dependencies": needs.collect::<Vec<Value>>(),
    }))
}

/// A crate. One of this workspace has no package URL, since that would name whatever a registry has under its name.
fn component(reference: &str, package: &Crate, sums: &BTreeMap<String, &str>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "licenses": [{ "expression": package.licence }],
    });
    if !package.is_ours {
        component["purl"] = json!(format!("pkg:cargo/{reference}"));
    }
    if let Some(sum) = sums.get(reference) {
        component["hashes"] = hashes(sum);
    }
    if !package.features.is_empty() {
        let features: Vec<&str> = package.features.iter().map(String::as_str).collect();
        component["properties"] = json!([{ "name": "cargo:features", "value": features.join(",") }]);
    }
    component
}

/// A file beside the program.
fn file(file: &PackedFile) -> Value {
    json!({
        "type": "file",
        "bom-ref": format!("file:{}", file.path),
        "name": file.path,
        "hashes": hashes(&sha256(&file.content)),
    })
}

fn hashes(sha256: &str) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256 }])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::licence;
    use crate::package::{Arch, SHIPPED};

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"bytes\"\nversion = \"1.2.0\"\nchecksum = \"abc\"\n\
                        dependencies = [\n \"serde\",\n]\n\n[[package]]\nname = \"server\"\nversion = \"0.1.0\"\n";

    fn contents(files: Vec<PackedFile>) -> Contents {
        Contents {
            package: "server",
            program: "serve",
            target: "a-target",
            files,
        }
    }

    fn packed(path: &str) -> PackedFile {
        PackedFile {
            path: path.to_owned(),
            mode: 0o755,
            content: Vec::new(),
        }
    }

    #[test]
    fn the_document_names_the_program_its_crates_and_the_files_beside_it() {
        let tree = "0server v0.1.0 (/server)|MIT OR Apache-2.0|\n1bytes v1.2.0|MIT|default,std\n";
        let crates = Crates::parsed(tree).unwrap();
        let contents = contents(vec![packed("serve"), packed("lib/libc.so.6")]);
        let document = written(&contents, &crates, &sums(LOCK), "rustc 1").unwrap();
        let nothing = hashes(&sha256(b""));
        let whole = &document["metadata"]["component"];
        assert_eq!(
            (&whole["type"], &whole["name"], &whole["hashes"]),
            (&json!("application"), &json!("server"), &nothing)
        );
        assert_eq!(whole.get("purl"), None);
        let bytes = json!({
            "type": "library", "bom-ref": "bytes@1.2.0", "name": "bytes", "version": "1.2.0",
            "licenses": [{ "expression": "MIT" }], "purl": "pkg:cargo/bytes@1.2.0", "hashes": hashes("abc"),
            "properties": [{ "name": "cargo:features", "value": "default,std" }],
        });
        let libc = json!({
            "type": "file", "bom-ref": "file:lib/libc.so.6", "name": "lib/libc.so.6", "hashes": nothing,
        });
        assert_eq!(document["components"], json!([bytes, libc]));
        let needs = json!([
            { "ref": "bytes@1.2.0", "dependsOn": [] },
            { "ref": "server@0.1.0", "dependsOn": ["bytes@1.2.0"] },
        ]);
        assert_eq!(document["dependencies"], needs);
    }

    #[test]
    fn every_crate_of_what_is_shipped_has_a_licence_and_those_of_a_registry_a_checksum() {
        let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
        let sums = sums(&lock);
        for shipped in SHIPPED {
            let crates = Crates::of(shipped.package, Arch::X86_64.target()).unwrap();
            assert!(crates.all.len() > 50);
            for (reference, package) in &crates.all {
                assert!(licence::is_allowed(&package.licence), "{reference}");
                assert_eq!(sums.contains_key(reference), !package.is_ours, "{reference}");
            }
        }
    }

    #[test]
    fn a_package_without_its_program_is_refused() {
        let crates = Crates::parsed("0server v0.1.0 (/server)|MIT|\n").unwrap();
        let refused = written(&contents(vec![packed("other")]), &crates, &sums(LOCK), "");
        assert_eq!(refused.unwrap_err(), "the package has no serve");
    }
}
