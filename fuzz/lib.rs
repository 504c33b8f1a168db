//! The fuzz targets of the tests, for cargo-fuzz.

#[path = "../tests/src/fuzz/mod.rs"]
#[allow(dead_code, reason = "the tests read more of it")]
mod targets;

/// Gives `data` to the target of this name.
pub fn run(name: &str, data: &[u8]) {
    let target = targets::TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target").run)(data);
}
