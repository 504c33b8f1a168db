//! Where a deployment on Google Cloud is.

use std::env;

/// Where a deployment on Google Cloud is, and what it is called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) project: String,
    pub(super) region: String,
}

impl Place {
    /// What the environment says.
    pub(super) fn told() -> Result<Self, String> {
        let variable = |name| env::var(name).map_err(|error| format!("{name}: {error}"));
        Ok(Self {
            name: env::var("TF_VAR_name").unwrap_or_else(|_| "bleepstore".to_owned()),
            project: variable("TF_VAR_project")?,
            region: variable("TF_VAR_region")?,
        })
    }

    /// What the root's output `repository` says: `{region}-docker.pkg.dev/{project}/{name}`.
    pub(super) fn of_repository(repository: &str) -> Option<Self> {
        let (region, rest) = repository.split_once("-docker.pkg.dev/")?;
        let (project, name) = rest.rsplit_once('/')?;
        Some(Self {
            name: name.to_owned(),
            project: project.to_owned(),
            region: region.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_says_where_a_deployment_is() {
        let place = Place {
            name: "store".to_owned(),
            project: "example-project".to_owned(),
            region: "europe-west1".to_owned(),
        };
        let found = Place::of_repository("europe-west1-docker.pkg.dev/example-project/store");
        assert_eq!(found, Some(place));
        assert_eq!(Place::of_repository("registry/server"), None);
    }
}
