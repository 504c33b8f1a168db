//! The crates that a program is linked from, with the features that they have in it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use crate::run::{cargo, output};

/// A crate of a program.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// Whether it is a part of this workspace, and published nowhere.
    pub(super) is_ours: bool,
    /// An SPDX expression.
    pub(super) licence: String,
    pub(super) features: BTreeSet<String>,
    /// Those that it needs, by their references.
    pub(super) needs: BTreeSet<String>,
}

/// The crates of a program by their references, `name@version`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crates {
    /// The reference of the program's own.
    pub(super) root: String,
    pub(super) all: BTreeMap<String, Crate>,
}

impl Crates {
    /// Those of the program of a package for a target. `cargo tree` resolves the features of one package as its build
    /// does, while `cargo metadata` knows those of the whole workspace only. Crates that run while it is built (macros,
    /// build scripts) are none of them.
    pub(super) fn of(package: &str, target: &str) -> Result<Self, String> {
        let mut tree = cargo(["tree", "--locked", "--package", package, "--target", target]);
        tree.args(["--edges", "normal,no-proc-macro", "--prefix", "depth"]);
        Self::parsed(&output(tree.args(["--format", "{p}|{l}|{f}"]))?)
    }

    /// Reads the lines of `cargo tree`, each with a depth, name, version, licence and features. A crate's needs follow it,
    /// one deeper, where it is listed first.
    pub(super) fn parsed(tree: &str) -> Result<Self, String> {
        let mut all: BTreeMap<String, Crate> = BTreeMap::new();
        let mut above: Vec<String> = Vec::new();
        for line in tree.lines() {
            let (depth, mut found) = listed(line)
                .ok_or_else(|| format!("cargo tree printed a line that is not understood: {line}"))?;
            let reference = format!("{}@{}", found.name, found.version);
            above.truncate(depth);
            if let Some(parent) = above.last().and_then(|parent| all.get_mut(parent)) {
                parent.needs.insert(reference.clone());
            }
            above.push(reference.clone());
            let known = all.entry(reference).or_default();
            found.needs = mem::take(&mut known.needs);
            *known = found;
        }
        let root = above.into_iter().next().ok_or("cargo tree printed nothing")?;
        Ok(Self { root, all })
    }
}

/// The crate of a line such as `2digest v0.10.7|MIT OR Apache-2.0|alloc,default (*)`, and its depth. The mark is of what
/// was listed before.
fn listed(line: &str) -> Option<(usize, Crate)> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (depth, line) = line.split_at(digits);
    let mut fields = line.trim_end_matches(" (*)").split('|');
    let (package, licence, features) = (fields.next()?, fields.next()?, fields.next()?);
    let mut words = package.split(' ');
    let found = Crate {
        name: words.next()?.to_owned(),
        version: words.next()?.strip_prefix('v')?.to_owned(),
        is_ours: words.next().is_some_and(|place| place.starts_with("(/")),
        // Before SPDX expressions a slash meant a choice.
        licence: licence.replace(" / ", "/").replace('/', " OR "),
        features: features
            .split(',')
            .filter(|feature| !feature.is_empty())
            .map(str::to_owned)
            .collect(),
        needs: BTreeSet::new(),
    };
    Some((depth.parse().ok()?, found))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TREE: &str = "0server v0.1.0 (/srv/server)|MIT OR Apache-2.0|\n\
                        1core v0.1.0 (/srv/core)|MIT OR Apache-2.0|\n\
                        2digest v0.11.3|MIT/Apache-2.0|alloc,default\n\
                        3typenum v1.20.1|MIT|\n\
                        2digest v0.10.7|MIT / Apache-2.0|\n\
                        1digest v0.11.3|MIT/Apache-2.0|alloc,default (*)\n";

    fn needs(crates: &Crates, reference: &str) -> Vec<String> {
        crates.all[reference].needs.iter().cloned().collect()
    }

    #[test]
    fn a_tree_is_read_with_both_versions_of_a_crate_and_what_each_needs() {
        let crates = Crates::parsed(TREE).unwrap();
        assert_eq!((crates.root.as_str(), crates.all.len()), ("server@0.1.0", 5));
        assert_eq!(needs(&crates, "server@0.1.0"), ["core@0.1.0", "digest@0.11.3"]);
        assert_eq!(needs(&crates, "core@0.1.0"), ["digest@0.10.7", "digest@0.11.3"]);
        assert_eq!(needs(&crates, "digest@0.11.3"), ["typenum@1.20.1"]);
        let (new, old) = (&crates.all["digest@0.11.3"], &crates.all["digest@0.10.7"]);
        assert_eq!(
            (new.licence.as_str(), old.licence.as_str()),
            ("MIT OR Apache-2.0", "MIT OR Apache-2.0")
        );
        let features: Vec<&str> = new.features.iter().map(String::as_str).collect();
        assert_eq!(features, ["alloc", "default"]);
        assert!(crates.all["core@0.1.0"].is_ours && !new.is_ours);
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error() {
        for tree in ["", "server v0.1.0|MIT|", "0server|MIT|", "0server v0.1.0"] {
            assert!(Crates::parsed(tree).is_err(), "{tree}");
        }
    }
}
