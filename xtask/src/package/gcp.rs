//! The container image of the Google Cloud deployment.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::image::{self, ImageFile, Runs, USER};
use super::libraries;
use crate::http::{self, HEALTH};
use crate::report::Check;
use crate::run::{succeeds, target_dir};

const PROGRAM: &str = "bleepstore-gcp";

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
pub(crate) fn write(program: &Path, folder: &Path) -> Check {
    let content =
        fs::read(program).map_err(|error| format!("{} cannot be read: {error}", program.display()))?;
    let mut files = vec![ImageFile {
        path: PROGRAM.to_owned(),
        mode: 0o755,
        content,
    }];
    files.push(ImageFile {
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

/// Packages what `cargo test` built, unpacks it, and asks the program in it something, with nothing of this machine around it
/// where that is allowed.
pub(crate) fn check_everyday_image() -> Check {
    let folder = env::temp_dir().join(format!("bleepstore-image-{}", std::process::id()));
    let checked = check_in(&folder);
    let removed = fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()));
    checked.and(removed)
}

fn check_in(folder: &Path) -> Check {
    let (layout, root) = (folder.join("layout"), folder.join("root"));
    write(&target_dir().join("debug").join(PROGRAM), &layout)?;
    image::unpack(&layout, &root)?;
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let start = folder.join("start");
    fs::write(&start, format!("#!/bin/sh\nexec {}\n", command(&root)?)).map_err(failed)?;
    fs::set_permissions(&start, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    let running = Running::start(&start)?;
    let health = ask(&running.address, HEALTH)?;
    if !http::is_healthy(&health) {
        return Err(format!("the program in the image is not well: {health}"));
    }
    let denied = ask(&running.address, "/")?;
    if !(denied.starts_with("HTTP/1.1 403") && denied.contains("<Code>AccessDenied</Code>")) {
        return Err(format!("the program in the image does not serve S3: {denied}"));
    }
    running.stop()
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

fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// The program on emulators of its stores.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(program: &Path) -> Result<Self, String> {
        let emulate = target_dir().join("debug/emulate-gcp");
        let mut child = Command::new(&emulate)
            .arg("--program")
            .arg(program)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", emulate.display()))?;
        let lines = child
            .stdout
            .take()
            .map(BufReader::new)
            .into_iter()
            .flat_map(BufRead::lines);
        let address = lines.map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("endpoint    http://")?;
            Some(address.to_owned())
        });
        match address {
            Some(address) => Ok(Self { child, address }),
            None => {
                // It has closed its output, so it ends by itself.
                let ended = child.wait().map_err(|error| error.to_string())?;
                Err(format!("the program in the image did not start: {ended}"))
            }
        }
    }

    fn stop(mut self) -> Check {
        succeeds(Command::new("kill").arg(self.child.id().to_string()))?;
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the program in the image ended with {status}")),
            Err(error) => Err(format!("the program in the image was lost: {error}")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None))
            && let Err(complaint) = succeeds(Command::new("kill").arg(self.child.id().to_string()))
        {
            eprintln!("an emulated Google Cloud may be left behind: {complaint}");
        }
    }
}

fn ask(address: &str, path: &str) -> Result<String, String> {
    http::get(address, path).map_err(|error| format!("{address}: {error}"))
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
