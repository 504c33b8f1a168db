//! What a root plans with every option on, made with the stand-ins.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::terraform::Terraform;
use crate::run::{output, root};

/// A plan as `terraform show -json` writes it.
pub(super) struct Plan(Value);

impl Plan {
    /// Plans a root that has been initialised, with the variables of `xtask/terraform/{cloud}.tfvars`.
    pub(super) fn make(terraform: &Terraform, folder: &Path, cloud: &str) -> Result<Self, String> {
        Self::with(terraform, folder, cloud, &[])
    }

    /// The same with further arguments, such as other values of variables.
    pub(super) fn with(
        terraform: &Terraform,
        folder: &Path,
        cloud: &str,
        more: &[&str],
    ) -> Result<Self, String> {
        let variables = root().join(format!("xtask/terraform/{cloud}.tfvars"));
        let with_variables = format!("-var-file={}", variables.display());
        let arguments = [
            "plan",
            "-input=false",
            "-no-color",
            "-lock=false",
            "-out=plan",
            &with_variables,
        ];
        output(terraform.command(folder, arguments).args(more))?;
        let shown = output(&mut terraform.command(folder, ["show", "-json", "plan"]))?;
        let plan = serde_json::from_str(&shown).map_err(|error| format!("terraform show: {error}"))?;
        Ok(Self(plan))
    }

    /// All of it.
    pub(super) const fn as_json(&self) -> &Value {
        &self.0
    }

    /// The planned values of every resource of a type, or data source, with its address.
    pub(super) fn of_type(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        let changes = self.0["resource_changes"].as_array().into_iter().flatten();
        changes
            .filter(move |change| change["type"] == kind)
            .filter_map(|change| Some((change["address"].as_str()?, &change["change"]["after"])))
    }

    /// What is to become of every resource that there is or will be: its address, and Terraform's actions in one word
    /// each.
    pub(super) fn actions(&self) -> impl Iterator<Item = (&str, String)> {
        let changes = self.0["resource_changes"].as_array().into_iter().flatten();
        changes.filter_map(|change| {
            let actions = change["change"]["actions"].as_array()?;
            let actions: Vec<&str> = actions.iter().filter_map(Value::as_str).collect();
            Some((change["address"].as_str()?, actions.join(" and ")))
        })
    }

    /// The one resource with an address.
    pub(super) fn resource(&self, address: &str) -> Result<&Value, String> {
        let changes = self.0["resource_changes"].as_array().into_iter().flatten();
        let found = changes.into_iter().find(|change| change["address"] == address);
        found
            .map(|change| &change["change"]["after"])
            .ok_or_else(|| format!("{address} is not planned"))
    }

    /// What is not known yet of the resource with an address: `true` in the places of the values.
    pub(super) fn unknown(&self, address: &str) -> &Value {
        let changes = self.0["resource_changes"].as_array().into_iter().flatten();
        let found = changes.into_iter().find(|change| change["address"] == address);
        found.map_or(&Value::Null, |change| &change["change"]["after_unknown"])
    }

    /// The types of all resources, each once.
    pub(super) fn types(&self) -> BTreeSet<&str> {
        let changes = self.0["resource_changes"].as_array().into_iter().flatten();
        let resources = changes.filter(|change| change["mode"] == "managed");
        resources.filter_map(|change| change["type"].as_str()).collect()
    }

    /// What the configuration says of a provider's argument.
    pub(super) fn of_provider(&self, provider: &str, argument: &str) -> &Value {
        let configured = &self.0["configuration"]["provider_config"][provider]["expressions"];
        &configured[argument]["constant_value"]
    }

    /// The declared variables or outputs, with what is said of each.
    pub(super) fn declared(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        let declared = self.0["configuration"]["root_module"][kind].as_object();
        declared
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
    }
}
