//! Zip files whose bytes depend on nothing but what is in them.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

use super::{PackedFile, read};

/// A file in an archive.
pub(crate) struct Entry<'a> {
    /// Its path from the archive's root.
    pub(crate) name: &'a str,
    /// Its permissions, such as `0o755`.
    pub(crate) mode: u32,
    pub(crate) content: &'a [u8],
}

/// The best that deflate does: the archive is made once and loaded often.
const LEVEL: i64 = 9;

/// A zip with these files in this order, all from 1 January 1980, the first day that the format knows.
pub(crate) fn zip(entries: &[Entry<'_>]) -> Result<Vec<u8>, String> {
    written(entries).map_err(|error| format!("the zip cannot be made: {error}"))
}

fn written(entries: &[Entry<'_>]) -> Result<Vec<u8>, ZipError> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = SimpleFileOptions::default()
            .system(System::Unix)
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL))
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(entry.mode);
        writer.start_file(entry.name, options)?;
        writer.write_all(entry.content)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The files of the zip at a path.
pub(super) fn files(archive: &Path) -> Result<Vec<PackedFile>, String> {
    let bytes = read(archive)?;
    listed(&bytes).map_err(|error| format!("{}: {error}", archive.display()))
}

fn listed(archive: &[u8]) -> Result<Vec<PackedFile>, ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(archive))?;
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        files.push(PackedFile {
            path: file.name().to_owned(),
            mode: file.unix_mode().unwrap_or_default() & 0o777,
            content,
        });
    }
    Ok(files)
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use super::*;

    const PROGRAM: Entry<'static> = Entry {
        name: "bootstrap",
        mode: 0o755,
        content: b"a program, a program, a program",
    };

    #[test]
    fn a_zip_holds_the_program_at_its_root_with_its_mode_and_no_time() {
        let bytes = zip(&[PROGRAM]).unwrap();
        let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), 1);
        let mut file = archive.by_index(0).unwrap();
        assert_eq!(file.name(), "bootstrap");
        assert_eq!(file.unix_mode(), Some(0o100_755));
        assert_eq!(file.last_modified(), Some(DateTime::DEFAULT));
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, PROGRAM.content);
    }

    #[test]
    fn the_files_of_a_zip_are_those_that_were_packed() {
        let files = listed(&zip(&[PROGRAM]).unwrap()).unwrap();
        let [file] = &files[..] else {
            panic!("{} files", files.len());
        };
        assert_eq!((file.path.as_str(), file.mode), (PROGRAM.name, PROGRAM.mode));
        assert_eq!(file.content, PROGRAM.content);
    }

    #[test]
    fn the_same_files_make_the_same_bytes_twice() {
        assert_eq!(zip(&[PROGRAM]).unwrap(), zip(&[PROGRAM]).unwrap());
    }
}
