//! Root certificates, read quickly.
//!
//! Each HTTP client of the SDKs reads the machine's roots for itself, four of them before the first request is served. Where
//! nothing says otherwise they read a folder with a file for each root, which takes most of the time that a start takes; the
//! same roots lie in one file beside it. What is read is chosen by the environment, which a program that runs can only
//! give to a new one.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Where Debian's and Azure Linux's systems keep all roots in one file.
const BUNDLES: [&str; 2] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

/// What chooses the roots: <https://docs.openssl.org/master/man3/SSL_CTX_load_verify_locations/>.
const FILE: &str = "SSL_CERT_FILE";
const FOLDER: &str = "SSL_CERT_DIR";

/// Becomes this program anew, with the environment that has the roots read from one file. Returns where they are chosen
/// already, or where there is no such file; the start is slower then, and nothing else.
pub(crate) fn read_from_one_file() {
    let Some(bundle) = bundle(
        |name| env::var_os(name).is_some(),
        |path| Path::new(path).is_file(),
    ) else {
        return;
    };
    if let Ok(program) = env::current_exe() {
        let error = Command::new(program)
            .args(env::args_os().skip(1))
            .env(FILE, bundle)
            .exec();
        tracing::warn!(%error, "the program could not become itself anew");
    }
}

/// The file to read, unless the environment has chosen.
fn bundle(is_set: impl Fn(&str) -> bool, is_file: impl Fn(&str) -> bool) -> Option<&'static str> {
    if is_set(FILE) || is_set(FOLDER) {
        return None;
    }
    BUNDLES.into_iter().find(|bundle| is_file(bundle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_system_is_read_unless_another_is_chosen() {
        assert_eq!(bundle(|_| false, |_| true), Some(BUNDLES[0]));
        assert_eq!(bundle(|_| false, |path| path == BUNDLES[1]), Some(BUNDLES[1]));
        assert_eq!(bundle(|_| false, |_| false), None);
        for chosen in [FILE, FOLDER] {
            assert_eq!(bundle(|name| name == chosen, |_| true), None);
        }
    }
}
