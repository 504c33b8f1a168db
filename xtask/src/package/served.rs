//! Servers that are started from what was packaged, and asked something.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::files_below;
use super::image::USER;
use crate::http;
use crate::report::Check;
use crate::start::Server;

/// Starts the program of an unpacked image, with nothing of this machine around it where that is allowed, and asks it
/// something.
pub(super) fn from_image(
    root: &Path,
    program: &str,
    start: impl FnOnce(&Path) -> Result<Server, String>,
) -> Check {
    let script = root.with_extension("start");
    let failed = |error: std::io::Error| format!("{}: {error}", script.display());
    fs::write(&script, format!("#!/bin/sh\nexec {}\n", command(root, program)?)).map_err(failed)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    refuses_strangers(&start(&script)?.address)
}

/// Whether what listens there answers a request without a signature as S3 does.
pub(super) fn refuses_strangers(address: &str) -> Check {
    let denied = http::get(address, "/").map_err(|error| format!("{address}: {error}"))?;
    if denied.starts_with("HTTP/1.1 403") && denied.contains("<Code>AccessDenied</Code>") {
        Ok(())
    } else {
        Err(format!("what was packaged does not serve S3: {denied}"))
    }
}

/// How a shell runs the program of an unpacked image: in it as its user, which only root may, or by its loader.
fn command(root: &Path, program: &str) -> Result<String, String> {
    let me = fs::metadata("/proc/self").map_err(|error| format!("/proc/self: {error}"))?;
    let place = root.display();
    if me.uid() == 0 {
        return Ok(format!("chroot --userspec={USER}:{USER} '{place}' /{program}"));
    }
    let found = files_below(root).map_err(|error| format!("{place}: {error}"))?;
    let is_loader = |file: &&PathBuf| file.to_string_lossy().contains("/ld-linux");
    let Some(loader) = found.iter().find(is_loader) else {
        return Ok(format!("'{place}/{program}'"));
    };
    let mut folders: Vec<String> = found
        .iter()
        .filter_map(|file| Some(file.parent()?.display().to_string()))
        .collect();
    folders.dedup();
    let (loader, folders) = (loader.display(), folders.join(":"));
    Ok(format!(
        "'{loader}' --library-path '{folders}' '{place}/{program}'"
    ))
}
