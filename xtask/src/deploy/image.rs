//! A container image, and how it gets to a registry of Google's or Amazon's.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::is_there;
use super::outputs::Outputs;
use crate::report::Check;
use crate::run::{output, succeeds, target_dir};

/// A container image on this machine, and where it goes.
pub(super) struct Image {
    /// A folder in OCI's layout.
    pub(super) layout: PathBuf,
    pub(super) registry: Registry,
}

/// Where an image goes.
pub(super) enum Registry {
    /// A repository of Artifact Registry, whose name is known before it is made.
    Google(String),
    /// The repository of ECR that the root makes. Its name has the account's number in it.
    Amazon,
}

impl Registry {
    /// The resources that must be there before an image is pushed, as arguments of Terraform.
    pub(super) const fn needs(&self) -> &'static [&'static str] {
        match self {
            Self::Google(_) => &[
                "-target=google_project_service.needed",
                "-target=google_artifact_registry_repository.images",
            ],
            Self::Amazon => &[
                "-target=aws_ecr_repository.images",
                "-target=aws_ecr_lifecycle_policy.images",
            ],
        }
    }

    /// Whether the programs are there that push an image.
    pub(super) fn tools_are_there(&self) -> Check {
        let signs_in = match self {
            Self::Google(_) => ("gcloud", "gcloud, which signs in to the registry,"),
            Self::Amazon => ("aws", "aws, which signs in to the registry,"),
        };
        let mut tools = [("skopeo", "skopeo, which pushes the image,"), signs_in].into_iter();
        tools.try_for_each(|(program, what)| is_there(Command::new(program).arg("--version"), what))
    }

    /// The name of the repository, from what the root says once it is there.
    pub(super) fn repository(&self, outputs: &Outputs) -> Result<String, String> {
        match self {
            Self::Google(repository) => Ok(repository.clone()),
            Self::Amazon => Ok(outputs.text("repository")?.to_owned()),
        }
    }
}

impl Image {
    /// Pushes it to a repository, with the credentials that the cloud's own program has.
    pub(super) fn push(&self, repository: &str) -> Check {
        let login = target_dir().join("deploy/registry.json");
        let pushed = self.pushed(repository, &login, Path::new(""));
        let removed = match login.exists() {
            true => fs::remove_file(&login).map_err(|error| format!("{}: {error}", login.display())),
            false => Ok(()),
        };
        pushed.and(removed)
    }

    /// Signs in, and copies. Programs are taken from a folder, or from where the shell finds them.
    fn pushed(&self, repository: &str, login: &Path, programs: &Path) -> Check {
        let program = |name: &str| Command::new(programs.join(name));
        let host = repository.split('/').next().unwrap_or_default();
        let (user, token) = match self.registry {
            Registry::Google(_) => (
                "oauth2accesstoken",
                output(program("gcloud").args(["auth", "print-access-token"]))?,
            ),
            Registry::Amazon => {
                let mut password = program("aws");
                password.args(["ecr", "get-login-password", "--region"]);
                ("AWS", output(password.arg(region_of(host)?))?)
            }
        };
        let mut sign_in = program("skopeo");
        sign_in.args(["login", "--username", user, "--password-stdin", "--authfile"]);
        given(sign_in.arg(login).arg(host), token.trim())?;
        let mut copy = program("skopeo");
        // What runs is named by the digest that was computed here.
        copy.args(["copy", "--preserve-digests", "--authfile"]).arg(login);
        copy.arg(format!("oci:{}", self.layout.display()))
            .arg(format!("docker://{repository}:latest"));
        succeeds(&mut copy)
    }
}

/// The region in the name of a registry of ECR: `{account}.dkr.ecr.{region}.amazonaws.com`.
fn region_of(host: &str) -> Result<&str, String> {
    let rest = host.split_once(".dkr.ecr.").map(|(_, rest)| rest);
    let region = rest.and_then(|rest| rest.split('.').next());
    region.ok_or_else(|| format!("{host} is no registry of ECR"))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder of programs that write down how they are called and what they are given. Where they read nothing, they
    /// print a password.
    fn programs(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("bleepstore-push-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for program in ["aws", "gcloud", "skopeo"] {
            let file = folder.join(program);
            let given = r#"case " $* " in *" --password-stdin "*) echo "given $(cat)" >> calls;; *) echo secret;; esac"#;
            let script = format!(
                "#!/bin/sh\ncd '{}'\necho \"${{0##*/}} $*\" >> calls\n{given}\n",
                folder.display()
            );
            fs::write(&file, script).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    fn calls(name: &str, registry: Registry, repository: &str) -> Result<String, String> {
        let folder = programs(name);
        let image = Image {
            layout: "/layout".into(),
            registry,
        };
        let pushed = image.pushed(repository, Path::new("/login"), &folder);
        let calls = fs::read_to_string(folder.join("calls")).unwrap_or_default();
        fs::remove_dir_all(folder).unwrap();
        pushed.map(|()| calls)
    }

    #[test]
    fn an_image_goes_to_ecr_with_the_password_that_aws_prints_and_no_argument_shows() {
        let repository = "123456789012.dkr.ecr.eu-north-1.amazonaws.com/bleepstore";
        let expected = "aws ecr get-login-password --region eu-north-1\n\
            skopeo login --username AWS --password-stdin --authfile /login 123456789012.dkr.ecr.eu-north-1.amazonaws.com\n\
            given secret\n\
            skopeo copy --preserve-digests --authfile /login oci:/layout \
            docker://123456789012.dkr.ecr.eu-north-1.amazonaws.com/bleepstore:latest\n";
        assert_eq!(
            calls("ecr", Registry::Amazon, repository).as_deref(),
            Ok(expected)
        );
        let error = calls("strange", Registry::Amazon, "registry.example/bleepstore");
        assert_eq!(error, Err("registry.example is no registry of ECR".to_owned()));
    }

    #[test]
    fn an_image_goes_to_google_with_the_token_that_gcloud_prints() {
        let repository = "eu-docker.pkg.dev/project/bleepstore/server";
        let calls = calls("google", Registry::Google(repository.to_owned()), repository).unwrap();
        assert!(
            calls.starts_with("gcloud auth print-access-token\nskopeo login --username oauth2accesstoken ")
        );
        assert!(calls.ends_with(&format!(" oci:/layout docker://{repository}:latest\n")));
    }
}
