//! What differs between the clouds: credentials, the package, and how it gets there.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::image::{Image, Registry};
use super::outputs::Outputs;
use super::place::Place;
use super::{is_there, leftover, publish};
use crate::package::{self, Arch, Package};
use crate::report::Check;

/// A cloud with a root in `infra`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cloud {
    Aws,
    Gcp,
    Azure,
}

/// The name of the image in its repository of Google's.
const IMAGE: &str = "server";

/// A digest of no image, for what is about to go.
const NO_IMAGE: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

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

    /// Terraform's backend that keeps state in this cloud.
    pub(super) const fn backend(self) -> &'static str {
        match self {
            Self::Aws => "s3",
            Self::Gcp => "gcs",
            Self::Azure => "azurerm",
        }
    }

    /// Whether the programs are there that a deployment needs beside Terraform.
    pub(super) fn tools_are_there(self) -> Check {
        match self {
            Self::Aws => is_there(
                Command::new("aws").arg("--version"),
                "aws, which reads the secret key,",
            ),
            Self::Azure => {
                is_there(
                    Command::new("az").arg("--version"),
                    "az, which reads the secret key,",
                )?;
                publish::is_ready()
            }
            Self::Gcp => Registry::Google(String::new()).tools_are_there(),
        }
    }

    /// Whether there are credentials where Terraform looks for them, and the settings that have no default.
    pub(super) fn has_settings_and_credentials(self) -> Check {
        match self {
            Self::Aws => {
                one_set(&["AWS_REGION", "AWS_DEFAULT_REGION"])?;
                let set = [
                    "AWS_ACCESS_KEY_ID",
                    "AWS_PROFILE",
                    "AWS_SHARED_CREDENTIALS_FILE",
                    "AWS_CONFIG_FILE",
                    "AWS_WEB_IDENTITY_TOKEN_FILE",
                    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                ];
                credentials("AWS", &set, &[".aws/credentials", ".aws/config"], "aws configure")
            }
            Self::Gcp => {
                one_set(&["TF_VAR_project"])?;
                one_set(&["TF_VAR_region"])?;
                let set = [
                    "GOOGLE_APPLICATION_CREDENTIALS",
                    "GOOGLE_CREDENTIALS",
                    "GOOGLE_OAUTH_ACCESS_TOKEN",
                ];
                let files = [".config/gcloud/application_default_credentials.json"];
                let sign_in = "gcloud auth application-default login";
                credentials("Google Cloud", &set, &files, sign_in)
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

    /// Takes away what an earlier run left half made, and this one could not make again.
    pub(super) fn clear(self) -> Check {
        match self {
            Self::Aws | Self::Azure => Ok(()),
            Self::Gcp => leftover::removed(&Place::told()?),
        }
    }

    /// Takes away what is left of a deployment that was destroyed: Terraform forgets what it left half made. The
    /// outputs are those from before.
    pub(super) fn clear_destroyed(self, outputs: &Outputs) -> Check {
        match self {
            Self::Aws | Self::Azure => Ok(()),
            // Not what the environment says: the settings of the deployment may lie elsewhere.
            Self::Gcp => match outputs.known("repository").and_then(Place::of_repository) {
                Some(place) => leftover::removed(&place),
                None => Ok(()),
            },
        }
    }

    /// What says in Terraform's words that an image is pushed beside the package, where variables decide on it, and
    /// variables for Terraform to say it by.
    pub(super) const fn pushes_an_image(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            // The package is any file: the variable must name one to be read.
            Self::Aws => Some(("local.pushes_image", &["-var=package=versions.tf"])),
            Self::Gcp | Self::Azure => None,
        }
    }

    /// Builds what is deployed, with an image beside it where that is said.
    pub(super) fn package(self, with_image: bool) -> Result<Deployable, String> {
        match self {
            Self::Aws => {
                let name = env::var("TF_VAR_architecture").unwrap_or_else(|_| Arch::X86_64.name().to_owned());
                let arch = Arch::named(&name).ok_or_else(|| format!("there is no architecture {name}"))?;
                let Package { archive, .. } = package::aws(arch)?;
                let mut variables = vec![format!("-var=package={}", archive.display())];
                let image = match with_image {
                    true => Some(package::aws_image(arch)?.archive),
                    false => None,
                };
                if let Some(layout) = &image {
                    variables.push(format!("-var=image_digest={}", package::image_digest(layout)?));
                }
                Ok(Deployable {
                    variables,
                    made_for: vec![("architecture", name)],
                    image: image.map(|layout| Image {
                        layout,
                        registry: Registry::Amazon,
                    }),
                    published: None,
                })
            }
            Self::Gcp => {
                let Package { archive, .. } = package::gcp(Arch::X86_64)?;
                let Place {
                    name,
                    project,
                    region,
                } = Place::told()?;
                let repository = format!("{region}-docker.pkg.dev/{project}/{name}/{IMAGE}");
                Ok(Deployable {
                    made_for: vec![("name", name), ("project", project), ("region", region)],
                    variables: vec![format!(
                        "-var=image={repository}@{}",
                        package::image_digest(&archive)?
                    )],
                    image: Some(Image {
                        layout: archive,
                        registry: Registry::Google(repository),
                    }),
                    published: None,
                })
            }
            Self::Azure => {
                let Package { archive, .. } = package::azure()?;
                Ok(Deployable {
                    variables: Vec::new(),
                    made_for: Vec::new(),
                    image: None,
                    published: Some(archive),
                })
            }
        }
    }

    /// Variables for a run that packages nothing: what they name is about to go. Without its image Google's service would go
    /// in the run that is to take off its protection, and be held by that.
    pub(super) fn nothing_new(self, outputs: &Outputs) -> Vec<String> {
        match self {
            Self::Aws => vec![
                "-var=package=versions.tf".to_owned(),
                format!("-var=image_digest={NO_IMAGE}"),
            ],
            Self::Gcp => {
                let image = outputs.known("image").into_iter();
                image.map(|image| format!("-var=image={image}")).collect()
            }
            Self::Azure => Vec::new(),
        }
    }

    /// What release 0.1.0 had under these addresses has another one since. As long as a state has it under the old one,
    /// Terraform takes no targets without these.
    pub(super) const fn moved(self) -> &'static [&'static str] {
        match self {
            Self::Aws => &["-target=aws_ssm_parameter.root_secret_key"],
            Self::Gcp => &["-target=google_secret_manager_secret_version.root_secret_key"],
            Self::Azure => &[
                "-target=azurerm_key_vault_secret.root_secret_key",
                "-target=azurerm_role_assignment.secret",
            ],
        }
    }

    /// The resources that the switch `deletion_protection` is about, as arguments of Terraform.
    pub(crate) const fn protected(self) -> &'static [&'static str] {
        match self {
            Self::Aws => &[
                "-target=aws_dynamodb_table.metadata",
                "-target=aws_s3_bucket.blobs",
                "-target=aws_lb.http",
            ],
            Self::Gcp => &[
                "-target=google_firestore_database.metadata",
                "-target=google_storage_bucket.blobs",
                "-target=google_cloud_run_v2_service.bleepstore",
            ],
            Self::Azure => &["-target=azurerm_management_lock.stored"],
        }
    }
}

/// A package, and the variables of Terraform that name it.
pub(super) struct Deployable {
    pub(super) variables: Vec<String>,
    /// Variables that it was made by, with their values. They were read from the environment, and a file of variables may say
    /// otherwise.
    made_for: Vec<(&'static str, String)>,
    /// What must be pushed between making its registry and making what runs it.
    pub(super) image: Option<Image>,
    /// What is published once everything that runs it is made.
    pub(super) published: Option<PathBuf>,
}

impl Deployable {
    /// Whether the plan, as `terraform show -json` has it, is for what this was made for.
    pub(super) fn fits(&self, plan: &Value) -> Check {
        for (name, value) in &self.made_for {
            let planned = &plan["variables"][name]["value"];
            if !planned.is_null() && planned != value.as_str() {
                return Err(format!(
                    "what was packaged is for {name} = {value}, and the plan for {planned}: set TF_VAR_{name}"
                ));
            }
        }
        Ok(())
    }
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
