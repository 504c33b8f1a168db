//! The tables of inputs and outputs in each README.

use std::fs;

use super::plan::Plan;
use crate::run::root;

/// Compares them with what the root declares: the names, and what is said of each.
pub(super) fn check(plan: &Plan, cloud: &str) -> Result<Vec<String>, String> {
    let file = root().join(format!("infra/{cloud}/README.md"));
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut complaints = Vec::new();
    for (heading, kind) in [("## Inputs", "variables"), ("## Outputs", "outputs")] {
        let written = rows(&text, heading);
        let mut declared: Vec<(String, String)> = plan
            .declared(kind)
            .map(|(name, of)| {
                (
                    name.to_owned(),
                    of["description"].as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        let mut sorted = written.clone();
        declared.sort();
        sorted.sort();
        for (name, description) in declared.iter().filter(|row| !sorted.contains(row)) {
            complaints.push(format!("{heading} lacks the row of `{name}` with: {description}"));
        }
        for (name, _) in sorted.iter().filter(|row| !declared.contains(row)) {
            complaints.push(format!("{heading} says of `{name}` what the root does not"));
        }
    }
    Ok(complaints)
}

/// The first and the last cell of each row below a heading.
fn rows(text: &str, heading: &str) -> Vec<(String, String)> {
    let section = text.split_once(heading).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        let description = rest.rsplit(" | ").next()?;
        Some((name.to_owned(), description.to_owned()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_the_section_under_the_heading_alone() {
        let text = "## Inputs\n\n| name | type | |\n|---|---|---|\n| `a` | string | What a is. |\n\n## Outputs\n\n| `b` | B. |\n";
        assert_eq!(
            rows(text, "## Inputs"),
            [("a".to_owned(), "What a is.".to_owned())]
        );
        assert_eq!(rows(text, "## Outputs"), [("b".to_owned(), "B.".to_owned())]);
        assert!(rows(text, "## Elsewhere").is_empty());
    }
}
