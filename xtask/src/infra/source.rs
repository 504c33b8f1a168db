//! What the roots must agree with, read out of the program's source.

use std::collections::BTreeSet;
use std::fs;

use crate::run::root;
use crate::source::rust_files;

/// The text of a file.
pub(super) fn file(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path} cannot be read: {error}"))
}

/// The text of all Rust files in folders and below, one after the other.
pub(super) fn folders(paths: &[&str]) -> Result<String, String> {
    let mut text = String::new();
    for path in paths {
        let failed = |error| format!("{path}: {error}");
        for file in rust_files(&root().join(path)).map_err(failed)? {
            text.push_str(&fs::read_to_string(file).map_err(failed)?);
        }
    }
    Ok(text)
}

/// The value of a constant that is a string.
pub(super) fn constant(path: &str, name: &str) -> Result<String, String> {
    constant_in(&file(path)?, name).ok_or_else(|| format!("{path} has no string constant {name}"))
}

fn constant_in(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("const {name}: &str = \""))?;
    rest.split('"').next().map(str::to_owned)
}

/// The value of a constant that is a duration in whole seconds.
pub(super) fn seconds(path: &str, name: &str) -> Result<u64, String> {
    seconds_in(&file(path)?, name).ok_or_else(|| format!("{path} has no constant {name} in seconds"))
}

fn seconds_in(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(&format!("const {name}: Duration = Duration::from_secs("))?;
    rest.split(')').next()?.parse().ok()
}

/// What else is called on a client, or on the configuration that it is built from.
const NO_OPERATIONS: [&str; 2] = ["build", "config"];

/// The operations that are called on a client of an SDK: `client.put_object()`, with the client in a variable or field
/// of one of these names.
pub(super) fn operations(text: &str, clients: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for client in clients {
        for (at, _) in text.match_indices(client) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(is_of_a_name) {
                continue;
            }
            let after = text[at + client.len()..].trim_start().strip_prefix('.');
            let name: String = after
                .unwrap_or_default()
                .chars()
                .take_while(|&char| is_of_a_name(char))
                .collect();
            let is_call = after.is_some_and(|after| after[name.len()..].starts_with("()"));
            if is_call && !NO_OPERATIONS.contains(&name.as_str()) {
                found.insert(name);
            }
        }
    }
    found
}

fn is_of_a_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_without_arguments_on_a_client_are_its_operations() {
        let text = "self.client.put_object().bucket(b); store\n  .client\n  .get_object();
            client.config().to_builder(); client.build(); self.clients.other(); my_client.wrong(); client.with(1);";
        let found: Vec<String> = operations(text, &["client"]).into_iter().collect();
        assert_eq!(found, ["get_object", "put_object"]);
    }

    #[test]
    fn a_constant_is_found_by_its_whole_name() {
        let text = "pub const KEY: &str = \"PK\";\nconst SORT_KEY: &str = \"SK\";";
        assert_eq!(constant_in(text, "KEY").as_deref(), Some("PK"));
        assert_eq!(constant_in(text, "SORT_KEY").as_deref(), Some("SK"));
        assert_eq!(constant_in(text, "OTHER"), None);
    }

    #[test]
    fn a_duration_is_read_in_whole_seconds() {
        let text = "const WAIT: Duration = Duration::from_secs(330);\nconst OTHER: Duration = Duration::from_millis(5);";
        assert_eq!(seconds_in(text, "WAIT"), Some(330));
        assert_eq!(seconds_in(text, "OTHER"), None);
    }
}
