//! Zip files whose bytes depend on nothing but what is in them.

use std::io::{Cursor, Write};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;

    use zip::ZipArchive;

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
    fn the_same_files_make_the_same_bytes_twice() {
        assert_eq!(zip(&[PROGRAM]).unwrap(), zip(&[PROGRAM]).unwrap());
    }
}
