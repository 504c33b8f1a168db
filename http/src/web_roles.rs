//! Roles for those who bring a token of an issuer that the operator trusts.

use std::fs;

use bleepstore_core::ops::WebRoles;

use crate::Environment;

/// The variable with the roles.
pub const OIDC: &str = "BLEEPSTORE_OIDC";

/// A longer file is not read.
const LONGEST: u64 = 256 * 1024;

impl Environment<'_> {
    /// The roles of `BLEEPSTORE_OIDC`; none where it is not set.
    pub fn web_roles(&self) -> Result<WebRoles, String> {
        match self.optional(OIDC)? {
            None => Ok(WebRoles::default()),
            Some(given) => web_roles(&given).map_err(|error| format!("{OIDC}: {error}")),
        }
    }
}

/// The roles that a text lists, where it is JSON, or else the file that it names; a line that says what is wrong with
/// it.
pub fn web_roles(given: &str) -> Result<WebRoles, String> {
    if is_json(given) {
        return WebRoles::read(given);
    }
    let failed = |error: std::io::Error| format!("{given} cannot be read: {error}");
    let metadata = fs::metadata(given).map_err(failed)?;
    if !metadata.is_file() {
        return Err(format!("{given} is no file"));
    }
    if metadata.len() > LONGEST {
        return Err(format!("{given} has more than {LONGEST} bytes"));
    }
    let list = fs::read_to_string(given).map_err(failed)?;
    WebRoles::read(&list).map_err(|error| format!("{given}: {error}"))
}

/// Whether a text is JSON itself, and does not name a file.
pub fn is_json(given: &str) -> bool {
    given.trim_start().starts_with(['[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#" [{"role": "ci", "issuer": "https://issuer.example", "audiences": ["a"], "subjects": ["*"],
        "policy": {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}}]"#;

    #[test]
    fn roles_are_listed_by_the_variable_or_by_the_file_that_it_names() {
        let roles = |value: &str| Environment::listed(&[(OIDC, value)], "").web_roles();
        assert!(roles("").unwrap().is_empty());
        assert!(roles(LIST).unwrap().find("ci").is_some());
        let file = std::env::current_exe().unwrap().with_extension("oidc.json");
        fs::write(&file, LIST).unwrap();
        let name = file.to_str().unwrap();
        assert!(roles(name).unwrap().find("ci").is_some());
        fs::write(&file, "[{}]").unwrap();
        let wrong = roles(name).unwrap_err();
        assert!(wrong.starts_with(&format!("{OIDC}: {name}: ")), "{wrong}");
        fs::remove_file(&file).unwrap();
        assert!(roles(name).unwrap_err().contains("cannot be read"));
        assert!(roles("[").unwrap_err().starts_with(OIDC));
        assert!(roles("{}").unwrap_err().contains("expected a list of roles"));
        let folder = std::env::temp_dir();
        assert!(
            roles(folder.to_str().unwrap())
                .unwrap_err()
                .ends_with("is no file")
        );
    }
}
