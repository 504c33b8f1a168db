//! `cargo xtask deploy` and `cargo xtask destroy`: a package, Terraform, and a look at whether it serves.

mod cloud;
mod cost;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

pub(crate) use self::cloud::Cloud;
use self::cloud::{Deployable, Image};
use crate::python;
use crate::report::Check;
use crate::run::{output, root, succeeds, target_dir};

/// Deploys to a cloud, or with `only_plan` shows what that would change and changes nothing.
pub(crate) fn deploy(cloud: Cloud, only_plan: bool) -> ExitCode {
    ended(deployed(cloud, only_plan))
}

/// Takes a deployment down, with everything that is stored. Terraform asks before each of its two steps.
pub(crate) fn destroy(cloud: Cloud) -> ExitCode {
    ended(destroyed(cloud))
}

fn ended(outcome: Check) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("xtask: {complaint}");
            ExitCode::FAILURE
        }
    }
}

fn deployed(cloud: Cloud, only_plan: bool) -> Check {
    ready(cloud)?;
    let terraform = Root { cloud };
    let package = cloud.package()?;
    let folder = target_dir().join("deploy");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    succeeds(&mut terraform.run(&["init", "-input=false"]))?;
    if let (false, Some(image)) = (only_plan, &package.image) {
        println!("The registry comes first, for the image to be pushed to. Terraform asks for it by itself.");
        succeeds(terraform.run(&["apply"]).args(Image::NEEDS))?;
        image.push()?;
    }
    let plan = folder.join(format!("{}.tfplan", cloud.name()));
    let applied = plan_and_apply(&terraform, &package, &plan, only_plan);
    // It has the state in it, and with that the root credential.
    let removed = match fs::remove_file(&plan) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", plan.display())),
        _ => Ok(()),
    };
    let applied = applied?;
    removed?;
    if !applied {
        println!("Nothing was changed.");
        return Ok(());
    }
    smoke(&terraform)?;
    println!(
        "It serves. To list its buckets, in infra/{}: eval \"$(terraform output -raw try_it)\"",
        cloud.name()
    );
    Ok(())
}

/// Shows the plan and what it costs, and applies it once it is confirmed; whether it was.
fn plan_and_apply(
    terraform: &Root,
    package: &Deployable,
    plan: &Path,
    only_plan: bool,
) -> Result<bool, String> {
    let mut planning = terraform.run(&["plan", "-input=false"]);
    planning
        .args(&package.variables)
        .arg(format!("-out={}", plan.display()));
    succeeds(&mut planning)?;
    println!("\n{}", cost::estimate(terraform.cloud)?);
    if only_plan || !confirmed("Apply this plan? Only \"yes\" does: ")? {
        return Ok(false);
    }
    succeeds(terraform.run(&["apply", "-input=false"]).arg(plan))?;
    Ok(true)
}

fn destroyed(cloud: Cloud) -> Check {
    ready(cloud)?;
    let terraform = Root { cloud };
    let mut variables = cloud.nothing_new();
    variables.push("-var=deletion_protection=false".to_owned());
    println!("First the protection is taken off; then everything goes, with all that is stored.");
    succeeds(&mut terraform.run(&["init", "-input=false"]))?;
    // Nothing but the protection: what else would change has no package to change to.
    succeeds(terraform.run(&["apply"]).args(&variables).args(cloud.protected()))?;
    succeeds(terraform.run(&["destroy"]).args(&variables))
}

/// Whether the tools and the credentials are there, before anything is built.
fn ready(cloud: Cloud) -> Check {
    let version = output(Command::new("terraform").arg("version"));
    version.map_err(|_| {
        "terraform is not installed: https://developer.hashicorp.com/terraform/install".to_owned()
    })?;
    cloud.ready()
}

/// The root of a cloud, in the tree: its state is `terraform.tfstate` beside it, which git ignores.
struct Root {
    cloud: Cloud,
}

impl Root {
    fn folder(&self) -> PathBuf {
        root().join("infra").join(self.cloud.name())
    }

    fn run(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command.current_dir(self.folder()).args(arguments);
        command
    }
}

fn confirmed(question: &str) -> Result<bool, String> {
    let failed = |error: io::Error| format!("the terminal: {error}");
    print!("{question}");
    io::stdout().flush().map_err(failed)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(answer.trim() == "yes")
}

/// Creates, puts, gets, heads, lists and deletes over the endpoint, with a stock client.
fn smoke(terraform: &Root) -> Check {
    let python = python::environment("venv", "tests/sdk/requirements.txt")?;
    let value = |name: &str| output(&mut terraform.run(&["output", "-raw", name]));
    let mut client = Command::new(python);
    client
        .arg(root().join("tests/sdk/smoke.py"))
        .arg(value("endpoint")?)
        .env("AWS_ACCESS_KEY_ID", value("access_key")?)
        .env("AWS_SECRET_ACCESS_KEY", value("secret_key")?)
        .env("AWS_DEFAULT_REGION", value("region")?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN");
    succeeds(&mut client)
}
