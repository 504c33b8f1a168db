//! `docs/cost.md`, which is the one place of prices and of counts: tests read it and compare.

use std::fmt::Write as _;
use std::path::Path;

/// The document's text.
#[derive(Clone, Debug)]
pub struct CostDocument(String);

impl CostDocument {
    /// Reads it.
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the repository");
        let text = std::fs::read_to_string(root.join("docs/cost.md")).expect("docs/cost.md");
        Self(text)
    }

    /// The rows of the table under a heading, each with its cells; the table's own heading left out.
    pub fn table(&self, heading: &str) -> Vec<Vec<String>> {
        let mut lines = self.0.lines().skip_while(|line| *line != heading);
        assert!(lines.next().is_some(), "docs/cost.md has no heading {heading:?}");
        lines
            .take_while(|line| !line.starts_with('#'))
            .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
            .skip(2)
            .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect())
            .collect()
    }

    /// Fails where the table under a heading is another one, and prints it as it should be.
    pub fn assert_table(&self, heading: &str, expected: Vec<Vec<String>>) {
        let table = expected.iter().fold(String::new(), |mut table, row| {
            writeln!(table, "| {} |", row.join(" | ")).expect("a String takes it");
            table
        });
        assert!(
            self.table(heading) == expected,
            "docs/cost.md says otherwise under {heading:?} than was counted, which is:\n{table}"
        );
    }

    /// The number in the second cell of the row that starts with `name`.
    pub fn number(&self, heading: &str, name: &str) -> f64 {
        let table = self.table(heading);
        let row = table.iter().find(|row| row[0] == name);
        let row = row.unwrap_or_else(|| panic!("{heading} has no row {name:?}"));
        row[1].parse().expect("a number")
    }
}
