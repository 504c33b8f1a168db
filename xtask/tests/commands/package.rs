//! `cargo xtask package` of a program that was built just now.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::machine::Machine;

/// Every file below a folder with its bytes, in the order of their paths.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn an_image_is_made_with_its_checksums_its_sbom_and_its_digest_the_same_each_time() {
    for (cloud, image, program) in [
        ("aws", "bleepstore-aws-image-x86_64", "bootstrap"),
        ("azure", "bleepstore-azure-image", "bleepstore-azure"),
    ] {
        is_made_the_same_each_time(cloud, image, program);
    }
}

fn is_made_the_same_each_time(cloud: &str, image: &str, program: &str) {
    let machine = Machine::complete(&format!("{cloud}-image"), cloud);
    let made = machine.xtask(&["package", cloud, "--image"]);
    assert!(made.succeeded, "{}", made.complained);
    let folder = machine.target().join("package");
    let index = fs::read_to_string(folder.join(image).join("index.json")).unwrap();
    let digest = made
        .said
        .lines()
        .find_map(|line| line.strip_prefix("digest     "))
        .unwrap();
    assert!(index.contains(&format!("\"digest\":\"{digest}\"")), "{index}");
    let sbom = fs::read_to_string(folder.join(format!("{image}.cdx.json"))).unwrap();
    let program = format!("\"value\": \"{program}\"");
    for listed in [
        "\"bom-ref\": \"file:etc/ssl/certs/ca-certificates.crt\"",
        &program,
    ] {
        assert!(sbom.contains(listed), "{listed}: {sbom}");
    }
    let mut sums = Command::new("sha256sum");
    sums.current_dir(&folder).args(["--check", "--strict", "--quiet"]);
    assert!(sums.arg(format!("{image}.sha256")).status().unwrap().success());
    let once = files(&folder);
    assert!(machine.xtask(&["package", cloud, "--image"]).succeeded);
    assert_eq!(files(&folder), once);
}

#[test]
fn an_image_for_another_processor_than_the_machines_is_refused_in_one_line() {
    let other = if cfg!(target_arch = "x86_64") {
        "arm64"
    } else {
        "x86_64"
    };
    let ended =
        Machine::complete("other-image", "aws").xtask(&["package", "aws", "--image", "--arch", other]);
    assert!(!ended.succeeded);
    assert_eq!(
        ended.complained,
        format!("xtask: the image takes its C library from this machine: package it on Linux on {other}\n")
    );
}
