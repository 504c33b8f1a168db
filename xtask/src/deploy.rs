//! `cargo xtask deploy` and `cargo xtask destroy`: a package, Terraform, and a look at whether it serves.

mod cloud;
pub(crate) mod cost;
mod image;
mod request;
mod terraform;

use std::fs;
use std::io::{self, Write};
use std::iter;
use std::path::Path;
use std::process::{Command, ExitCode};

pub(crate) use self::cloud::Cloud;
use self::cloud::Deployable;
use self::image::Image;
pub(crate) use self::request::Request;
use self::terraform::Root;
use crate::python;
use crate::report::Check;
use crate::run::{output, succeeds, target_dir};
use crate::smoke::Served;

/// Deploys to a cloud, or only shows what that would change and changes nothing.
pub(crate) fn deploy(request: &Request) -> ExitCode {
    ended(deployed(request))
}

/// Takes a deployment down, with everything that is stored. Terraform asks before each of its two steps.
pub(crate) fn destroy(request: &Request) -> ExitCode {
    ended(destroyed(request))
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

fn deployed(request: &Request) -> Check {
    let cloud = request.cloud;
    ready(request)?;
    is_there(
        Command::new("python3").args(["-m", "venv", "--help"]),
        "python3 with venv, which tries the endpoint,",
    )?;
    cloud.tools_are_there()?;
    let terraform = Root::of(cloud);
    let package = cloud.package()?;
    let folder = target_dir().join("deploy");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    terraform.init(request.backend_config.as_deref())?;
    if let (false, Some(image)) = (request.only_plan, &package.image) {
        println!("The registry comes first, for the image to be pushed to. Terraform asks for it by itself.");
        succeeds(terraform.run(&["apply"]).args(Image::NEEDS))?;
        image.push()?;
    }
    let plan = folder.join(format!("{}.tfplan", cloud.name()));
    let applied = plan_and_apply(&terraform, &package, &plan, request.only_plan);
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
    let planned = terraform.planned(plan)?;
    package.fits(&planned)?;
    println!("\n{}", cost::estimate(terraform.cloud, &planned)?);
    if only_plan || !confirmed("Apply this plan? Only \"yes\" does: ")? {
        return Ok(false);
    }
    succeeds(terraform.run(&["apply", "-input=false"]).arg(plan))?;
    Ok(true)
}

fn destroyed(request: &Request) -> Check {
    let cloud = request.cloud;
    ready(request)?;
    let terraform = Root::of(cloud);
    println!("First the protection is taken off; then everything goes, with all that is stored.");
    terraform.init(request.backend_config.as_deref())?;
    let mut variables = cloud.nothing_new(&terraform.outputs()?);
    variables.push("-var=deletion_protection=false".to_owned());
    // Nothing but the protection: what else would change has no package to change to.
    succeeds(terraform.run(&["apply"]).args(&variables).args(cloud.protected()))?;
    succeeds(terraform.run(&["destroy"]).args(&variables))
}

/// Whether Terraform, the credentials and what else both commands read are there, before anything is done.
fn ready(request: &Request) -> Check {
    let file = request.backend_config.as_deref();
    if let Some(file) = file.filter(|file| !file.is_file()) {
        return Err(format!("--backend-config: there is no file {}", file.display()));
    }
    is_there(
        Command::new("terraform").arg("version"),
        "terraform (https://developer.hashicorp.com/terraform/install)",
    )?;
    request.cloud.has_settings_and_credentials()
}

/// Whether a program can be run at all.
fn is_there(program: &mut Command, what: &str) -> Check {
    output(program)
        .map(drop)
        .map_err(|_| format!("{what} is not installed"))
}

fn confirmed(question: &str) -> Result<bool, String> {
    let failed = |error: io::Error| format!("the terminal: {error}");
    print!("{question}");
    io::stdout().flush().map_err(failed)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(answer.trim() == "yes")
}

/// Waits until each endpoint answers, and uses it.
fn smoke(terraform: &Root) -> Check {
    let outputs = terraform.outputs()?;
    let first = outputs.text("endpoint")?;
    let second = outputs
        .known("http_endpoint")
        .filter(|endpoint| *endpoint != first);
    let python = python::environment("venv", "tests/sdk/requirements.txt")?;
    for endpoint in iter::once(first).chain(second) {
        println!("Waiting for {endpoint} to answer.");
        let served = Served {
            endpoint,
            region: outputs.text("region")?,
            access_key: outputs.text("access_key")?,
            secret_key: outputs.text("secret_key")?,
        };
        served.smoke(&python)?;
    }
    Ok(())
}
