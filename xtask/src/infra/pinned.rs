//! Providers are pinned: what was checked is what is applied.

use std::fs;
use std::path::PathBuf;

use super::{roots, stand_ins};
use crate::report::Check;

/// Whether every configuration asks for exactly the versions that the stand-ins were made from.
pub(super) fn check(folders: &[PathBuf]) -> Check {
    let mut complaints = Vec::new();
    for folder in folders {
        for file in roots::files(folder)? {
            let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            for (provider, asked) in asked_for(&text) {
                let checked = stand_ins::version(provider)?;
                if asked != Some(checked.as_str()) {
                    let asked = asked.unwrap_or("any version");
                    complaints.push(format!(
                        "{} asks for {provider} {asked}, and {checked} is what is checked",
                        file.display()
                    ));
                }
            }
        }
    }
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("\n"))
    }
}

/// The providers that a configuration requires, each with the version that it says.
fn asked_for(text: &str) -> Vec<(&str, Option<&str>)> {
    let following = text.lines().skip(1).map(Some).chain([None]);
    let sources = text.lines().zip(following).filter_map(|(line, next)| {
        let (owner, provider) = value(line, "source")?.split_once('/')?;
        // Modules have sources too, in folders beside.
        if owner.starts_with('.') {
            return None;
        }
        Some((provider, next.and_then(|next| value(next, "version"))))
    });
    sources.collect()
}

/// The text that a line gives an argument of this name.
fn value<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    let rest = line.trim_start().strip_prefix(name)?.trim_start();
    rest.strip_prefix('=')?
        .trim_start()
        .strip_prefix('"')?
        .split('"')
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_follows_a_source_is_what_is_asked_for() {
        let text = "    aws = {\n      source  = \"hashicorp/aws\"\n      version = \">= 6.29, < 7.0\" # why\n    }\n\
                    \x20   azapi = {\n      source = \"azure/azapi\"\n      version = \"1.2.3\"\n    }\n\
                    \x20   random = {\n      source = \"hashicorp/random\"\n    }\n  source = \"../..\"\n";
        assert_eq!(
            asked_for(text),
            [
                ("aws", Some(">= 6.29, < 7.0")),
                ("azapi", Some("1.2.3")),
                ("random", None)
            ]
        );
    }
}
