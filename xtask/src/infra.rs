//! `cargo xtask infra-check`: the Terraform roots, as far as they can be checked without an account.
//!
//! `.tools/infra` keeps what the checks need from one run to the next, and copies of the roots: what Terraform
//! writes beside a configuration never reaches the tree.

mod applied;
mod aws;
mod azure;
mod checkov;
mod gcp;
mod mistakes;
mod permissions;
mod plan;
mod readme;
mod roots;
mod shared;
mod source;
mod stand_ins;
mod terraform;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use self::mistakes::Mistake;
use self::plan::Plan;
use self::terraform::Terraform;
use crate::report::{Tally, counted, missing};
use crate::run::root;

/// Rules that a plan with every option on breaks: a line for each.
type Rules = fn(&Plan) -> Result<Vec<String>, String>;

/// A root and what is known of it beside its schema.
struct Cloud {
    /// Its folder in `infra`.
    name: &'static str,
    rules: Rules,
    mistakes: &'static [Mistake],
}

const CLOUDS: [Cloud; 3] = [aws::CLOUD, gcp::CLOUD, azure::CLOUD];

/// The command by itself.
pub(crate) fn command(strict: bool) -> ExitCode {
    let tally = check(strict);
    println!("\n{tally}");
    if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// All checks. Without Terraform or Python there are none, which is a failure where nothing may be missing.
pub(crate) fn check(strict: bool) -> Tally {
    let (platform, python) =
        match terraform::platform().and_then(|platform| Ok((platform, stand_ins::python()?))) {
            Ok(found) => found,
            Err(reason) => return missing("the Terraform roots", &reason, strict),
        };
    let checkov = thread::spawn(move || checkov::check(strict));
    let mut tally = with_stand_ins(&platform, &python).unwrap_or_else(|complaint| counted(Err(complaint)));
    tally += checkov.join().unwrap_or(Tally::FAILED);
    tally
}

fn with_stand_ins(platform: &str, python: &Path) -> Result<Tally, String> {
    let copy = tools().join("roots");
    let roots = roots::copied(&copy)?;
    let mirror = stand_ins::mirror(&roots, platform, python)?;
    let terraform = Terraform::with_stand_ins(&mirror)?;
    let mut tally = counted(terraform.formatted(&root().join("infra")));
    tally += roots::check(&terraform, &roots);
    for cloud in &CLOUDS {
        tally += of_cloud(&terraform, cloud, &copy.join(cloud.name));
    }
    tally += applied::check(&copy.join("aws"));
    Ok(tally)
}

fn of_cloud(terraform: &Terraform, cloud: &Cloud, folder: &Path) -> Tally {
    let plan = match Plan::make(terraform, folder, cloud.name) {
        Ok(plan) => plan,
        Err(complaint) => return counted(Err(complaint)),
    };
    let mut tally = Tally::default();
    for (what, complaints) in [
        ("names and permissions", (cloud.rules)(&plan)),
        ("the tables of its README", readme::check(&plan, cloud.name)),
    ] {
        let found = complaints.and_then(|complaints| match complaints.is_empty() {
            true => Ok(()),
            false => Err(complaints.join("\n")),
        });
        let named = |error| format!("infra/{}: {what}:\n{error}", cloud.name);
        tally += counted(found.map_err(named));
    }
    tally += mistakes::planted(terraform, cloud, folder);
    println!(
        "infra/{}: names, permissions, README and planted mistakes: {tally}",
        cloud.name
    );
    tally
}

/// Where the checks keep what they need.
fn tools() -> PathBuf {
    root().join(".tools/infra")
}
