//! The data folder of the local server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::ports::{Clock, MetadataStore};
use bleepstore_local::data_dir::DataDir;
use bleepstore_local::fs_blobs::FsBlobs;
use bleepstore_local::jsonl::JsonlMetadata;
use bleepstore_local::sqlite::SqliteMetadata;
use bleepstore_local::stores::{Records, Stores};
use tempfile::TempDir;

use super::{Opened, Source, Store};
use crate::fixture::Fixture;
use crate::released::{Deployed, path};

/// The folder of a fixture that is the data folder.
const DATA: &str = "data";

/// What a server that has stopped leaves and that holds nothing: the lock, SQLite's shared memory, and its emptied log.
const EMPTY: [&str; 3] = ["lock", "metadata.sqlite-shm", "metadata.sqlite-wal"];

/// A data folder with `--metadata sqlite`.
pub(crate) struct Sqlite(TempDir);

/// A data folder with `--metadata jsonl`.
pub(crate) struct Jsonl(TempDir);

/// A data folder, however it keeps its records.
pub(crate) trait Folder: Source {
    /// One that holds what a fixture does.
    fn holding(fixture: &Fixture) -> Self;

    fn path(&self) -> &Path;
}

impl Folder for Sqlite {
    fn holding(fixture: &Fixture) -> Self {
        Self(restored(fixture))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Folder for Jsonl {
    fn holding(fixture: &Fixture) -> Self {
        Self(restored(fixture))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Store for Sqlite {
    const NAME: &'static str = "sqlite";

    async fn open(fixture: &Fixture, _: Arc<dyn Clock>) -> Opened {
        let folder = restored(fixture);
        let metadata = SqliteMetadata::open(&folder.path().join("metadata.sqlite")).unwrap();
        opened(Arc::new(metadata), folder)
    }
}

impl Store for Jsonl {
    const NAME: &'static str = "jsonl";

    async fn open(fixture: &Fixture, _: Arc<dyn Clock>) -> Opened {
        let folder = restored(fixture);
        let metadata = JsonlMetadata::open(&folder.path().join("metadata.jsonl")).unwrap();
        opened(Arc::new(metadata), folder)
    }
}

impl Source for Sqlite {
    const PIECES: usize = 1_000;

    fn start() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn deployed(&self) -> Deployed {
        deployed(self.0.path(), "sqlite")
    }

    async fn opened_today(&self, work: impl AsyncFnOnce(Ports)) {
        opened_today(self.0.path(), Records::Sqlite, work).await;
    }

    fn keep(&self, fixture: &Fixture) {
        keep(self.0.path(), fixture);
    }
}

impl Source for Jsonl {
    const PIECES: usize = 1_000;

    fn start() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn deployed(&self) -> Deployed {
        deployed(self.0.path(), "jsonl")
    }

    async fn opened_today(&self, work: impl AsyncFnOnce(Ports)) {
        opened_today(self.0.path(), Records::Jsonl, work).await;
    }

    fn keep(&self, fixture: &Fixture) {
        keep(self.0.path(), fixture);
    }
}

/// A copy of the data folder.
fn restored(fixture: &Fixture) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in fixture.tree(DATA) {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    folder
}

fn opened(metadata: Arc<dyn MetadataStore>, folder: TempDir) -> Opened {
    Opened {
        metadata,
        blobs: Arc::new(FsBlobs::open(folder.path()).unwrap()),
        holding: Box::new(folder),
    }
}

fn deployed(folder: &Path, metadata: &str) -> Deployed {
    Deployed {
        variables: vec![
            ("BLEEPSTORE_DATA_DIR", path(folder).to_owned()),
            ("BLEEPSTORE_METADATA", metadata.to_owned()),
            ("BLEEPSTORE_GC_EVERY", "off".to_owned()),
        ],
        server: "bleepstore",
        in_functions: false,
        tool: "bleepstore",
        arguments: Vec::new(),
    }
}

async fn opened_today(folder: &Path, records: Records, work: impl AsyncFnOnce(Ports)) {
    let held = DataDir::open(folder).unwrap();
    let stores = Stores::in_folder(&held, records).unwrap();
    work(stores.ports.clone()).await;
    stores.close().await;
}

fn keep(folder: &Path, fixture: &Fixture) {
    let log = fs::metadata(folder.join("metadata.sqlite-wal"));
    assert!(
        log.map_or(0, |log| log.len()) == 0,
        "the server left rows in SQLite's log"
    );
    for file in files(folder) {
        let name = path(file.strip_prefix(folder).unwrap());
        if !EMPTY.contains(&name) {
            fixture.keep_bytes(&format!("{DATA}/{name}"), &fs::read(&file).unwrap());
        }
    }
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    found.collect()
}
