//! What differs between the clouds: credentials, the package, and how it gets there.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::package::{self, Arch, Package};
use crate::report::Check;
use crate::run::{output, succeeds, target_dir};

/// A cloud with a root in `infra`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cloud {
    Aws,
    Gcp,
    Azure,
}

/// The name of the image in its repository.
const IMAGE: &str = "server";

impl Cloud {
    /// The cloud of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Aws, Self::Gcp, Self::Azure]
            .into_iter()
            .find(|cloud| cloud.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
        }
    }

    /// Whether there are credentials where Terraform looks for them, and the settings that have no default.
    pub(super) fn ready(self) -> Check {
        match self {
            Self::Aws => {
                one_set(&["AWS_REGION", "AWS_DEFAULT_REGION"])?;
                let set = [
                    "AWS_ACCESS_KEY_ID",
                    "AWS_PROFILE",
                    "AWS_WEB_IDENTITY_TOKEN_FILE",
                    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                ];
                credentials("AWS", &set, &[".aws/credentials", ".aws/config"], "aws configure")
            }
            Self::Gcp => {
                one_set(&["TF_VAR_project"])?;
                one_set(&["TF_VAR_region"])?;
                output(Command::new("skopeo").arg("--version"))
                    .map_err(|_| "skopeo, which pushes the image, is not installed".to_owned())?;
                let files = [".config/gcloud/application_default_credentials.json"];
                let sign_in = "gcloud auth application-default login";
                credentials(
                    "Google Cloud",
                    &["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CREDENTIALS"],
                    &files,
                    sign_in,
                )
            }
            Self::Azure => {
                one_set(&["TF_VAR_name"])?;
                one_set(&["TF_VAR_location"])?;
                one_set(&["ARM_SUBSCRIPTION_ID"])?;
                credentials(
                    "Azure",
                    &["ARM_CLIENT_ID", "ARM_USE_MSI"],
                    &[".azure/azureProfile.json"],
                    "az login",
                )
            }
        }
    }

    /// Builds what is deployed.
    pub(super) fn package(self) -> Result<Deployable, String> {
        match self {
            Self::Aws => {
                let Package { archive, .. } = package::aws(Arch::X86_64)?;
                Ok(Deployable {
                    variables: vec![format!("-var=package={}", archive.display())],
                    image: None,
                })
            }
            Self::Gcp => {
                let Package { archive, .. } = package::gcp(Arch::X86_64)?;
                let variable = |name| env::var(name).map_err(|error| format!("{name}: {error}"));
                let name = env::var("TF_VAR_name").unwrap_or_else(|_| "bleepstore".to_owned());
                let (region, project) = (variable("TF_VAR_region")?, variable("TF_VAR_project")?);
                let repository = format!("{region}-docker.pkg.dev/{project}/{name}/{IMAGE}");
                Ok(Deployable {
                    variables: vec![format!("-var=image={repository}@{}", digest(&archive)?)],
                    image: Some(Image {
                        layout: archive,
                        repository,
                    }),
                })
            }
            Self::Azure => {
                let Package { archive, .. } = package::azure()?;
                Ok(Deployable {
                    variables: vec![format!("-var=package={}", archive.display())],
                    image: None,
                })
            }
        }
    }

    /// Variables for a run that packages nothing: what they would name is about to go.
    pub(super) fn nothing_new(self) -> Vec<String> {
        match self {
            Self::Aws => vec!["-var=package=versions.tf".to_owned()],
            Self::Gcp | Self::Azure => Vec::new(),
        }
    }
}

impl Cloud {
    /// The resources that the switch `deletion_protection` is about, as arguments of Terraform; none for all. Only where
    /// something else would change with them.
    pub(super) const fn protected(self) -> &'static [&'static str] {
        match self {
            Self::Aws => &[
                "-target=aws_dynamodb_table.metadata",
                "-target=aws_s3_bucket.blobs",
                "-target=aws_lb.http",
            ],
            Self::Gcp | Self::Azure => &[],
        }
    }
}

/// A package, and the variables of Terraform that name it.
pub(super) struct Deployable {
    pub(super) variables: Vec<String>,
    /// What must be pushed between making its registry and making what runs it.
    pub(super) image: Option<Image>,
}

/// A container image on this machine, and where it goes.
pub(super) struct Image {
    layout: PathBuf,
    repository: String,
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

/// The digest of the one image in an OCI layout.
fn digest(layout: &Path) -> Result<String, String> {
    let file = layout.join("index.json");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let index: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let digest = index["manifests"][0]["digest"].as_str();
    digest
        .map(str::to_owned)
        .ok_or_else(|| format!("{} names no image", file.display()))
}

fn one_set(names: &[&str]) -> Check {
    let set = names
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    if set {
        Ok(())
    } else {
        Err(format!("{} is not set", names.join(" or ")))
    }
}

/// Whether credentials are set, or lie where the cloud's tools keep them. Whether they are good is for Terraform to find out.
fn credentials(cloud: &str, variables: &[&str], files: &[&str], sign_in: &str) -> Check {
    let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
    let found = one_set(variables).is_ok() || files.iter().any(|file| home.join(file).is_file());
    if found {
        Ok(())
    } else {
        Err(format!("no credentials of {cloud} are found: {sign_in}"))
    }
}
