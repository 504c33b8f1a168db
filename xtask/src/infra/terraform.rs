//! Running Terraform.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::tools;
use crate::report::Check;
use crate::run::output;

/// The first version that the roots and their tests are for.
const OLDEST: (u64, u64) = (1, 11);

/// The platform that Terraform names its providers for, such as `linux_amd64`.
pub(super) fn platform() -> Result<String, String> {
    let printed = output(
        Command::new("terraform")
            .args(["version", "-json"])
            .env("CHECKPOINT_DISABLE", "1"),
    )?;
    let version: Value =
        serde_json::from_str(&printed).map_err(|error| format!("terraform version: {error}"))?;
    let (Some(number), Some(platform)) = (
        version["terraform_version"].as_str(),
        version["platform"].as_str(),
    ) else {
        return Err("terraform version names no version".to_owned());
    };
    let mut numbers = number.split('.').map(|part| part.parse().unwrap_or(0));
    if (numbers.next(), numbers.next()) < (Some(OLDEST.0), Some(OLDEST.1)) {
        return Err(format!(
            "terraform is {number}, and must be {}.{} at least",
            OLDEST.0, OLDEST.1
        ));
    }
    Ok(platform.to_owned())
}

/// Terraform with a fixed choice of providers, and nothing of the user's configuration.
pub(super) struct Terraform {
    config: PathBuf,
}

impl Terraform {
    /// Takes every provider from this mirror.
    pub(super) fn with_stand_ins(mirror: &Path) -> Result<Self, String> {
        let text = format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
            mirror.display()
        );
        Self::configured("stand-ins.tfrc", &text)
    }

    /// Takes AWS's own provider from one mirror and the others from another.
    pub(super) fn with_aws(of_aws: &Path, of_others: &Path) -> Result<Self, String> {
        let mirror = |path: &Path, choice: &str| {
            let source = "registry.terraform.io/hashicorp/aws";
            format!(
                "  filesystem_mirror {{\n    path = \"{}\"\n    {choice} = [\"{source}\"]\n  }}\n",
                path.display()
            )
        };
        let text = format!(
            "provider_installation {{\n{}{}}}\n",
            mirror(of_aws, "include"),
            mirror(of_others, "exclude")
        );
        Self::configured("aws.tfrc", &text)
    }

    fn configured(name: &str, text: &str) -> Result<Self, String> {
        let config = tools().join(name);
        fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
        Ok(Self { config })
    }

    /// Terraform in a folder.
    pub(super) fn command<S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = self.program(Path::new("terraform"));
        command.current_dir(folder).args(arguments);
        command
    }

    /// A program that runs Terraform.
    pub(super) fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("TF_CLI_CONFIG_FILE", &self.config)
            // The stand-ins speak over a socket that only this user reaches.
            .env("TF_DISABLE_PLUGIN_TLS", "1")
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .env_remove("TF_WORKSPACE")
            .env_remove("TF_DATA_DIR");
        command
    }

    /// Whether all files below a folder are as `terraform fmt` writes them.
    pub(super) fn formatted(&self, folder: &Path) -> Check {
        let files = output(&mut self.command(folder, ["fmt", "-check", "-recursive", "-list=true"]));
        files
            .map(drop)
            .map_err(|error| format!("infra is not as `terraform fmt -recursive infra` writes it: {error}"))
    }

    /// Installs the providers.
    pub(super) fn init(&self, folder: &Path) -> Check {
        let arguments = ["init", "-backend=false", "-input=false", "-no-color"];
        output(&mut self.command(folder, arguments)).map(drop)
    }

    /// What `terraform validate` complains about, a line for each.
    pub(super) fn validate(&self, folder: &Path) -> Result<Vec<String>, String> {
        // It fails where the configuration is wrong, and tells why on standard output all the same.
        let ended = self
            .command(folder, ["validate", "-json"])
            .output()
            .map_err(|error| format!("terraform cannot be run: {error}"))?;
        let answer: Value = serde_json::from_slice(&ended.stdout).map_err(|error| {
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            format!("terraform validate: {error}: {said}")
        })?;
        let diagnostics = answer["diagnostics"].as_array().cloned().unwrap_or_default();
        Ok(diagnostics.iter().map(line).collect())
    }

    /// Runs the tests of a root; how many passed. Their output when one does not.
    pub(super) fn test(&self, folder: &Path) -> Result<u64, String> {
        let ended = self
            .command(folder, ["test", "-no-color"])
            .output()
            .map_err(|error| format!("terraform cannot be run: {error}"))?;
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        if !ended.status.success() {
            return Err(said + &String::from_utf8_lossy(&ended.stderr));
        }
        let runs = said
            .lines()
            .filter(|line| line.ends_with("... pass") && line.starts_with("  run "));
        Ok(runs.count() as u64)
    }
}

/// A complaint in one line, with its place.
fn line(diagnostic: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().replace('\n', " ");
    let range = &diagnostic["range"];
    format!(
        "{}:{}: {}: {}",
        text(&range["filename"]),
        range["start"]["line"],
        text(&diagnostic["summary"]),
        text(&diagnostic["detail"])
    )
}
