//! Terraform in the root of a cloud.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Cloud;
use super::outputs::Outputs;
use crate::report::Check;
use crate::run::{output, root, succeeds};

/// Adds a backend to a root, which has none of its own. Git ignores it.
const BACKEND: &str = "backend_override.tf";

/// Terraform's list of the hashes of its providers. None is in the repository: those of these versions are not to be
/// had from two sources that do not depend on each other.
const LOCK: &str = ".terraform.lock.hcl";

/// Where Terraform finds further arguments. `-auto-approve` among them would take the question away.
const ARGUMENTS: [&str; 4] = [
    "TF_CLI_ARGS",
    "TF_CLI_ARGS_apply",
    "TF_CLI_ARGS_destroy",
    "TF_CLI_ARGS_plan",
];

/// The root of a cloud, in the tree. Its state is `terraform.tfstate` beside it, which git ignores, or where a backend keeps it.
pub(super) struct Root {
    pub(super) cloud: Cloud,
    folder: PathBuf,
}

impl Root {
    pub(super) fn of(cloud: Cloud) -> Self {
        let folder = root().join("infra").join(cloud.name());
        Self { cloud, folder }
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command.current_dir(&self.folder).args(arguments);
        for name in ARGUMENTS {
            command.env_remove(name);
        }
        command
    }

    /// Installs the providers; with a file of settings, state is kept in the cloud's backend from now on.
    pub(super) fn init(&self, backend_config: Option<&Path>) -> Check {
        if let Some(first) = self.without_lock() {
            println!("{first}");
        }
        succeeds(&mut self.initialising(backend_config)?)
    }

    /// What is said where nothing tells yet which bytes a provider must have.
    fn without_lock(&self) -> Option<String> {
        (!self.folder.join(LOCK).exists()).then(|| {
            format!(
                "There is no infra/{}/{LOCK} yet: Terraform makes it now, from the providers that it downloads, and holds every \
                 later run in this checkout to them.",
                self.cloud.name()
            )
        })
    }

    fn initialising(&self, backend_config: Option<&Path>) -> Result<Command, String> {
        let mut init = self.run(&["init"]);
        match backend_config {
            None => init.arg("-input=false"),
            Some(file) => {
                let there = self.folder.join(BACKEND);
                fs::write(&there, with_backend(self.cloud.backend()))
                    .map_err(|error| format!("{}: {error}", there.display()))?;
                // It may ask: whether state that is here is to be moved there.
                init.arg(format!("-backend-config={}", file.display()))
            }
        };
        Ok(init)
    }

    /// A plan that was saved, as JSON. The state is in it, and there the secret key, where release 0.1.0 put it.
    pub(super) fn planned(&self, plan: &Path) -> Result<Value, String> {
        parsed(self.run(&["show", "-json"]).arg(plan))
    }

    /// Whether an expression holds for what the variables say, wherever they are set.
    pub(super) fn says(&self, expression: &str, variables: &[&str]) -> Result<bool, String> {
        let mut console = self.run(&["console"]);
        console
            .args(variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let failed = |error: io::Error| format!("terraform console: {error}");
        let mut child = console.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(expression.as_bytes()).map_err(failed)?;
        }
        let printed = child.wait_with_output().map_err(failed)?;
        match String::from_utf8_lossy(&printed.stdout).trim() {
            "true" if printed.status.success() => Ok(true),
            "false" if printed.status.success() => Ok(false),
            other => Err(format!("terraform console says {other:?} of {expression}")),
        }
    }

    /// The addresses of what the state has; none where there is no state.
    pub(super) fn state(&self) -> Result<Vec<String>, String> {
        match output(&mut self.run(&["state", "list"])) {
            Ok(listed) => Ok(listed.lines().map(str::to_owned).collect()),
            Err(complaint) if complaint.contains("No state file was found") => Ok(Vec::new()),
            Err(complaint) => Err(complaint),
        }
    }

    /// The outputs of what was applied; none where nothing was.
    pub(super) fn outputs(&self) -> Result<Outputs, String> {
        parsed(&mut self.run(&["output", "-json"])).map(Outputs)
    }
}

fn with_backend(kind: &str) -> String {
    format!(
        "# Written by `cargo xtask deploy --backend-config`. To keep state here again: remove this, terraform init -migrate-state.\n\n\
         terraform {{\n  backend \"{kind}\" {{}}\n}}\n"
    )
}

fn parsed(command: &mut Command) -> Result<Value, String> {
    serde_json::from_str(&output(command)?).map_err(|error| format!("terraform printed no JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_kept_in_the_clouds_backend_where_its_settings_are_named() {
        let folder = std::env::temp_dir().join(format!("bleepstore-backend-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let root = Root {
            cloud: Cloud::Gcp,
            folder: folder.clone(),
        };
        assert!(root.without_lock().is_some());
        fs::write(folder.join(LOCK), "").unwrap();
        assert_eq!(root.without_lock(), None);
        let arguments = |file| {
            let init = root.initialising(file).unwrap();
            let words = init.get_args().map(|word| word.to_string_lossy().into_owned());
            words.collect::<Vec<_>>()
        };
        assert_eq!(arguments(None), ["init", "-input=false"]);
        assert!(!folder.join(BACKEND).exists());
        let file = Path::new("/state.tfbackend");
        assert_eq!(
            arguments(Some(file)),
            ["init", "-backend-config=/state.tfbackend"]
        );
        let written = fs::read_to_string(folder.join(BACKEND)).unwrap();
        assert!(
            written.ends_with("\nterraform {\n  backend \"gcs\" {}\n}\n"),
            "{written}"
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
