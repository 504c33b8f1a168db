//! The roots and their examples: each is initialised, validated and tested, in a copy.

use std::fs;
use std::path::{Path, PathBuf};

use super::terraform::Terraform;
use crate::report::{Check, Tally};
use crate::run::root;

/// Copies `infra` there and finds the folders with a configuration, roots before their examples.
pub(super) fn copied(there: &Path) -> Result<Vec<PathBuf>, String> {
    if there.exists() {
        fs::remove_dir_all(there).map_err(|error| format!("{}: {error}", there.display()))?;
    }
    copy_folder(&root().join("infra"), there)?;
    let mut found = Vec::new();
    find(there, &mut found)?;
    found.sort();
    if found.is_empty() {
        return Err("infra has no configuration".to_owned());
    }
    Ok(found)
}

/// The files of the configuration in a folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_configuration(&path) {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_configuration(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "tf")
}

/// Copies a folder but for what lies in it when someone deploys from there.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Check {
    let failed = |error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if is_of_a_deployment(&name.to_string_lossy()) {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            copy_folder(&entry.path(), &to.join(&name))?;
        } else {
            fs::copy(entry.path(), to.join(&name)).map_err(failed)?;
        }
    }
    Ok(())
}

/// Whether Terraform or `cargo xtask deploy` makes a file of this name, or whoever deploys does, for their settings.
fn is_of_a_deployment(name: &str) -> bool {
    let generated = [
        ".terraform",
        "terraform.tfstate",
        "errored.tfstate",
        "backend_override.tf",
    ];
    let settings = [".tfvars", ".tfvars.json", ".tfbackend"];
    generated.iter().any(|prefix| name.starts_with(prefix))
        || settings.iter().any(|suffix| name.ends_with(suffix))
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> Check {
    let failed = |error| format!("{}: {error}", folder.display());
    let mut has_configuration = false;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            find(&path, found)?;
        } else {
            has_configuration |= is_configuration(&path);
        }
    }
    if has_configuration {
        found.push(folder.to_owned());
    }
    Ok(())
}

/// Checks all of them; each counts as one test, and each run of `terraform test` as another.
pub(super) fn check(terraform: &Terraform, roots: &[PathBuf]) -> Tally {
    super::in_lanes(roots, |folder| check_one(terraform, folder))
}

fn check_one(terraform: &Terraform, folder: &Path) -> Tally {
    let name = folder
        .strip_prefix(super::tools().join("roots"))
        .unwrap_or(folder);
    match tested(terraform, folder) {
        Ok(runs) => {
            println!("infra/{}: valid, {runs} runs of tests passed", name.display());
            Tally {
                passed: 1 + runs,
                ..Tally::default()
            }
        }
        Err(complaint) => {
            println!("infra/{}: {complaint}", name.display());
            Tally::FAILED
        }
    }
}

fn tested(terraform: &Terraform, folder: &Path) -> Result<u64, String> {
    terraform.init(folder)?;
    let complaints = terraform.validate(folder)?;
    if !complaints.is_empty() {
        return Err(complaints.join("\n"));
    }
    if folder.join("tests").is_dir() {
        terraform.test(folder)
    } else {
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_deployment_is_not_copied() {
        let folder = std::env::temp_dir().join(format!("bleepstore-roots-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(from.join(".terraform")).unwrap();
        for name in [
            "main.tf",
            ".terraform.lock.hcl",
            "backend_override.tf",
            "terraform.tfstate.backup",
            "terraform.tfvars",
            "more.auto.tfvars.json",
            "state.tfbackend",
        ] {
            fs::write(from.join(name), "").unwrap();
        }
        copy_folder(&from, &to).unwrap();
        let copied = fs::read_dir(&to).unwrap();
        let names: Vec<_> = copied.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["main.tf"]);
        fs::remove_dir_all(folder).unwrap();
    }
}
