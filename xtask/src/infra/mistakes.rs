//! Mistakes that are planted into a copy of a root. A check that does not find its mistake checks nothing.

use std::fs;
use std::path::Path;

use super::plan::Plan;
use super::terraform::Terraform;
use super::{Cloud, roots, tools};
use crate::report::{Check, Tally, counted};

/// A mistake, and what is said of it.
pub(super) struct Mistake {
    pub(super) what: &'static str,
    /// The file that it is planted in.
    pub(super) file: &'static str,
    /// What it replaces, found there once.
    pub(super) find: &'static str,
    pub(super) replace: &'static str,
    pub(super) found_by: FoundBy,
    /// Part of one of the complaints, and of none without the mistake.
    pub(super) says: &'static str,
}

/// The check that a mistake is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundBy {
    /// `terraform validate`, against the provider's schema.
    Schema,
    /// The rules for the root's plan.
    Rules,
}

/// Plants the mistakes of each kind together, which takes one run of Terraform, and looks for each of them.
pub(super) fn planted(terraform: &Terraform, cloud: &Cloud, folder: &Path) -> Tally {
    let mut tally = Tally::default();
    for kind in [FoundBy::Schema, FoundBy::Rules] {
        let mistakes: Vec<&Mistake> = cloud
            .mistakes
            .iter()
            .filter(|mistake| mistake.found_by == kind)
            .collect();
        let complaints = match complaints(terraform, cloud, folder, kind, &mistakes) {
            Ok(complaints) => complaints,
            Err(reason) => {
                tally += counted(Err(format!(
                    "infra/{}: mistakes cannot be planted: {reason}",
                    cloud.name
                )));
                continue;
            }
        };
        for mistake in mistakes {
            let found = complaints
                .iter()
                .any(|complaint| complaint.contains(mistake.says));
            tally += counted(if found {
                Ok(())
            } else {
                Err(format!(
                    "infra/{}: nothing finds {}: no complaint says “{}” but\n{}",
                    cloud.name,
                    mistake.what,
                    mistake.says,
                    complaints.join("\n")
                ))
            });
        }
    }
    tally
}

fn complaints(
    terraform: &Terraform,
    cloud: &Cloud,
    folder: &Path,
    kind: FoundBy,
    mistakes: &[&Mistake],
) -> Result<Vec<String>, String> {
    let copy = tools().join("mistakes").join(cloud.name);
    if copy.exists() {
        fs::remove_dir_all(&copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    }
    roots::copy_folder(folder, &copy)?;
    for mistake in mistakes {
        plant(&copy, mistake)?;
    }
    terraform.init(&copy)?;
    match kind {
        FoundBy::Schema => terraform.validate(&copy),
        FoundBy::Rules => (cloud.rules)(&Plan::make(terraform, &copy, cloud.name)?),
    }
}

fn plant(copy: &Path, mistake: &Mistake) -> Check {
    let file = copy.join(mistake.file);
    let failed = |error| format!("{}: {error}", file.display());
    let text = fs::read_to_string(&file).map_err(failed)?;
    if text.matches(mistake.find).count() != 1 {
        return Err(format!("{} is not once in {}", mistake.find, mistake.file));
    }
    fs::write(&file, text.replace(mistake.find, mistake.replace)).map_err(failed)
}
