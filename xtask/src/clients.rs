//! Other people's clients for the SDK tests, installed in a folder that git ignores.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::opendal;
use crate::python;
use crate::run::{output, root};

/// The variable that names the folders of the clients, for `tests/sdk/clients.py`.
pub(crate) const FOLDERS: &str = "BLEEPSTORE_TEST_CLIENTS";

/// The files that say what is installed from npm.
const JAVASCRIPT: [&str; 2] = ["package.json", "package-lock.json"];

/// Clients that Debian packages, in the versions of Debian 12.
const DEBIAN: [&str; 2] = ["rclone=1.60.1+dfsg-2+b5", "restic=0.14.0-1+b5"];

/// A browser, in the version of the last Debian 12. Those of its security updates go when the next one comes.
const BROWSER: [&str; 2] = [
    "chromium-headless-shell=150.0.7871.100-1~deb12u1",
    "chromium-common=150.0.7871.100-1~deb12u1",
];

/// The clients that are there: their folders, and for each kind that is not why.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    folders: Vec<PathBuf>,
    pub(crate) missing: Vec<(&'static str, String)>,
}

impl Clients {
    /// Installs what can be installed.
    pub(crate) fn install() -> Self {
        let mut clients = Self::default();
        let python = python::environment("clients", "tests/sdk/clients.txt");
        let folder = python.map(|python| python.parent().map(Path::to_path_buf).unwrap_or_default());
        clients.note(
            "s3cmd, s5cmd, minio, pyarrow, pyiceberg, obstore and opendal",
            folder,
        );
        clients.note("rclone and restic", debian());
        clients.note("Chromium", browser());
        clients.note("the AWS SDK for JavaScript", javascript());
        clients.note("OpenDAL's tests of object_store_opendal", opendal::suite());
        clients
    }

    /// None of them, for this reason.
    pub(crate) fn none(reason: &str) -> Self {
        Self {
            folders: Vec::new(),
            missing: vec![("other people's clients", reason.to_owned())],
        }
    }

    fn note(&mut self, names: &'static str, folder: Result<PathBuf, String>) {
        match folder {
            Ok(folder) => self.folders.push(folder),
            Err(reason) => self.missing.push((names, reason)),
        }
    }

    /// The value of [`FOLDERS`].
    pub(crate) fn path(&self) -> OsString {
        env::join_paths(&self.folders).unwrap_or_default()
    }

    /// Whether all are there, or why not.
    pub(crate) fn complete(&self) -> Result<(), String> {
        match self.missing.first() {
            None => Ok(()),
            Some((names, reason)) => Err(format!("{names}: {reason}")),
        }
    }
}

/// Installs the packages of `tests/sdk/javascript` in `.tools/javascript`, or finds that this was done already; that folder.
fn javascript() -> Result<PathBuf, String> {
    let (source, folder) = (
        root().join("tests/sdk/javascript"),
        root().join(".tools/javascript"),
    );
    let wanted = fs::read_to_string(source.join("package-lock.json"));
    let wanted = wanted.map_err(|error| format!("{}: {error}", source.display()))?;
    let stamp = folder.join("package-lock.stamp");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    let complain = |error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(complain)?;
    for file in JAVASCRIPT {
        fs::copy(source.join(file), folder.join(file)).map_err(complain)?;
    }
    let npm = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
    output(Command::new("npm").current_dir(&folder).args(npm))?;
    fs::write(&stamp, wanted).map_err(complain)?;
    Ok(folder)
}

/// The folder of the programs that Debian packages.
fn debian() -> Result<PathBuf, String> {
    Ok(unpacked("debian", &DEBIAN, || Ok(Vec::new()))?.join("usr/bin"))
}

/// The folder that has the browser as `chromium`, beside libraries that this machine lacks.
fn browser() -> Result<PathBuf, String> {
    Ok(unpacked("browser", &BROWSER, lacking)?.join("usr/lib"))
}

/// What the browser needs and this machine has not, as apt names it.
fn lacking() -> Result<Vec<String>, String> {
    let mut simulate = Command::new("apt-get");
    let simulate = simulate
        .args([
            "install",
            "--simulate",
            "--no-install-recommends",
            "--allow-downgrades",
        ])
        .args(BROWSER);
    Ok(needed(&output(simulate)?))
}

/// The packages that a simulation installs beside the browser, such as `Inst libopus0 (1.3.1-3 Debian:12 [amd64])`.
fn needed(simulation: &str) -> Vec<String> {
    let installs = simulation.lines().filter_map(|line| line.strip_prefix("Inst "));
    let names = installs.filter_map(|install| install.split_whitespace().next());
    let named = |name: &&str| {
        BROWSER
            .iter()
            .all(|package| package.split('=').next() != Some(*name))
    };
    names.filter(named).map(str::to_owned).collect()
}

/// Unpacks packages of Debian, and `more` that they need, in a folder of this name below `.tools`, or finds that this
/// was done already; that folder.
fn unpacked(
    name: &str,
    packages: &[&str],
    more: impl FnOnce() -> Result<Vec<String>, String>,
) -> Result<PathBuf, String> {
    let folder = root().join(".tools").join(name);
    let stamp = folder.join("packages.stamp");
    let wanted = packages.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|unpacked| unpacked == wanted) {
        return Ok(folder);
    }
    let complain = |error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(complain)?;
    }
    let downloads = folder.join("downloads");
    fs::create_dir_all(&downloads).map_err(complain)?;
    let mut download = Command::new("apt-get");
    output(
        download
            .current_dir(&downloads)
            .args(["download", "--quiet"])
            .args(packages)
            .args(more()?),
    )?;
    for package in fs::read_dir(&downloads).map_err(complain)? {
        let package = package.map_err(complain)?.path();
        output(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&folder))?;
    }
    fs::remove_dir_all(&downloads).map_err(complain)?;
    fs::write(&stamp, wanted).map_err(complain)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_browser_lacks_is_read_from_a_simulation() {
        let simulation = "Building dependency tree...\nInst libopus0 (1.3.1-3 Debian:12 [amd64])\n\
                          Inst chromium-common (150 Debian:12 [amd64])\n\
                          Inst libpulse0 [16.1] (16.1+dfsg1-2+b1 Debian:12 [amd64])\nConf libopus0 (1.3.1-3)\n";
        assert_eq!(needed(simulation), ["libopus0", "libpulse0"]);
        assert_eq!(needed("0 upgraded, 0 newly installed\n"), [""; 0]);
    }
}
