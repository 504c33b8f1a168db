//! What a program needs beside itself: the C library and its loader, where it is not linked into the program.

use std::path::Path;
use std::process::Command;

use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};

use super::{PackedFile, read};
use crate::run::output;

/// The loader and the libraries that it finds for a program on this machine, under the paths at which it looks for them.
pub(super) fn of(program: &Path) -> Result<Vec<PackedFile>, String> {
    let content = read(program)?;
    let interpreter = interpreter(&content).map_err(|error| format!("{}: {error}", program.display()))?;
    let Some(loader) = interpreter else {
        return Ok(Vec::new());
    };
    let listed = output(Command::new(&loader).arg("--list").arg(program))?;
    let mut paths: Vec<&str> = listed.lines().filter_map(path_of).collect();
    paths.push(&loader);
    paths.sort_unstable();
    paths.dedup();
    let file = |path: &str| {
        Ok(PackedFile {
            path: path.trim_start_matches('/').to_owned(),
            mode: 0o755,
            content: read(Path::new(path))?,
        })
    };
    paths.into_iter().map(file).collect()
}

/// The path in a line such as `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f…)`. The kernel's own library has
/// none, and the loader's line is left out where it has no arrow.
fn path_of(line: &str) -> Option<&str> {
    let (_, found) = line.split_once("=> ")?;
    let path = found.split_whitespace().next()?;
    path.starts_with('/').then_some(path)
}

/// The loader that a 64-bit ELF program names; `None` for one that is linked statically.
fn interpreter(program: &[u8]) -> Result<Option<String>, String> {
    let wrong = |error: object::Error| format!("not a 64-bit ELF program: {error}");
    let header: &FileHeader64<Endianness> = elf::FileHeader64::parse(program).map_err(wrong)?;
    let endian = header.endian().map_err(wrong)?;
    let segments = header.program_headers(endian, program).map_err(wrong)?;
    let Some(segment) = segments
        .iter()
        .find(|segment| segment.p_type(endian) == PT_INTERP)
    else {
        return Ok(None);
    };
    let name = segment
        .data(endian, program)
        .map_err(|()| "its loader's name lies outside of it".to_owned())?;
    let name = name.strip_suffix(&[0]).unwrap_or(name);
    Ok(Some(String::from_utf8_lossy(name).into_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_linked_here_comes_with_its_loader_and_its_c_library() {
        let files = of(&std::env::current_exe().unwrap()).unwrap();
        let has = |name: &str| files.iter().any(|file| file.path.contains(name));
        assert!(has("libc.so.6"));
        assert!(has("ld-linux"));
        assert!(
            files
                .iter()
                .all(|file| !file.path.starts_with('/') && !file.content.is_empty())
        );
    }

    #[test]
    fn the_loaders_list_is_read_line_by_line() {
        let path = path_of("\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f0a)");
        assert_eq!(path, Some("/lib/x86_64-linux-gnu/libc.so.6"));
        assert_eq!(path_of("\tlinux-vdso.so.1 (0x00007ffd)"), None);
        assert_eq!(path_of("\tlibgone.so => not found"), None);
    }

    #[test]
    fn what_is_not_a_program_is_refused() {
        for bytes in [&b""[..], b"#!/bin/sh", b"\x7fELF\x02\x01\x01"] {
            assert!(interpreter(bytes).is_err());
        }
    }
}
