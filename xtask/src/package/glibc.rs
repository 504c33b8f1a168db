//! Which glibc a program needs.

use std::fmt;

use object::Endianness;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, SectionHeader};

use crate::report::Check;

/// The glibc of Amazon Linux 2023, on which Lambda's runtime `provided.al2023` is built
/// (<https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html>).
const AMAZON_LINUX_2023: Version = Version(2, 34);

/// A version of glibc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Refuses a program that Amazon Linux 2023 cannot load.
pub(crate) fn check(program: &[u8]) -> Check {
    match needed(program)? {
        Some(version) if version > AMAZON_LINUX_2023 => Err(format!(
            "needs glibc {version}, and Amazon Linux 2023 has {AMAZON_LINUX_2023}: build on an older system"
        )),
        _ => Ok(()),
    }
}

/// The latest version of glibc whose symbols a 64-bit ELF program refers to; `None` for one that needs none.
fn needed(program: &[u8]) -> Result<Option<Version>, String> {
    let names = version_names(program).map_err(|error| format!("not a 64-bit ELF program: {error}"))?;
    Ok(names.iter().filter_map(|name| version(name)).max())
}

/// The names in the program's version needs, such as `GLIBC_2.34`.
fn version_names(program: &[u8]) -> object::Result<Vec<String>> {
    let header = FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, program)?;
    let mut names = Vec::new();
    for section in sections.iter() {
        let Some((mut libraries, link)) = section.gnu_verneed(endian, program)? else {
            continue;
        };
        let strings = sections.strings(endian, program, link)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                names.push(String::from_utf8_lossy(version.name(endian, strings)?).into_owned());
            }
        }
    }
    Ok(names)
}

/// `GLIBC_2.34` or `GLIBC_2.2.5` as a version. What is private or of another library is none.
fn version(name: &str) -> Option<Version> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.');
    let (major, minor) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    Some(Version(major, minor))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_linked_here_needs_the_glibc_that_it_was_linked_with() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needed = needed(&this).unwrap();
        // Rust's own minimum.
        assert!(needed >= Some(Version(2, 17)), "{needed:?}");
    }

    #[test]
    fn what_is_not_a_program_is_refused() {
        for bytes in [&b""[..], b"#!/bin/sh", b"\x7fELF\x02\x01\x01"] {
            let complaint = check(bytes).unwrap_err();
            assert!(complaint.starts_with("not a 64-bit ELF program: "), "{complaint}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("GLIBC_2.34"), Some(Version(2, 34)));
        assert_eq!(version("GLIBC_2.2.5"), Some(Version(2, 2)));
        assert_eq!(version("GLIBC_PRIVATE"), None);
        assert_eq!(version("GCC_3.0"), None);
        assert!(version("GLIBC_2.4") < version("GLIBC_2.34"));
    }
}
