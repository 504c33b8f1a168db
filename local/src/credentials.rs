//! The root credentials: given, generated and kept, or generated for one run.

use std::env::{self, VarError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bleepstore_core::model::RootCredential;
use bleepstore_core::ops::new_keys;
use bleepstore_http::{OsEntropy, PREVIOUS_SECRET_KEY, SECRET_KEY};
use bleepstore_local::data_dir::{DataDir, write_private};
use bleepstore_local::trust;

use crate::failure::{Failure, Result};

const ACCESS_KEY: &str = "BLEEPSTORE_ACCESS_KEY";
const LEAST_SECRET_BYTES: usize = 8;

/// Root credentials and where they are from.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// The credential.
    pub(crate) root: RootCredential,
    /// Where it is from.
    pub(crate) origin: Origin,
}

/// Where root credentials are from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The environment of the process.
    Environment,
    /// Generated in this run, and kept in this file.
    Created(PathBuf),
    /// Read from this file, which an earlier run wrote.
    Kept(PathBuf),
    /// Generated for this run; nothing keeps them.
    ThisRun,
}

/// The root's secret key before the present one, which the environment may give whatever the present one is from.
pub(crate) fn previous_secret_key() -> Result<Option<String>> {
    match variable(PREVIOUS_SECRET_KEY)? {
        Some(previous) if previous.len() < LEAST_SECRET_BYTES => Err(too_short(PREVIOUS_SECRET_KEY)),
        previous => Ok(previous),
    }
}

fn too_short(variable: &str) -> Failure {
    Failure::usage(format!(
        "{variable} must have at least {LEAST_SECRET_BYTES} bytes"
    ))
}

/// The credentials that the environment gives, if any.
pub(crate) fn from_environment() -> Result<Option<RootCredential>> {
    match (variable(ACCESS_KEY)?, variable(SECRET_KEY)?) {
        (None, None) => Ok(None),
        (Some(access_key), Some(secret_key)) => {
            if !(3..=128).contains(&access_key.len()) || !access_key.bytes().all(is_access_key_byte) {
                return Err(Failure::usage(format!(
                    "{ACCESS_KEY} must be 3 to 128 letters, digits, dots, hyphens or underscores"
                )));
            }
            if secret_key.len() < LEAST_SECRET_BYTES {
                return Err(too_short(SECRET_KEY));
            }
            Ok(Some(RootCredential::new(access_key, secret_key)))
        }
        (Some(_), None) => Err(Failure::usage(format!(
            "{ACCESS_KEY} needs {SECRET_KEY} beside it"
        ))),
        (None, Some(_)) => Err(Failure::usage(format!(
            "{SECRET_KEY} needs {ACCESS_KEY} beside it"
        ))),
    }
}

fn variable(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Failure::usage(format!("{name} is not UTF-8"))),
    }
}

/// Access keys stand in credential scopes, between slashes, and in URLs.
fn is_access_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// The credentials of a run: `given` ones, those that the data folder keeps, or new ones.
pub(crate) fn establish(given: Option<RootCredential>, folder: Option<&DataDir>) -> Result<Credentials> {
    let (root, origin) = match (given, folder) {
        (Some(root), _) => (root, Origin::Environment),
        (None, None) => (generate(), Origin::ThisRun),
        (None, Some(folder)) => {
            let path = folder.path().join("credentials");
            match read(&path)? {
                Some(root) => (root, Origin::Kept(path)),
                None => {
                    let root = generate();
                    write_private(&path, &render(&root)).map_err(|error| {
                        Failure::new(format!("{} cannot be written: {error}", path.display()))
                    })?;
                    (root, Origin::Created(path))
                }
            }
        }
    };
    Ok(Credentials { root, origin })
}

/// The format of the shared credentials file, so that AWS clients can be pointed at it.
fn render(root: &RootCredential) -> String {
    format!(
        "# The root credentials of this store.\n[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        root.access_key, root.secret_key
    )
}

fn read(path: &Path) -> Result<Option<RootCredential>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::new(format!(
                "{} cannot be read: {error}",
                path.display()
            )));
        }
    };
    trust::check_file(path)?;
    let value = |name: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Failure::new(format!("{} has no {name}", path.display())))
    };
    Ok(Some(RootCredential::new(
        value("aws_access_key_id")?,
        value("aws_secret_access_key")?,
    )))
}

fn generate() -> RootCredential {
    let (access_key, secret_key) = new_keys(&OsEntropy);
    RootCredential::new(access_key, secret_key)
}
