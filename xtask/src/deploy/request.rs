//! What is asked for on the command line.

use std::path::{self, PathBuf};

use super::Cloud;

/// A cloud, and how it is to be deployed to or destroyed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(super) cloud: Cloud,
    pub(super) only_plan: bool,
    /// The settings of the backend that keeps the state, for `terraform init`.
    pub(super) backend_config: Option<PathBuf>,
}

impl Request {
    /// Of `deploy`: `aws|gcp|azure [--plan] [--backend-config FILE]`, in any order after the cloud. `None` where something
    /// else is said.
    pub(crate) fn to_deploy(arguments: &[&str]) -> Option<Self> {
        Self::parsed(arguments, true)
    }

    /// Of `destroy`: the same without `--plan`.
    pub(crate) fn to_destroy(arguments: &[&str]) -> Option<Self> {
        Self::parsed(arguments, false)
    }

    fn parsed(arguments: &[&str], may_plan: bool) -> Option<Self> {
        let (name, mut rest) = arguments.split_first()?;
        let mut request = Self {
            cloud: Cloud::named(name)?,
            only_plan: false,
            backend_config: None,
        };
        loop {
            rest = match rest {
                [] => return Some(request),
                ["--plan", more @ ..] if may_plan && !request.only_plan => {
                    request.only_plan = true;
                    more
                }
                ["--backend-config", file, more @ ..] if request.backend_config.is_none() => {
                    // Terraform runs in another folder.
                    request.backend_config = Some(path::absolute(file).ok()?);
                    more
                }
                _ => return None,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_order_and_nothing_else_is() {
        let both = Request {
            cloud: Cloud::Aws,
            only_plan: true,
            backend_config: Some("/state.tfbackend".into()),
        };
        let one = ["aws", "--plan", "--backend-config", "/state.tfbackend"];
        let other = ["aws", "--backend-config", "/state.tfbackend", "--plan"];
        assert_eq!(Request::to_deploy(&one), Request::to_deploy(&other));
        assert_eq!(Request::to_deploy(&one), Some(both));
        for wrong in [
            &[][..],
            &["mars"],
            &["aws", "plan"],
            &["aws", "--plan", "--plan"],
            &["aws", "--backend-config"],
        ] {
            assert_eq!(Request::to_deploy(wrong), None, "{wrong:?}");
        }
        assert_eq!(Request::to_destroy(&["aws", "--plan"]), None);
    }

    #[test]
    fn a_file_is_taken_from_the_folder_of_the_caller() {
        let request = Request::to_destroy(&["gcp", "--backend-config", "state.tfbackend"]);
        let file = request.and_then(|request| request.backend_config);
        assert_eq!(
            file,
            Some(std::env::current_dir().unwrap().join("state.tfbackend"))
        );
    }
}
