//! What a deployment on Google Cloud is told by its environment.

use std::env;

/// Where a deployment on Google Cloud is, and what it is called.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) project: String,
    pub(super) region: String,
}

impl Place {
    pub(super) fn told() -> Result<Self, String> {
        let variable = |name| env::var(name).map_err(|error| format!("{name}: {error}"));
        Ok(Self {
            name: env::var("TF_VAR_name").unwrap_or_else(|_| "bleepstore".to_owned()),
            project: variable("TF_VAR_project")?,
            region: variable("TF_VAR_region")?,
        })
    }
}
