//! `infra/aws` applied for real, to an emulator, where AWS's own provider is at hand.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::terraform::Terraform;
use super::{roots, tools};
use crate::deploy;
use crate::report::{Check, Tally, counted};
use crate::run::{cargo, succeeds, target_dir};

/// Names a filesystem mirror of Terraform's providers, with AWS's of this version in it.
const MIRROR: &str = "BLEEPSTORE_TERRAFORM_MIRROR";
const VERSION: &str = "5.100.0";

/// The provider is told to call the emulator, which it finds by `AWS_ENDPOINT_URL`.
const PROVIDER: &str = "\
provider \"aws\" {
  region                      = \"us-east-1\"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
";

const HTTP_SERVICE: &str = "http_service.tf";

/// The first arguments of what scales tasks.
const SCALES: [&str; 2] = ["  service_namespace ", "  name               = \"processor\"\n"];

/// What stands in the place of the file with ECS Express Mode, which neither this version nor the emulator knows.
const WITHOUT_EXPRESS: &str = "locals {\n  express_endpoint = null\n}\n";

/// What is applied: a copy, and the mirror with its provider; or what to count where there is none.
pub(super) fn prepared(aws: &Path) -> Result<(PathBuf, PathBuf), Tally> {
    let mirror = mirror().map_err(|reason| {
        println!("infra/aws: not applied to an emulator: {reason}");
        Tally::SKIPPED
    })?;
    let provider = mirror.join("registry.terraform.io/hashicorp/aws").join(VERSION);
    if !provider.is_dir() {
        return Err(counted(Err(format!(
            "{MIRROR}: there is no {}",
            provider.display()
        ))));
    }
    let folder = copied(aws).map_err(|error| counted(Err(named_error(&error))))?;
    Ok((folder, mirror))
}

/// Applies a copy, serves S3 from what was applied, plans again and destroys: `tests/applied/aws.rs`.
pub(super) fn check(folder: &Path, mirror: &Path) -> Tally {
    counted(applied(folder, mirror).map_err(|error| named_error(&error)))
}

fn named_error(error: &str) -> String {
    format!("infra/aws, applied to an emulator: {error}")
}

/// The mirror with AWS's provider, or why there is none.
pub(crate) fn mirror() -> Result<PathBuf, String> {
    named(env::var_os(MIRROR)).ok_or_else(|| format!("{MIRROR} names no mirror with hashicorp/aws {VERSION}"))
}

/// The mirror that the variable's value names: empty, it names none.
fn named(value: Option<OsString>) -> Option<PathBuf> {
    value.filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// What this version or the emulator does not know, and what stands in its place: a condition of a permission came
/// later, MiniStack scales nothing, and forgets for how long a table can be restored and a setting of services that the
/// provider fills in.
fn replaced() -> Vec<(&'static str, String, String)> {
    let version = |number| format!("version = \"{number}\"");
    let mut replaced = vec![
        ("versions.tf", version("6.69.1"), version(VERSION)),
        (
            "function.tf",
            "  invoked_via_function_url = true\n".to_owned(),
            String::new(),
        ),
        (
            "metadata.tf",
            "    recovery_period_in_days = var.restore_window_days > 0 ? var.restore_window_days : null\n"
                .to_owned(),
            String::new(),
        ),
        (
            HTTP_SERVICE,
            "ignore_changes = [desired_count]".to_owned(),
            "ignore_changes = [desired_count, availability_zone_rebalancing]".to_owned(),
        ),
    ];
    replaced.extend(SCALES.map(|first| {
        let counted = |count| format!("  count = {count}\n\n{first}");
        (HTTP_SERVICE, counted("length(local.http)"), counted("0"))
    }));
    replaced
}

/// A copy that the emulator knows all of.
fn copied(aws: &Path) -> Result<PathBuf, String> {
    let folder = tools().join("applied");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    roots::copy_folder(aws, &folder)?;
    for (file, find, replace) in replaced() {
        let file = folder.join(file);
        let failed = |error| format!("{}: {error}", file.display());
        let text = fs::read_to_string(&file).map_err(failed)?;
        if !text.contains(&find) {
            return Err(format!("{}: {find} is not there to be replaced", file.display()));
        }
        fs::write(&file, text.replace(&find, &replace)).map_err(failed)?;
    }
    println!(
        "infra/aws: aws_ecs_express_gateway_service is not applied to an emulator: hashicorp/aws {VERSION} does not know it"
    );
    for (name, text) in [("express.tf", WITHOUT_EXPRESS), ("emulator.tf", PROVIDER)] {
        fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(folder)
}

fn applied(folder: &Path, mirror: &Path) -> Check {
    let terraform = Terraform::with_aws(mirror, &tools().join("mirror"))?;
    terraform.init(folder)?;
    // The whole workspace: a build of some packages would build the SDKs anew, with other features.
    succeeds(&mut cargo(["build", "--locked", "--workspace", "--quiet"]))?;
    // It runs Terraform itself, so with the same environment.
    let mut run = terraform.program(&target_dir().join("debug/applied-aws"));
    succeeds(run.arg(folder).args(deploy::Cloud::Aws.protected()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_empty_names_no_mirror() {
        assert_eq!(named(None), None);
        assert_eq!(named(Some(OsString::new())), None);
        assert_eq!(named(Some("/mirror".into())), Some(PathBuf::from("/mirror")));
    }
}
