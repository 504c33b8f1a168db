//! A container image, and how it gets to a registry of Google's.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::report::Check;
use crate::run::{output, succeeds, target_dir};

/// A container image on this machine, and where it goes.
pub(super) struct Image {
    /// A folder in OCI's layout.
    pub(super) layout: PathBuf,
    pub(super) repository: String,
}

impl Image {
    /// The resources that must be there before it is pushed.
    pub(super) const NEEDS: [&str; 2] = [
        "-target=google_project_service.needed",
        "-target=google_artifact_registry_repository.images",
    ];

    /// Pushes it, with the credentials that gcloud has.
    pub(super) fn push(&self) -> Check {
        let token = output(Command::new("gcloud").args(["auth", "print-access-token"]))?;
        let login = target_dir().join("deploy/registry.json");
        let host = self.repository.split('/').next().unwrap_or_default();
        let mut sign_in = Command::new("skopeo");
        sign_in.args([
            "login",
            "--username",
            "oauth2accesstoken",
            "--password-stdin",
            "--authfile",
        ]);
        given(sign_in.arg(&login).arg(host), token.trim())?;
        let mut copy = Command::new("skopeo");
        copy.args(["copy", "--authfile"]).arg(&login);
        copy.arg(format!("oci:{}", self.layout.display()))
            .arg(format!("docker://{}:latest", self.repository));
        let pushed = succeeds(&mut copy);
        let removed = fs::remove_file(&login).map_err(|error| format!("{}: {error}", login.display()));
        pushed.and(removed)
    }
}

/// Runs a program with this on its standard input, where nobody else sees it.
fn given(command: &mut Command, input: &str) -> Check {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("{name}: {error}");
    let mut child = command.stdin(Stdio::piped()).spawn().map_err(&failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(&failed)?;
    }
    match child.wait().map_err(&failed)? {
        status if status.success() => Ok(()),
        status => Err(format!("{name} ended with {status}")),
    }
}
