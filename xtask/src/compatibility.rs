//! `docs/compatibility.md`: what of S3 works on which way to run BleepStore, counted from the tests that ran.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::report::{Check, Tally, counted, missing};
use crate::rows::{COLUMNS, Row, SECTIONS};
use crate::run::{root, target_dir};

/// The variable that names the file to which tests append what they checked instead of their rule.
pub(crate) const OUTCOMES: &str = "BLEEPSTORE_TEST_OUTCOMES";

const PAGE: &str = "docs/compatibility.md";

const INTRODUCTION: &str = "\
# S3 compatibility

`cargo xtask compatibility` writes this page from the tests that ran, and `cargo xtask test` fails where the two differ.

A number counts the rules in the file of its row that were checked over real sockets on that way to run BleepStore, and
held. *Refused* counts rules that need what the platform does not carry: there the test checked that it is refused as
documented. *Differs* counts rules in whose place another documented behaviour was checked. [limits.md](limits.md) has both.

";

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Held,
    Refused,
    Differs,
}

/// The tests that passed: file, then rule, then deployment.
#[derive(Debug, Default)]
pub(crate) struct Record(BTreeMap<String, BTreeMap<String, BTreeMap<String, Outcome>>>);

impl Record {
    /// Takes a line of `cargo test`, such as `test list_parts::needs_the_bucket::sqlite ... ok`.
    pub(crate) fn see(&mut self, line: &str) {
        let test = line
            .strip_prefix("test ")
            .and_then(|test| test.strip_suffix(" ... ok"));
        if let Some(test) = test {
            self.note(test, Outcome::Held);
        }
    }

    /// Takes the lines that tests wrote, such as `refused list_parts::needs_the_bucket::aws_lambda`.
    pub(crate) fn read(&mut self, outcomes: &Path) -> Check {
        let text = match fs::read_to_string(outcomes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read.map_err(|error| format!("{}: {error}", outcomes.display()))?,
        };
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("held", test)) => self.note(test, Outcome::Held),
                Some(("refused", test)) => self.note(test, Outcome::Refused),
                Some(("differs", test)) => self.note(test, Outcome::Differs),
                _ => return Err(format!("{}: what is {line:?}?", outcomes.display())),
            }
        }
        Ok(())
    }

    /// Notes a test of a deployment; other tests are not of the table.
    fn note(&mut self, test: &str, outcome: Outcome) {
        let Some((rule, deployment)) = test.rsplit_once("::") else {
            return;
        };
        if !COLUMNS.iter().any(|(known, _)| *known == deployment) {
            return;
        }
        // The tests of the SDK for Rust stand in one file, whose name cargo does not print.
        let (file, rule) = rule.split_once("::").unwrap_or(("rust", rule));
        let rules = self.0.entry(file.to_owned()).or_default();
        let deployments = rules.entry(rule.to_owned()).or_default();
        deployments.insert(deployment.to_owned(), outcome);
    }

    fn cell(&self, row: &Row, deployment: &str) -> String {
        let (mut held, mut refused, mut differs) = (0, 0, 0);
        for (rule, deployments) in self.0.get(row.module()).into_iter().flatten() {
            match deployments.get(deployment).filter(|_| row.has(rule)) {
                None => {}
                Some(Outcome::Held) => held += 1,
                Some(Outcome::Refused) => refused += 1,
                Some(Outcome::Differs) => differs += 1,
            }
        }
        let counts = [(held, ""), (refused, " refused"), (differs, " differs")];
        let words = counts.iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = words.map(|(count, word)| format!("{count}{word}")).collect();
        if words.is_empty() {
            "–".to_owned()
        } else {
            words.join(", ")
        }
    }

    fn page(&self) -> String {
        let mut page = INTRODUCTION.to_owned();
        for (index, (title, rows)) in SECTIONS.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            let titles = COLUMNS.map(|(_, title)| title).join(" | ");
            let rule = "---|".repeat(COLUMNS.len());
            page.push_str(&format!("{gap}| {title} | | {titles} |\n|---|---|{rule}\n"));
            for row in *rows {
                let cells = COLUMNS
                    .map(|(deployment, _)| self.cell(row, deployment))
                    .join(" | ");
                let (what, file, how) = (row.what, row.file, row.how);
                page.push_str(&format!("| [{what}](../tests/{file}) | {how} | {cells} |\n"));
            }
        }
        page
    }

    /// Rules that no row counts, and rows that count nothing.
    fn gaps(&self) -> Vec<String> {
        let rows = || SECTIONS.iter().flat_map(|(_, rows)| *rows);
        let counted = |file: &str, rule: &str| rows().any(|row| row.module() == file && row.has(rule));
        let rules = self.0.iter();
        let rules = rules.flat_map(|(file, rules)| rules.keys().map(move |rule| (file, rule)));
        let uncounted = rules
            .filter(|(file, rule)| !counted(file, rule))
            .map(|(file, rule)| format!("no row of xtask/src/rows.rs counts {file}::{rule}"));
        let empty = rows().filter(|row| COLUMNS.iter().all(|(name, _)| self.cell(row, name) == "–"));
        let empty = empty.map(|row| format!("no test backs the row {}", row.what));
        uncounted.chain(empty).collect()
    }

    /// The page, if every test is on it.
    fn complete_page(&self) -> Result<String, String> {
        let gaps = self.gaps();
        if gaps.is_empty() {
            Ok(self.page())
        } else {
            Err(gaps.join("\n"))
        }
    }

    /// Whether the page that is checked in is what ran.
    fn compare(&self) -> Check {
        let page = self.complete_page()?;
        let checked_in = fs::read_to_string(root().join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))?;
        difference(&checked_in, &page)
    }

    /// Compares the page with what ran, unless not everything could run.
    pub(crate) fn check(&self, ran: Result<(), String>, strict: bool) -> Tally {
        match ran {
            Ok(()) => counted(self.compare()),
            Err(reason) => missing(PAGE, &reason, strict),
        }
    }

    /// Writes the page.
    pub(crate) fn write(&self) -> Check {
        let page = self.complete_page()?;
        fs::write(root().join(PAGE), page).map_err(|error| format!("{PAGE}: {error}"))
    }
}

/// What the page that is checked in says otherwise than the tests, from its first such line.
fn difference(checked_in: &str, page: &str) -> Check {
    if checked_in == page {
        return Ok(());
    }
    let (mut old, mut new) = (checked_in.lines(), page.lines());
    loop {
        let (old, new) = (old.next(), new.next());
        if old.is_none() || old != new {
            let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
            return Err(format!(
                "{PAGE} says\n  {old}\nand the tests say\n  {new}\nRun cargo xtask compatibility."
            ));
        }
    }
}

/// An empty file for outcomes.
pub(crate) fn outcomes_file() -> Result<PathBuf, String> {
    let file = target_dir().join("outcomes.txt");
    fs::write(&file, "").map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let mut record = Record::default();
        for rule in ["a", "b", "c"] {
            record.see(&format!("test list_parts::{rule}::aws_lambda ... ok"));
        }
        record.see("test list_parts::d::aws_lambda ... FAILED");
        record.see("test list_parts::d::another ... ok");
        record
    }

    fn row(rules: &'static [&'static str]) -> Row {
        Row {
            what: "ListParts",
            how: "",
            file: "s3/list_parts.rs",
            rules,
        }
    }

    #[test]
    fn a_cell_counts_what_passed() {
        assert_eq!(record().cell(&row(&[]), "aws_lambda"), "3");
        assert_eq!(record().cell(&row(&["a", "d"]), "aws_lambda"), "1");
        assert_eq!(record().cell(&row(&[]), "sqlite"), "–");
    }

    #[test]
    fn what_was_checked_instead_is_counted_apart() {
        let mut record = record();
        record.note("list_parts::b::aws_lambda", Outcome::Refused);
        record.note("list_parts::c::aws_lambda", Outcome::Differs);
        assert_eq!(record.cell(&row(&[]), "aws_lambda"), "1, 1 refused, 1 differs");
        record.note("list_parts::a::aws_lambda", Outcome::Refused);
        assert_eq!(record.cell(&row(&[]), "aws_lambda"), "2 refused, 1 differs");
    }

    #[test]
    fn tests_without_a_row_and_rows_without_a_test_are_named() {
        let mut record = record();
        record.see("test unheard_of::a::sqlite ... ok");
        let gaps = record.gaps();
        assert!(gaps.contains(&"no row of xtask/src/rows.rs counts unheard_of::a".to_owned()));
        assert!(gaps.contains(&"no test backs the row ListBuckets".to_owned()));
        assert!(!gaps.iter().any(|gap| gap.contains("ListParts")));
    }

    #[test]
    fn a_page_that_is_not_what_ran_is_shown_by_its_first_line() {
        let mut record = record();
        let page = record.page();
        assert_eq!(difference(&page, &page), Ok(()));
        record.note("list_parts::c::aws_lambda", Outcome::Refused);
        let complaint = difference(&page, &record.page()).unwrap_err();
        assert!(complaint.contains("| – | – | – | 3 |\nand"), "{complaint}");
        assert!(complaint.contains("| – | – | – | 2, 1 refused |"), "{complaint}");
        assert!(difference(&page, "").is_err() && difference("", &page).is_err());
    }

    #[test]
    fn tests_of_the_sdk_for_rust_have_no_file_in_their_names() {
        let mut record = Record::default();
        record.see("test copies_objects::sqlite ... ok");
        assert_eq!(record.0["rust"]["copies_objects"]["sqlite"], Outcome::Held);
    }
}
