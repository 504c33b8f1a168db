//! The container image of the Google Cloud deployment.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::image::{self, Runs, USER};
use super::{PackedFile, Shipped, files_below, libraries, read};
use crate::emulators::Place;
use crate::report::Check;
use crate::{http, release};

const PROGRAM: &str = "bleepstore-gcp";

pub(super) const SHIPPED: Shipped = Shipped {
    package: "bleepstore-gcp",
    program: PROGRAM,
    archive: |_| "bleepstore-gcp".to_owned(),
    write,
    files: image::files,
    place: Place::Local,
    start,
};

/// Where Cloud Run tells a container to listen, unless it is told otherwise itself.
const PORT: u16 = 8080;

/// Where programs on Linux look for the certificates that they trust.
const ROOTS: &str = "etc/ssl/certs/ca-certificates.crt";

/// Mozilla's root certificates, in the version that `Cargo.lock` names.
fn root_certificates() -> String {
    let certificates = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    certificates.map(|certificate| pem(certificate)).collect()
}

/// A certificate as text ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)).
fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let mut lines = String::from("-----BEGIN CERTIFICATE-----\n");
    for (at, letter) in text.char_indices() {
        if at > 0 && at % 64 == 0 {
            lines.push('\n');
        }
        lines.push(letter);
    }
    lines.push_str("\n-----END CERTIFICATE-----\n");
    lines
}

/// Writes the image of a program, with what it needs of this machine, into a folder.
fn write(program: &Path, folder: &Path) -> Check {
    let mut files = vec![PackedFile {
        path: PROGRAM.to_owned(),
        mode: 0o755,
        content: read(program)?,
    }];
    files.push(PackedFile {
        path: ROOTS.to_owned(),
        mode: 0o644,
        content: root_certificates().into_bytes(),
    });
    files.extend(libraries::of(program)?);
    let runs = Runs {
        program: PROGRAM,
        port: PORT,
    };
    image::write(folder, &files, &runs)
}

/// Starts the program of an unpacked image, with nothing of this machine around it where that is allowed, and asks it
/// something.
fn start(root: &Path) -> Check {
    let script = root.with_extension("start");
    let failed = |error: std::io::Error| format!("{}: {error}", script.display());
    fs::write(&script, format!("#!/bin/sh\nexec {}\n", command(root)?)).map_err(failed)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    let server = release::gcp::start(&script)?;
    let denied = http::get(&server.address, "/").map_err(failed)?;
    if denied.starts_with("HTTP/1.1 403") && denied.contains("<Code>AccessDenied</Code>") {
        Ok(())
    } else {
        Err(format!("the program in the image does not serve S3: {denied}"))
    }
}

/// How a shell runs the program of an unpacked image: in it as its user, which only root may, or by its loader.
fn command(root: &Path) -> Result<String, String> {
    let me = fs::metadata("/proc/self").map_err(|error| format!("/proc/self: {error}"))?;
    let place = root.display();
    if me.uid() == 0 {
        return Ok(format!("chroot --userspec={USER}:{USER} '{place}' /{PROGRAM}"));
    }
    let found = files_below(root).map_err(|error| format!("{place}: {error}"))?;
    let is_loader = |file: &&PathBuf| file.to_string_lossy().contains("/ld-linux");
    let Some(loader) = found.iter().find(is_loader) else {
        return Ok(format!("'{place}/{PROGRAM}'"));
    };
    let mut folders: Vec<String> = found
        .iter()
        .filter_map(|file| Some(file.parent()?.display().to_string()))
        .collect();
    folders.dedup();
    let (loader, folders) = (loader.display(), folders.join(":"));
    Ok(format!(
        "'{loader}' --library-path '{folders}' '{place}/{PROGRAM}'"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_written_in_lines_of_64_letters() {
        let text = pem(&[0; 50]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!((lines[1].len(), lines[2].len()), (64, 4));
    }

    #[test]
    fn many_roots_are_trusted() {
        let count = root_certificates().matches("BEGIN CERTIFICATE").count();
        assert!(count > 50, "{count}");
    }
}
