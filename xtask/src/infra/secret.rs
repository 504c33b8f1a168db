//! The root credential's secret key: that no state has it, and that it changes when that is asked for and never else.
//!
//! Applies a root with the stand-ins, and looks at what Terraform keeps and what it would do next.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::plan::Plan;
use super::terraform::Terraform;
use super::{Cloud, roots, tools};
use crate::report::{Check, Tally, counted};
use crate::run::output;

/// What the stand-in makes up for `ephemeral "random_password"`.
const MADE_UP: &str = "stand-in-ephemeral-random_password-result";

/// What an earlier release had in its state.
const KEPT: &str = "kept-since-0.1.0";

/// How a cloud's root keeps the secret key.
pub(super) struct Secret {
    /// The type of the resources called `root_secret_key`, one for each number.
    pub(super) kind: &'static str,
    /// The argument that puts it into the state, as earlier releases did.
    pub(super) in_the_open: &'static str,
    /// The number that has it written.
    pub(super) written_at: &'static str,
    /// Further resources with one for each number, as type and name.
    pub(super) beside: &'static [(&'static str, &'static str)],
    /// The name of what the program is given for the secret key before.
    pub(super) previous: &'static str,
}

/// A root on its way from one apply to the next.
struct Root<'a> {
    terraform: &'a Terraform,
    cloud: &'a Cloud,
    folder: PathBuf,
}

pub(super) fn check(terraform: &Terraform, cloud: &Cloud, folder: &Path) -> Tally {
    let named = |error| format!("infra/{}: the root credential: {error}", cloud.name);
    let root = match Root::applied(terraform, cloud, folder) {
        Ok(root) => root,
        Err(error) => return counted(Err(named(error))),
    };
    let mut tally = Tally::default();
    for outcome in [
        root.keeps_no_secret(),
        root.changes_when_asked(),
        root.stays_after_an_upgrade(),
    ] {
        tally += counted(outcome.map_err(named));
    }
    tally
}

impl<'a> Root<'a> {
    fn applied(terraform: &'a Terraform, cloud: &'a Cloud, from: &Path) -> Result<Self, String> {
        let folder = tools().join("secret").join(cloud.name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        roots::copy_folder(from, &folder)?;
        terraform.init(&folder)?;
        let root = Self {
            terraform,
            cloud,
            folder,
        };
        root.plan(1, false)?;
        output(&mut terraform.command(&root.folder, ["apply", "-input=false", "-no-color", "plan"]))?;
        Ok(root)
    }

    fn plan(&self, version: u64, with_previous: bool) -> Result<Plan, String> {
        let version = format!("-var=root_secret_version={version}");
        let previous = format!("-var=accept_previous_secret={with_previous}");
        Plan::with(
            self.terraform,
            &self.folder,
            self.cloud.name,
            &[&version, &previous],
        )
    }

    fn state(&self) -> PathBuf {
        self.folder.join("terraform.tfstate")
    }

    fn address(&self, version: u64) -> String {
        format!("{}.root_secret_key[\"{version}\"]", self.cloud.secret.kind)
    }

    /// Neither the state nor a plan has it, and the next apply writes it no second time.
    fn keeps_no_secret(&self) -> Check {
        let plan = self.plan(1, false)?;
        let state = self.state();
        let text = fs::read_to_string(&state).map_err(|error| format!("{}: {error}", state.display()))?;
        if text.contains(MADE_UP) || plan.as_json().to_string().contains(MADE_UP) {
            return Err("Terraform keeps the secret key".to_owned());
        }
        only(&plan, &[(&self.address(1), "no-op")])
    }

    /// The next number makes another one, beside the first or in its place.
    fn changes_when_asked(&self) -> Check {
        let (first, second) = (self.address(1), self.address(2));
        only(&self.plan(2, false)?, &[(&first, "delete"), (&second, "create")])?;
        let both = self.plan(2, true)?;
        only(&both, &[(&first, "no-op"), (&second, "create")])?;
        let told = format!("\"{}\"", self.cloud.secret.previous);
        if !both.as_json()["resource_changes"]
            .to_string()
            .replace('\\', "")
            .contains(&told)
        {
            return Err(format!("nothing is given {told}"));
        }
        Ok(())
    }

    /// A state as release 0.1.0 left it, with the secret key in it: it is neither written nor replaced.
    fn stays_after_an_upgrade(&self) -> Check {
        let file = self.state();
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = fs::read_to_string(&file).map_err(|error| failed(&error))?;
        let state: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        let earlier = as_before(state, &self.cloud.secret)?;
        fs::write(&file, earlier.to_string()).map_err(|error| failed(&error))?;
        let plan = self.plan(1, false)?;
        let same: Vec<_> = plan.actions().filter(|(_, action)| action != "no-op").collect();
        let forgotten = [("random_password.root", "forget".to_owned())];
        if same != forgotten {
            return Err(format!(
                "the first apply after an upgrade would do more than forget: {same:?}"
            ));
        }
        let kept = &plan.resource(&self.address(1))?[self.cloud.secret.in_the_open];
        if *kept != KEPT {
            return Err(format!(
                "after an upgrade the secret key is {kept}, and was {KEPT}"
            ));
        }
        Ok(())
    }
}

/// Whether these are all the secret keys that a plan is about, with what is to become of each.
fn only(plan: &Plan, wanted: &[(&String, &str)]) -> Check {
    let mut found: Vec<(&str, String)> = plan
        .actions()
        .filter(|(address, _)| address.contains(".root_secret_key["))
        .collect();
    found.sort();
    let wanted: Vec<(&str, String)> = wanted
        .iter()
        .map(|(address, action)| (address.as_str(), (*action).to_owned()))
        .collect();
    if found == wanted {
        Ok(())
    } else {
        Err(format!("the plan has {found:?}, and should have {wanted:?}"))
    }
}

/// A state as it was before there were numbers.
fn as_before(mut state: Value, secret: &Secret) -> Result<Value, String> {
    let resources = state["resources"]
        .as_array_mut()
        .ok_or("the state has no resources")?;
    let beside = secret.beside.iter().copied();
    for (kind, name) in beside.chain([(secret.kind, "root_secret_key")]) {
        let resource = resources
            .iter_mut()
            .find(|resource| resource["type"] == kind && resource["name"] == name)
            .ok_or_else(|| format!("the state has no {kind}.{name}"))?;
        let instance = &mut resource["instances"][0];
        if let Some(instance) = instance.as_object_mut() {
            instance.remove("index_key");
        }
        if kind == secret.kind {
            instance["attributes"][secret.in_the_open] = json!(KEPT);
            instance["attributes"][secret.written_at] = Value::Null;
        }
    }
    resources.push(json!({
        "mode": "managed",
        "type": "random_password",
        "name": "root",
        "provider": "provider[\"registry.terraform.io/hashicorp/random\"]",
        "instances": [{ "schema_version": 0, "attributes": { "id": "none", "length": 40, "special": false, "result": KEPT } }],
    }));
    Ok(state)
}
