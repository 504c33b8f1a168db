//! The certificates that a server in an image trusts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::PackedFile;

/// Where programs on Linux look for them.
const ROOTS: &str = "etc/ssl/certs/ca-certificates.crt";

/// Mozilla's root certificates, in the version that `Cargo.lock` names, where programs look for them.
pub(super) fn trusted() -> PackedFile {
    PackedFile {
        path: ROOTS.to_owned(),
        mode: 0o644,
        content: root_certificates().into_bytes(),
    }
}

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
