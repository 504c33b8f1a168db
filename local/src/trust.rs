//! Whether anybody else may change what the server believes: its folder, and the file of its credentials.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bleepstore_tools::{Failure, Result};
use rustix::process::geteuid;

/// Write permission of the group and of everybody else.
const OTHERS_WRITE: u32 = 0o022;

/// In a folder with this bit files are removed and renamed by their owners only, as in `/tmp`.
const STICKY: u32 = 0o1000;

const ROOT: u32 = 0;

/// Why a file or a folder is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Its owner is neither this process's user nor root.
    Owner(u32),
    /// Its group or everybody may write to it.
    Writable,
}

fn fault(owner: u32, mode: u32, user: u32) -> Option<Fault> {
    if owner != user && owner != ROOT {
        Some(Fault::Owner(owner))
    } else if mode & OTHERS_WRITE != 0 {
        Some(Fault::Writable)
    } else {
        None
    }
}

/// Refuses a data folder in which somebody else could plant files.
pub(crate) fn check_folder(path: &Path) -> Result<()> {
    let (path, metadata) = resolved(path)?;
    let user = geteuid().as_raw();
    match fault(metadata.uid(), metadata.mode(), user) {
        Some(fault) => Err(refused("the data folder", &path, fault, user)),
        None => Ok(()),
    }
}

/// Refuses a file that somebody else could have written, or could exchange: the one that a symbolic link leads to, and
/// the folder that it is in.
pub fn check_file(path: &Path) -> Result<()> {
    let (path, metadata) = resolved(path)?;
    let user = geteuid().as_raw();
    if let Some(fault) = fault(metadata.uid(), metadata.mode(), user) {
        return Err(refused("the file", &path, fault, user));
    }
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    let (folder, metadata) = resolved(folder)?;
    match fault(metadata.uid(), metadata.mode(), user) {
        Some(Fault::Writable) if metadata.mode() & STICKY != 0 => Ok(()),
        Some(fault) => Err(refused("the folder", &folder, fault, user)),
        None => Ok(()),
    }
}

fn resolved(path: &Path) -> Result<(PathBuf, Metadata)> {
    let failed = |error: io::Error| Failure::new(format!("{} cannot be looked at: {error}", path.display()));
    let path = fs::canonicalize(path).map_err(failed)?;
    let metadata = fs::metadata(&path).map_err(failed)?;
    Ok((path, metadata))
}

fn refused(what: &str, path: &Path, fault: Fault, user: u32) -> Failure {
    let path = path.display();
    Failure::new(match fault {
        Fault::Writable => format!(
            "{what} {path} can be changed by others than its owner: see that nobody has, then run chmod go-w '{path}'"
        ),
        Fault::Owner(owner) => format!(
            "{what} {path} belongs to the user {owner}, and neither to the user {user}, who runs this, nor to root: \
             see that it is yours, then run chown {user} '{path}'"
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use tempfile::TempDir;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_write_or_own_is_not_believed() {
        for (owner, mode, expected) in [
            (7, 0o100_600, None),
            (7, 0o100_644, None),
            (ROOT, 0o100_644, None),
            (7, 0o100_620, Some(Fault::Writable)),
            (7, 0o100_602, Some(Fault::Writable)),
            (ROOT, 0o041_777, Some(Fault::Writable)),
            (8, 0o100_600, Some(Fault::Owner(8))),
            (8, 0o100_666, Some(Fault::Owner(8))),
        ] {
            assert_eq!(fault(owner, mode, 7), expected, "{owner} {mode:o}");
        }
    }

    #[test]
    fn the_line_says_what_to_run() {
        let line = |fault| refused("the file", Path::new("/d/credentials"), fault, 7).to_string();
        assert_eq!(
            line(Fault::Writable),
            "the file /d/credentials can be changed by others than its owner: see that nobody has, then run chmod \
             go-w '/d/credentials'"
        );
        assert!(line(Fault::Owner(8)).ends_with("then run chown 7 '/d/credentials'"));
    }

    #[test]
    fn a_symbolic_link_is_followed_to_the_file_and_its_folder() {
        let folders = TempDir::new().unwrap();
        let (own, open) = (folders.path().join("own"), folders.path().join("open"));
        for folder in [&own, &open] {
            fs::create_dir(folder).unwrap();
            set_mode(folder, 0o700);
        }
        let (file, link) = (open.join("file"), own.join("link"));
        fs::write(&file, "").unwrap();
        set_mode(&file, 0o600);
        symlink(&file, &link).unwrap();
        check_file(&link).unwrap();
        set_mode(&file, 0o606);
        let line = check_file(&link).unwrap_err().to_string();
        assert!(line.contains("/open/file can be changed"), "{line}");
        set_mode(&file, 0o600);
        set_mode(&open, 0o777);
        let line = check_file(&link).unwrap_err().to_string();
        assert!(line.contains("/open can be changed"), "{line}");
        set_mode(&open, 0o1777);
        check_file(&link).unwrap();
    }

    #[test]
    fn a_folder_is_refused_though_files_of_others_are_safe_in_it() {
        let folder = TempDir::new().unwrap();
        check_folder(folder.path()).unwrap();
        for mode in [0o770, 0o1777] {
            set_mode(folder.path(), mode);
            assert!(check_folder(folder.path()).is_err());
        }
    }
}
