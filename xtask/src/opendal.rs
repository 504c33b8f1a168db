//! The tests that OpenDAL publishes with its crate `object_store_opendal`, built for the SDK tests in a folder that git
//! ignores. The workspace does not depend on the crate: it would give half of its dependencies other features.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::run::{output, root};

const CRATE: &str = "object_store_opendal";
const VERSION: &str = "0.60.5";

/// What the tests need that the crate's defaults leave out.
const FEATURES: &str =
    "services-s3,opendal/tests,opendal/auto-register-services,opendal/http-transport-reqwest";

/// Builds the program, or finds that this was done already; the folder that it is in, under the name of the crate.
pub(crate) fn suite() -> Result<PathBuf, String> {
    let folder = root().join(".tools/opendal");
    let stamp = folder.join("version.stamp");
    let wanted = format!("{CRATE} {VERSION}\n{FEATURES}\n");
    if fs::read_to_string(&stamp).is_ok_and(|built| built == wanted) {
        return Ok(folder);
    }
    let complain = |error: io::Error| format!("{}: {error}", folder.display());
    let fetched = folder.join("fetched");
    fs::create_dir_all(fetched.join("src")).map_err(complain)?;
    fs::write(fetched.join("src/lib.rs"), "").map_err(complain)?;
    let depends = format!(
        "[package]\nname = \"fetched\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{CRATE} = \"={VERSION}\"\n"
    );
    fs::write(fetched.join("Cargo.toml"), depends).map_err(complain)?;
    let target = folder.join("target");
    let built = build(&source(&fetched.join("Cargo.toml"))?, &target)?;
    fs::copy(built, folder.join(CRATE)).map_err(complain)?;
    fs::remove_dir_all(&target).map_err(complain)?;
    fs::write(&stamp, wanted).map_err(complain)?;
    Ok(folder)
}

/// The manifest of the crate, where cargo has unpacked it.
fn source(manifest: &Path) -> Result<PathBuf, String> {
    let mut metadata = Command::new("cargo");
    let metadata = metadata
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(manifest);
    let metadata: Value =
        serde_json::from_str(&output(metadata)?).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.find(|package| package["name"] == CRATE);
    let path = package.and_then(|package| package["manifest_path"].as_str());
    path.map(PathBuf::from)
        .ok_or_else(|| format!("cargo does not say where {CRATE} is"))
}

/// Builds the tests, as they are locked there; the program.
fn build(manifest: &Path, target: &Path) -> Result<PathBuf, String> {
    let mut tests = Command::new("cargo");
    let tests = tests
        .args([
            "test",
            "--locked",
            "--no-run",
            "--test",
            "behavior",
            "--message-format",
            "json",
        ])
        .args(["--features", FEATURES, "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    let messages = output(tests)?;
    let mut messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built =
        messages.find(|message| message["target"]["name"] == "behavior" && message["executable"].is_string());
    let program = built.and_then(|message| message["executable"].as_str().map(PathBuf::from));
    program.ok_or_else(|| format!("cargo does not say where the tests of {CRATE} are"))
}
