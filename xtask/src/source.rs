//! The source of the workspace's crates, as text.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::run::root;

/// A file of a crate, without what is for tests alone.
pub(crate) struct SourceFile {
    /// Its path below `src`.
    pub(crate) path: PathBuf,
    /// What is in it, without its comments.
    pub(crate) code: String,
}

/// The files of the crate in the folder `name`, but those that are tests.
pub(crate) fn of_crate(name: &str) -> Result<Vec<SourceFile>, String> {
    let folder = root().join(name).join("src");
    let files = rust_files(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut sources = Vec::new();
    for file in files {
        let path = file.strip_prefix(&folder).unwrap_or(&file);
        if is_test(path) {
            continue;
        }
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        sources.push(SourceFile {
            path: path.to_owned(),
            code: without_tests_and_comments(&text),
        });
    }
    Ok(sources)
}

/// The Rust files in a folder and below, in the order of their paths.
pub(crate) fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_test(path: &Path) -> bool {
    let mut parts = path.iter().map(OsStr::to_string_lossy);
    parts.any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"))
}

/// The code without its comments and without the items that are built for tests only. An item ends where a line that is
/// indented as its first one ends it: the code is formatted.
pub(crate) fn without_tests_and_comments(text: &str) -> String {
    let mut lines = text.lines();
    let mut code = Vec::new();
    while let Some(line) = lines.next() {
        let content = line.trim_start();
        if content == "#[cfg(test)]" {
            let indent = &line[..line.len() - content.len()];
            lines.find(|line| ends_item(line, indent));
        } else if !content.starts_with("//") {
            code.push(line);
        }
    }
    code.join("\n")
}

fn ends_item(line: &str, indent: &str) -> bool {
    let content = line.trim_start();
    line.len() - content.len() == indent.len() && content.ends_with(['}', ';', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_what_is_for_tests_alone_is_no_code() {
        let text = "\
//! About it.
#[cfg(test)]
mod tests;
mod other;

impl A {
    #[cfg(test)]
    fn seen(&self) -> bool {
        true
    }

    // Why.
    fn f() {}
}

#[cfg(test)]
mod more {
    use super::*;
}
";
        let code = "mod other;\n\nimpl A {\n\n    fn f() {}\n}\n";
        assert_eq!(without_tests_and_comments(text), code);
    }

    #[test]
    fn files_of_tests_are_told_by_their_names() {
        for path in ["ops/tests/get.rs", "ops/get_tests.rs", "jsonl/tests.rs"] {
            assert!(is_test(Path::new(path)), "{path}");
        }
        assert!(!is_test(Path::new("ops/contests.rs")));
    }
}
