//! A fixture's files.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::stores::Store;

/// The folder of all fixtures.
pub(crate) const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// Larger files of text are kept compressed, in bytes: smaller ones can be read and searched as they are.
const MOST_TEXT: usize = 128 * 1024;

/// Larger files of bytes are kept compressed.
const MOST_BYTES: usize = 1024;

/// What one store of one release is kept as: `tests/fixtures/{release}/{store}`.
pub(crate) struct Fixture {
    folder: PathBuf,
}

impl Fixture {
    pub(crate) fn of<S: Store>(release: &str) -> Self {
        Self {
            folder: Path::new(FIXTURES).join(release).join(S::NAME),
        }
    }

    /// One that is kept for as long as the folder is.
    pub(crate) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    pub(crate) fn exists(&self) -> bool {
        self.folder.exists()
    }

    /// What was seen of the store by a client and by the release's own tools, and what the rules have to know of it.
    pub(crate) fn expected(&self) -> Value {
        serde_json::from_slice(&self.file("expected.json")).unwrap()
    }

    /// One document for each line of a file.
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        let text = String::from_utf8(self.file(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        let path = self.folder.join(name);
        let compressed = compressed(&path);
        if compressed.is_file() {
            return read(&compressed);
        }
        read(&path)
    }

    /// The files below a folder, by their names below it, decompressed and in order.
    pub(crate) fn tree(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let root = self.folder.join(name);
        let mut files = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = read(&path);
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                    files.push((name.trim_end_matches(".gz").to_owned(), bytes));
                }
            }
        }
        files.sort();
        files
    }

    /// Keeps a file of text.
    pub(crate) fn keep_text(&self, name: &str, text: &[u8]) {
        self.keep(name, text, MOST_TEXT);
    }

    /// Keeps a file of whatever a release wrote.
    pub(crate) fn keep_bytes(&self, name: &str, bytes: &[u8]) {
        self.keep(name, bytes, MOST_BYTES);
    }

    fn keep(&self, name: &str, bytes: &[u8], most_plain: usize) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if bytes.len() <= most_plain {
            return fs::write(path, bytes).unwrap();
        }
        let file = fs::File::create(compressed(&path)).unwrap();
        let mut encoder = GzEncoder::new(file, Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap();
    }

    /// Keeps documents as lines, in the order of their texts: a scan's order may mean nothing.
    pub(crate) fn keep_lines(&self, name: &str, documents: &[Value]) {
        let mut lines: Vec<String> = documents.iter().map(|line| format!("{line}\n")).collect();
        lines.sort();
        self.keep_text(name, lines.concat().as_bytes());
    }
}

fn compressed(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    name.into()
}

/// A file's bytes, decompressed.
fn read(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut plain = Vec::new();
    GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap();
    plain
}
