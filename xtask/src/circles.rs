//! No circles of modules: of modules that lie beside each other, each with all that lies below it, none needs itself by
//! way of the others. What a module and its parent need of each other is no circle: together they are one module.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::report::Check;
use crate::run::root;
use crate::source::{self, SourceFile};

/// The crate that may have circles: in its client of S3 a request sends itself.
const EXCEPTED: &str = "tests";

/// The path of a module from the root of its crate.
type ModulePath = Vec<String>;

/// How often a name may be another's before it is taken for none of the crate's.
const RENAMINGS: usize = 8;

/// Checks all crates of the workspace but those that are excepted.
pub(crate) fn check() -> Check {
    let manifest = root().join("Cargo.toml");
    let manifest = fs::read_to_string(&manifest).map_err(|error| format!("Cargo.toml: {error}"))?;
    let mut complaints = Vec::new();
    for name in members(&manifest).filter(|name| *name != EXCEPTED) {
        let circles = Modules::of(&source::of_crate(name)?).circles();
        complaints.extend(circles.iter().map(|circle| format!("{name}: {circle}")));
    }
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("\n"))
    }
}

/// The members that a workspace's manifest lists in one line.
fn members(manifest: &str) -> impl Iterator<Item = &str> {
    let line = manifest.lines().find_map(|line| line.strip_prefix("members = "));
    line.unwrap_or_default().split('"').skip(1).step_by(2)
}

/// The modules of a crate.
struct Modules {
    by_path: BTreeMap<ModulePath, Module>,
}

#[derive(Default)]
struct Module {
    /// What `use` brings into it, by the name that it has there.
    imported: BTreeMap<String, Vec<String>>,
    /// The paths that its code names.
    named: Vec<Vec<String>>,
}

impl Modules {
    fn of(files: &[SourceFile]) -> Self {
        let mut by_path: BTreeMap<ModulePath, Module> = BTreeMap::new();
        for file in files {
            by_path
                .entry(module_path(&file.path))
                .or_default()
                .read(&file.code);
        }
        by_path.entry(Vec::new()).or_default();
        Self { by_path }
    }

    /// A circle of each parent whose modules have one.
    fn circles(&self) -> Vec<String> {
        let mut needs: BTreeMap<&[String], Needs> = BTreeMap::new();
        for (path, module) in &self.by_path {
            let found = module
                .named
                .iter()
                .filter_map(|named| self.find(path, named, RENAMINGS));
            for found in found {
                let shared = path.iter().zip(&found).take_while(|(one, other)| one == other);
                let depth = shared.count();
                if let (Some(from), Some(to)) = (path.get(depth), found.get(depth)) {
                    let needed = needs.entry(&path[..depth]).or_default();
                    let needed = needed.entry(from.clone()).or_default();
                    needed.entry(to.clone()).or_insert_with(|| path.join("::"));
                }
            }
        }
        let circles = needs.iter().filter_map(|(parent, needs)| circle(parent, needs));
        circles.collect()
    }

    /// The module that has what a path names in the module `at`; `None` where it is none of this crate.
    fn find(&self, at: &[String], named: &[String], renamings: usize) -> Option<ModulePath> {
        let (first, rest) = named.split_first()?;
        let mut rest = rest.iter().peekable();
        let mut found = match first.as_str() {
            "crate" => Vec::new(),
            "self" => at.to_vec(),
            "super" => {
                let mut parent = parent_of(at)?;
                while rest.next_if(|name| *name == "super").is_some() {
                    parent = parent_of(&parent)?;
                }
                parent
            }
            _ => {
                let child = child_of(at, first);
                if self.by_path.contains_key(&child) {
                    child
                } else {
                    self.imported(at, first, renamings)?
                }
            }
        };
        for name in rest {
            let child = child_of(&found, name);
            if self.by_path.contains_key(&child) {
                found = child;
            } else {
                return Some(self.imported(&found, name, renamings).unwrap_or(found));
            }
        }
        Some(found)
    }

    /// The module that has what the module `at` has imported under a name.
    fn imported(&self, at: &[String], name: &str, renamings: usize) -> Option<ModulePath> {
        let named = self.by_path.get(at)?.imported.get(name)?;
        self.find(at, named, renamings.checked_sub(1)?)
    }
}

impl Module {
    fn read(&mut self, code: &str) {
        let mut rest = String::new();
        let mut statement = String::new();
        for line in code.lines() {
            if statement.is_empty() && !begins_use(line) {
                rest.push_str(line);
                rest.push('\n');
                continue;
            }
            statement.push_str(line.trim());
            statement.push(' ');
            let code = line.split("//").next().unwrap_or_default();
            if code.trim_end().ends_with(';') {
                self.import(&statement);
                statement.clear();
            }
        }
        self.named.extend(paths(&rest));
    }

    fn import(&mut self, statement: &str) {
        let Some((_, tree)) = statement.split_once("use ") else {
            return;
        };
        for (path, name) in leaves(tree.trim_end().trim_end_matches(';')) {
            self.imported.insert(name, path.clone());
            self.named.push(path);
        }
    }
}

/// What each module needs of those beside it, and the module that shows it: itself, or one below it.
type Needs = BTreeMap<String, BTreeMap<String, String>>;

/// A circle, if there is one, as a text.
fn circle(parent: &[String], needs: &Needs) -> Option<String> {
    let mut left: BTreeSet<&String> = needs.keys().collect();
    // What needs nothing of the others is in no circle, and then neither is what needed only that.
    loop {
        let in_need = |name: &&String| needs[*name].keys().any(|needed| left.contains(needed));
        let still: BTreeSet<&String> = left.iter().copied().filter(in_need).collect();
        if still.len() == left.len() {
            break;
        }
        left = still;
    }
    let mut way = vec![*left.first()?];
    loop {
        let needed = &needs[*way.last()?];
        let (next, shown_by) = needed.iter().find(|(name, _)| left.contains(name))?;
        let begin = way.iter().position(|name| *name == next);
        way.push(next);
        if let Some(begin) = begin {
            let names: Vec<&str> = way[begin..].iter().map(|name| name.as_str()).collect();
            let names = names.join(" -> ");
            let parent = [&["crate".to_owned()], parent].concat().join("::");
            return Some(format!("in {parent}: {names} (the last in {shown_by})"));
        }
    }
}

/// The module that a file below `src` is.
fn module_path(file: &Path) -> ModulePath {
    let stem = file.with_extension("");
    let mut path: ModulePath = stem
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        path.pop();
    }
    path
}

fn parent_of(path: &[String]) -> Option<ModulePath> {
    path.split_last().map(|(_, parent)| parent.to_vec())
}

fn child_of(path: &[String], name: &str) -> ModulePath {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

fn begins_use(line: &str) -> bool {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest.split_once(' ').map_or("", |(_, rest)| rest),
        None => line,
    };
    line.starts_with("use ")
}

/// The paths of a tree such as `a::{self, b::C as D}`, each with the name that it brings.
fn leaves(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    let Some((start, group)) = tree.split_once('{') else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut path: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = if name.is_empty() {
            path.last().cloned().unwrap_or_default()
        } else {
            name.to_owned()
        };
        return vec![(path, name)];
    };
    let group = group.rsplit_once('}').map_or(group, |(group, _)| group);
    let members = split_members(group)
        .into_iter()
        .filter(|member| !member.trim().is_empty());
    members
        .flat_map(|member| leaves(&format!("{start}{}", member.trim())))
        .collect()
}

/// What the commas outside of braces separate.
fn split_members(group: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    group
        .split(|letter| {
            match letter {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            letter == ',' && depth == 0
        })
        .collect()
}

/// The paths of two names and more in code.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let words = code
        .split(|letter| !is_path(letter))
        .filter(|word| word.contains("::"));
    words
        .map(|word| {
            word.split("::")
                .take_while(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()
        })
        .filter(|path: &Vec<String>| path.len() > 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files
            .iter()
            .map(|(path, code)| SourceFile {
                path: path.into(),
                code: (*code).to_owned(),
            })
            .collect();
        Modules::of(&files).circles()
    }

    #[test]
    fn modules_that_need_each_other_are_a_circle() {
        let found = circles(&[
            ("lib.rs", "mod a;\nmod b;\nmod c;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use super::{\n    c::{self, C as D},\n};"),
            ("c.rs", "fn f() { crate::a::f() }"),
            ("d.rs", "use crate::a;"),
        ]);
        assert_eq!(found, ["in crate: a -> b -> c -> a (the last in c)"]);
    }

    #[test]
    fn one_way_is_no_circle() {
        let found = circles(&[
            ("a.rs", "use crate::b::B;\nuse crate::c::C;"),
            ("b.rs", "use crate::c::C;"),
            ("c.rs", "use std::fmt;\nfn f() { fmt::write() }"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_circle_is_found_past_modules_that_are_in_none() {
        let found = circles(&[
            ("a.rs", "use crate::b::B;\nuse crate::c::C;"),
            ("b.rs", "use crate::d::D;"),
            ("c.rs", "use crate::a::A;"),
            ("d.rs", "use std::fmt;"),
        ]);
        assert_eq!(found, ["in crate: a -> c -> a (the last in c)"]);
    }

    #[test]
    fn a_module_and_its_parent_are_one() {
        let found = circles(&[
            ("a/mod.rs", "mod b;\npub use self::b::B;\nstruct A;"),
            ("a/b.rs", "use super::A;\nuse crate::a::A as Other;"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn what_lies_below_a_module_counts_as_the_module() {
        let found = circles(&[
            ("a.rs", "mod b;"),
            ("a/b.rs", "use crate::c::C;"),
            ("c/d.rs", "use crate::a::b::f;"),
            ("c/mod.rs", "mod d;\npub struct C;"),
        ]);
        assert_eq!(found, ["in crate: a -> c -> a (the last in c::d)"]);
    }

    #[test]
    fn a_name_that_the_parent_passes_on_is_of_the_module_that_has_it() {
        let found = circles(&[
            (
                "a/mod.rs",
                "pub(crate) use b::{B, make as made};\npub use self::c::C;",
            ),
            ("a/b.rs", "fn f(c: super::C) {}"),
            ("a/c.rs", "use crate::a;\nfn f() { a::made() }"),
        ]);
        assert_eq!(found, ["in crate::a: b -> c -> b (the last in a::c)"]);
    }

    #[test]
    fn the_members_of_the_workspace_are_read_from_its_manifest() {
        let manifest = "[workspace]\nmembers = [\"core\", \"tools\"]\ndefault-members = [\"core\"]\n";
        assert_eq!(members(manifest).collect::<Vec<_>>(), ["core", "tools"]);
    }
}
