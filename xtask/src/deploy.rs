//! `cargo xtask deploy` and `cargo xtask destroy`: a package, Terraform, and a look at whether it serves.

mod cloud;
pub(crate) mod cost;
mod image;
mod leftover;
mod outputs;
mod place;
mod publish;
mod races;
mod request;
mod terraform;

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::iter;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;

use serde_json::Value;

pub(crate) use self::cloud::Cloud;
use self::cloud::Deployable;
use self::image::{Image, Registry};
pub(crate) use self::request::Request;
use self::terraform::Root;
use crate::python;
use crate::report::Check;
use crate::run::{output, succeeds, target_dir};
use crate::smoke::Served;

/// Deploys to a cloud, or only shows what that would change. That changes nothing, but where the state is kept when it is told so.
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
    let folder = target_dir().join("deploy");
    emptied(&folder)?;
    // What is only planned is neither pushed nor published nor tried.
    if !request.only_plan {
        is_there(
            Command::new("python3").args(["-m", "venv", "--help"]),
            "python3 with venv, which tries the endpoint,",
        )?;
        cloud.tools_are_there()?;
    }
    let terraform = Root::of(cloud);
    terraform.init(request.backend_config.as_deref())?;
    let with_image = cloud.pushes_an_image();
    let with_image = with_image.map(|(expression, variables)| terraform.says(expression, variables));
    let with_image = with_image.transpose()?.unwrap_or_default();
    if with_image && !request.only_plan {
        // The only one that variables decide on.
        Registry::Amazon.tools_are_there()?;
    }
    let package = cloud.package(with_image)?;
    let image = package.image.as_ref().filter(|_| !request.only_plan);
    let pushed = image
        .map(|image| pushed(image, &terraform, &package))
        .transpose()?;
    let plan = folder.join(format!("{}.tfplan", cloud.name()));
    let applied = plan_and_apply(&terraform, &package, &plan, request.only_plan);
    // It has the state in it, and with that the secret key of a deployment that release 0.1.0 made.
    let removed = match fs::remove_file(&plan) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", plan.display())),
        _ => Ok(()),
    };
    let applied = applied?;
    removed?;
    if !applied {
        println!("{}", unapplied(request, pushed.as_deref()));
        return Ok(());
    }
    if let Some(package) = &package.published {
        println!("Publishing the package.");
        publish::publish(terraform.outputs()?.text("publish_url")?, package)?;
    }
    smoke(&terraform)?;
    println!(
        "It serves. To list its buckets, in infra/{}: eval \"$(terraform output -raw try_it)\"",
        cloud.name()
    );
    Ok(())
}

/// Makes the registry and pushes the image; the repository that it is in.
fn pushed(image: &Image, terraform: &Root, package: &Deployable) -> Result<String, String> {
    println!("The registry comes first, for the image to be pushed to. Terraform asks for it by itself.");
    let moved = still_to_move(terraform.cloud, &terraform.state()?);
    let attempt = |_| {
        let mut apply = terraform.run(&["apply"]);
        apply.args(&package.variables).args(image.registry.needs());
        races::told(apply.args(&moved))
    };
    races::outlasted(attempt, thread::sleep)?;
    let repository = image.registry.repository(&terraform.outputs()?)?;
    image.push(&repository)?;
    Ok(repository)
}

/// Makes a folder that nobody else may look into: a plan lies there for a while, and a login. What an interrupted run
/// left there goes.
fn emptied(folder: &Path) -> Check {
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::create_dir_all(target_dir()).map_err(failed)?;
    DirBuilder::new().mode(0o700).create(folder).map_err(failed)
}

/// What a run says that applied no plan: what it changed nevertheless.
fn unapplied(request: &Request, pushed: Option<&str>) -> String {
    let image = pushed.map(|repository| format!("the registry and the image in it ({repository})"));
    let file = request.backend_config.as_deref();
    let state = file.map(|file| format!("where the state is kept ({})", file.display()));
    let changed: Vec<String> = image.into_iter().chain(state).collect();
    if changed.is_empty() {
        "Nothing was changed.".to_owned()
    } else {
        format!("Nothing was changed but {}.", changed.join(", and "))
    }
}

/// Shows the plan and what it costs, and applies it once it is confirmed; whether it was.
fn plan_and_apply(
    terraform: &Root,
    package: &Deployable,
    plan: &Path,
    only_plan: bool,
) -> Result<bool, String> {
    let planned = planned(terraform, package, plan)?;
    package.fits(&planned)?;
    println!("\n{}", cost::estimate(terraform.cloud, &planned)?);
    if only_plan || !confirmed("Apply this plan? Only \"yes\" does: ")? {
        return Ok(false);
    }
    let agreed = races::changes(&planned);
    let attempt = |again| {
        terraform.cloud.clear()?;
        if again {
            let rest = races::changes(&self::planned(terraform, package, plan)?);
            let is_agreed = rest.is_subset(&agreed);
            if !is_agreed && !confirmed("This is more than was left. Apply it? Only \"yes\" does: ")? {
                return Err("The rest was not applied.".to_owned().into());
            }
        }
        races::told(terraform.run(&["apply", "-input=false"]).arg(plan))
    };
    races::outlasted(attempt, thread::sleep)?;
    Ok(true)
}

/// Makes and shows a plan; what is in it.
fn planned(terraform: &Root, package: &Deployable, plan: &Path) -> Result<Value, String> {
    let mut planning = terraform.run(&["plan", "-input=false"]);
    planning
        .args(&package.variables)
        .arg(format!("-out={}", plan.display()));
    succeeds(&mut planning)?;
    terraform.planned(plan)
}

fn destroyed(request: &Request) -> Check {
    let cloud = request.cloud;
    ready(request)?;
    let terraform = Root::of(cloud);
    terraform.init(request.backend_config.as_deref())?;
    let state = terraform.state()?;
    if state.is_empty() {
        // To take the protection off what is not there would make it.
        return Err(format!(
            "no state of a deployment is here: is it kept elsewhere? cargo xtask destroy {} --backend-config FILE",
            cloud.name()
        ));
    }
    println!("First the protection is taken off; then everything goes, with all that is stored.");
    let outputs = terraform.outputs()?;
    let mut variables = cloud.nothing_new(&outputs);
    variables.push("-var=deletion_protection=false".to_owned());
    // Nothing but the protection: what else would change has no package to change to. And not of what an earlier run has destroyed,
    // which would be made anew.
    let held: Vec<&str> = cloud
        .protected()
        .iter()
        .copied()
        .filter(|target| is_in(&state, target))
        .collect();
    if !held.is_empty() {
        let moved = still_to_move(cloud, &state);
        succeeds(terraform.run(&["apply"]).args(&variables).args(held).args(moved))?;
    }
    succeeds(terraform.run(&["destroy"]).args(&variables)).map_err(|error| {
        format!(
            "{error}\nThe protection is off, and what is not destroyed is still there: `cargo xtask deploy {}` puts it back.",
            cloud.name()
        )
    })?;
    cloud.clear_destroyed(&outputs)
}

/// The arguments `-target=` of what a state has under the address that it had in an earlier release.
fn still_to_move(cloud: Cloud, state: &[String]) -> Vec<&'static str> {
    let is_there = |target: &&str| {
        state
            .iter()
            .any(|address| Some(address.as_str()) == target.strip_prefix("-target="))
    };
    cloud.moved().iter().copied().filter(is_there).collect()
}

/// Whether a state has the resource that an argument `-target=` is about, or instances of it.
fn is_in(state: &[String], target: &str) -> bool {
    let resource = target.trim_start_matches("-target=");
    state
        .iter()
        .any(|address| address.split('[').next() == Some(resource))
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
    let others = ["function_endpoint", "express_endpoint", "http_endpoint"];
    let others = others.into_iter().filter_map(|name| outputs.known(name));
    let others = others.filter(|endpoint| *endpoint != first);
    let python = python::environment("venv", "tests/sdk/requirements.txt")?;
    // Terraform does not know it. The cloud's own tool does, for who may read it there.
    let mut reading = Command::new("sh");
    let secret_key = output(reading.args(["-c", outputs.text("secret_key_command")?])).map_err(|error| {
        format!("everything is applied, but the secret key cannot be read to try it: {error}")
    })?;
    for endpoint in iter::once(first).chain(others) {
        println!("Waiting for {endpoint} to answer.");
        let served = Served {
            endpoint,
            region: outputs.text("region")?,
            access_key: outputs.text("access_key")?,
            secret_key: secret_key.trim(),
        };
        served.smoke(&python)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_without_a_plan_is_said() {
        let said = |arguments: &[&str], pushed| {
            Request::to_deploy(arguments).map(|request| unapplied(&request, pushed))
        };
        let told = ["gcp", "--backend-config", "/state.tfbackend"];
        assert_eq!(said(&["aws"], None).as_deref(), Some("Nothing was changed."));
        assert_eq!(
            said(&told, None).as_deref(),
            Some("Nothing was changed but where the state is kept (/state.tfbackend).")
        );
        assert_eq!(
            said(&told, Some("registry/server")).as_deref(),
            Some(
                "Nothing was changed but the registry and the image in it (registry/server), and where the state is kept \
                 (/state.tfbackend)."
            )
        );
    }
}
