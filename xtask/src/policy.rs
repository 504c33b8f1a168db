//! What the dependencies may be: their licences, their sources, and crates that are not wanted.

use std::env;

use serde_json::Value;

use crate::licence;
use crate::report::{Check, Tally, counted, missing};
use crate::run::{cargo, output, succeeds};

/// One implementation of TLS, in Rust, that needs no C compiler or system library on the way.
const BANNED: [&str; 6] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "boring-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
];

/// Crates of which a second version would be a second stack to keep secure.
const SINGLE: [&str; 3] = ["ring", "rustls", "rustls-webpki"];

/// The checks of the dependencies, counted one by one.
pub(crate) fn check(strict: bool) -> Tally {
    let mut tally = match metadata() {
        Err(complaint) => counted(Err(complaint)),
        Ok(packages) => {
            let mut tally = counted(licences(&packages));
            tally += counted(sources(&packages));
            tally += counted(bans(&packages));
            tally
        }
    };
    tally += advisories(strict);
    tally
}

struct Package {
    name: String,
    version: String,
    licence: String,
    /// `None` for a package of a path.
    source: Option<String>,
}

/// Where the deployments run. What only other systems would link is not looked at.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

fn metadata() -> Result<Vec<Package>, String> {
    let text = output(&mut cargo([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        PLATFORM,
    ]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata lists no packages")?;
    let text = |package: &Value, field: &str| package[field].as_str().unwrap_or_default().to_owned();
    let package = |package: &Value| Package {
        name: text(package, "name"),
        version: text(package, "version"),
        licence: text(package, "license"),
        source: package["source"].as_str().map(str::to_owned),
    };
    Ok(packages.iter().map(package).collect())
}

fn licences(packages: &[Package]) -> Check {
    none(packages, |package| {
        let licence = &package.licence;
        (!licence::is_allowed(licence)).then(|| format!("has the licence {licence:?}"))
    })
}

fn sources(packages: &[Package]) -> Check {
    none(packages, |package| match &package.source {
        None => None,
        Some(source) if source.starts_with("registry+") && source.ends_with("/crates.io-index") => None,
        Some(source) => Some(format!("comes from {source}")),
    })
}

fn bans(packages: &[Package]) -> Check {
    none(packages, |package| {
        let name = package.name.as_str();
        if BANNED.contains(&name) {
            return Some("is banned".to_owned());
        }
        let versions = packages.iter().filter(|other| other.name == name).count();
        (SINGLE.contains(&name) && versions > 1).then(|| "is there in more than one version".to_owned())
    })
}

/// Holds when `complaint` has nothing against any package.
fn none(packages: &[Package], complaint: impl Fn(&Package) -> Option<String>) -> Check {
    let complaints: Vec<_> = packages
        .iter()
        .filter_map(|package| {
            complaint(package).map(|text| format!("{} {} {text}", package.name, package.version))
        })
        .collect();
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("\n"))
    }
}

fn advisories(strict: bool) -> Tally {
    let Some(database) = env::var_os("BLEEPSTORE_ADVISORY_DB") else {
        println!("advisories: not checked, BLEEPSTORE_ADVISORY_DB names no local database");
        return Tally::default();
    };
    if output(&mut cargo(["audit", "--version"])).is_err() {
        return missing("advisories", "cargo-audit is not installed", strict);
    }
    let mut audit = cargo(["audit", "--no-fetch", "--stale", "--db"]);
    counted(succeeds(audit.arg(database)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, source: Option<&str>) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: "MIT".to_owned(),
            source: source.map(str::to_owned),
        }
    }

    #[test]
    fn sources_are_paths_and_the_one_registry() {
        let index = Some("registry+https://example.com/crates.io-index");
        assert_eq!(
            sources(&[package("a", "1.0.0", None), package("b", "1.0.0", index)]),
            Ok(())
        );
        let git = package("c", "1.0.0", Some("git+https://example.com/c"));
        assert_eq!(
            sources(&[git]),
            Err("c 1.0.0 comes from git+https://example.com/c".to_owned())
        );
    }

    #[test]
    fn bans_name_crates_and_second_versions() {
        let twice = [
            package("rustls", "0.21.0", None),
            package("rustls", "0.23.0", None),
        ];
        let complaint = "rustls 0.21.0 is there in more than one version\nrustls 0.23.0 is there in more than one version";
        assert_eq!(bans(&twice), Err(complaint.to_owned()));
        assert!(bans(&[package("openssl-sys", "0.9.0", None)]).is_err());
        assert_eq!(
            bans(&[package("http", "0.2.0", None), package("http", "1.0.0", None)]),
            Ok(())
        );
    }
}
