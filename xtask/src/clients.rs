//! Other people's clients for the SDK tests, installed in a folder that git ignores.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::python;
use crate::run::{output, root};

/// The variable that names the folders of the clients' programs, for `tests/sdk/test_clients.py`.
pub(crate) const FOLDERS: &str = "BLEEPSTORE_TEST_CLIENTS";

/// Clients that Debian packages, in the versions of Debian 12.
const DEBIAN: [&str; 2] = ["rclone=1.60.1+dfsg-2+b5", "restic=0.14.0-1+b5"];

/// The clients that are there: the folders of their programs, and for each kind that is not why.
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
        clients.note("s3cmd, s5cmd, pyarrow and obstore", folder);
        clients.note("rclone and restic", debian());
        clients
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

/// Unpacks Debian's packages below `.tools/debian`, or finds that this was done already; the folder of their programs.
fn debian() -> Result<PathBuf, String> {
    let folder = root().join(".tools/debian");
    let (stamp, programs) = (folder.join("packages.stamp"), folder.join("usr/bin"));
    let wanted = DEBIAN.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|unpacked| unpacked == wanted) {
        return Ok(programs);
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
            .args(DEBIAN),
    )?;
    for package in fs::read_dir(&downloads).map_err(complain)? {
        let package = package.map_err(complain)?.path();
        output(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&folder))?;
    }
    fs::remove_dir_all(&downloads).map_err(complain)?;
    fs::write(&stamp, wanted).map_err(complain)?;
    Ok(programs)
}
