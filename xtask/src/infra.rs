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
mod pinned;
mod plan;
mod readme;
mod roots;
mod secret;
mod shared;
mod source;
mod stand_ins;
mod terraform;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub(crate) use self::applied::mirror;
use self::mistakes::Mistake;
use self::plan::Plan;
use self::secret::Secret;
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
    secret: Secret,
}

const CLOUDS: [Cloud; 3] = [aws::CLOUD, gcp::CLOUD, azure::CLOUD];

/// Whether there is a root of this name.
pub(crate) fn knows(name: &str) -> bool {
    CLOUDS.iter().any(|cloud| cloud.name == name)
}

/// The command by itself, for the root of this name or for all.
pub(crate) fn command(only: Option<&str>, strict: bool) -> ExitCode {
    let tally = checked(only, strict);
    println!("\n{tally}");
    if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// All checks. Without Terraform or Python there are none, which is a failure where nothing may be missing.
pub(crate) fn check(strict: bool) -> Tally {
    checked(None, strict)
}

fn checked(only: Option<&str>, strict: bool) -> Tally {
    let (platform, python) =
        match terraform::platform().and_then(|platform| Ok((platform, stand_ins::python()?))) {
            Ok(found) => found,
            Err(reason) => return missing("the Terraform roots", &reason, strict),
        };
    let checkov = thread::spawn(move || checkov::check(strict));
    let mut tally =
        with_stand_ins(only, &platform, &python).unwrap_or_else(|complaint| counted(Err(complaint)));
    tally += checkov.join().unwrap_or(Tally::FAILED);
    tally
}

fn with_stand_ins(only: Option<&str>, platform: &str, python: &Path) -> Result<Tally, String> {
    let copy = tools().join("roots");
    let mut roots = roots::copied(&copy)?;
    let mirror = stand_ins::mirror(&roots, platform, python)?;
    let terraform = Terraform::with_stand_ins(&mirror)?;
    let is_asked_for = |name: &str| only.is_none_or(|only| only == name);
    roots.retain(|folder| {
        CLOUDS
            .iter()
            .any(|cloud| is_asked_for(cloud.name) && folder.starts_with(copy.join(cloud.name)))
    });
    let mut tally = counted(terraform.formatted(&root().join("infra")));
    tally += counted(pinned::check(&roots));
    // It takes longest, and mostly waits.
    let applied = match is_asked_for("aws").then(|| applied::prepared(&copy.join("aws"))) {
        Some(Ok((folder, mirror))) => Some(thread::spawn(move || applied::check(&folder, &mirror))),
        Some(Err(counted)) => {
            tally += counted;
            None
        }
        None => None,
    };
    tally += roots::check(&terraform, &roots);
    let clouds: Vec<&Cloud> = CLOUDS.iter().filter(|cloud| is_asked_for(cloud.name)).collect();
    tally += in_lanes(&clouds, |cloud| {
        of_cloud(&terraform, cloud, &copy.join(cloud.name))
    });
    if let Some(applied) = applied {
        tally += applied.join().unwrap_or(Tally::FAILED);
    }
    Ok(tally)
}

/// So many things are checked at a time. Each keeps about a processor busy.
const LANES: usize = 2;

/// Checks all of these, some at a time.
fn in_lanes<T: Sync>(all: &[T], check: impl Fn(&T) -> Tally + Sync) -> Tally {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tally = check(one);
                    if let Ok(mut total) = total.lock() {
                        *total += tally;
                    }
                }
            });
        }
    });
    total.into_inner().unwrap_or(Tally::FAILED)
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
    tally += secret::check(terraform, cloud, folder);
    println!(
        "infra/{}: names, permissions, README, planted mistakes and the root credential: {tally}",
        cloud.name
    );
    tally
}

/// Where the checks keep what they need.
fn tools() -> PathBuf {
    root().join(".tools/infra")
}
