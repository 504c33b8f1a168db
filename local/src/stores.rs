//! The stores that the settings name.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::ports::{BlobStore, Clock, MetadataStore, StoreResult};
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tools::{Failure, Result};

use crate::checked_blobs::CheckedBlobs;
use crate::data_dir::DataDir;
use crate::fs_blobs::FsBlobs;
use crate::jsonl::JsonlMetadata;
use crate::metrics::Histogram;
use crate::sqlite::SqliteMetadata;

/// The files of the records in a data folder.
const SQLITE: &str = "metadata.sqlite";
const JSONL: &str = "metadata.jsonl";

/// How a data folder keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// In a SQLite database.
    Sqlite,
    /// In a log of JSON lines, which is read into memory.
    Jsonl,
}

impl Records {
    /// How this folder keeps them, if it has any.
    pub fn found_in(folder: &Path) -> Option<Self> {
        [(SQLITE, Self::Sqlite), (JSONL, Self::Jsonl)]
            .into_iter()
            .find_map(|(file, records)| folder.join(file).exists().then_some(records))
    }
}

/// Open stores.
pub struct Stores {
    /// What the core works with.
    pub ports: Ports,
    /// The metadata store to close, where nobody else uses it.
    database: Option<Database>,
    /// The blobs, where they are files.
    blobs: Option<Arc<CheckedBlobs>>,
}

/// A metadata store that is to be closed.
enum Database {
    Sqlite(Arc<SqliteMetadata>),
    Jsonl(Arc<JsonlMetadata>),
}

impl Stores {
    /// Empty stores that end with the process.
    pub fn in_memory() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ports = Ports {
            metadata: Arc::new(MemoryMetadata::default()),
            blobs: Arc::new(MemoryBlobs::new(Arc::clone(&clock))),
            clock,
            entropy: Arc::new(OsEntropy),
        };
        Self {
            ports,
            database: None,
            blobs: None,
        }
    }

    /// The stores in a data folder that this process holds, whose records are kept so. Blocks: call it before serving.
    pub fn in_folder(folder: &DataDir, records: Records) -> Result<Self> {
        let database = Database::open(folder.path(), records)?;
        let blobs = FsBlobs::open(folder.path()).map_err(|error| no_blobs(folder.path(), &error))?;
        Ok(Self::over(database.port(), blobs, Some(database)))
    }

    /// The stores in a data folder that another process may hold: SQLite lets both read and write, and blobs are never
    /// changed. What the other process has not finished is left alone. A log of JSON lines has one process only. Blocks.
    pub fn beside(folder: &Path) -> Result<Self> {
        match Records::found_in(folder) {
            Some(Records::Sqlite) => {}
            Some(Records::Jsonl) => {
                return Err(Failure::new(format!(
                    "the records in {} have one process at a time: stop the server first",
                    folder.join(JSONL).display()
                )));
            }
            None => return Err(Failure::new(format!("{} has no records yet", folder.display()))),
        }
        let database = Database::open(folder, Records::Sqlite)?;
        let blobs = FsBlobs::beside(folder).map_err(|error| no_blobs(folder, &error))?;
        Ok(Self::over(database.port(), blobs, None))
    }

    fn over(metadata: Arc<dyn MetadataStore>, files: FsBlobs, database: Option<Database>) -> Self {
        let blobs = Arc::new(CheckedBlobs::new(
            ports(Arc::clone(&metadata), Arc::new(files.clone())),
            files,
        ));
        Self {
            ports: ports(metadata, blobs.store()),
            database,
            blobs: Some(blobs),
        }
    }

    /// The blobs, where they are files.
    pub fn files(&self) -> Option<Arc<CheckedBlobs>> {
        self.blobs.clone()
    }

    /// How many changes the metadata store made durable together, where it does so.
    pub fn group_sizes(&self) -> Option<Arc<Histogram>> {
        self.database.as_ref().map(Database::group_sizes)
    }

    /// Finishes the changes that are under way and leaves the files as they are best read. Nothing is lost without it.
    pub async fn close(self) {
        if let Some(blobs) = self.blobs {
            blobs.files().close().await;
        }
        if let Some(database) = self.database
            && let Err(error) = database.close().await
        {
            tracing::warn!(%error, "the database was not closed in an orderly way");
        }
    }
}

fn no_blobs(folder: &Path, error: &io::Error) -> Failure {
    Failure::new(format!(
        "the blobs in {} cannot be used: {error}",
        folder.display()
    ))
}

fn ports(metadata: Arc<dyn MetadataStore>, blobs: Arc<dyn BlobStore>) -> Ports {
    Ports {
        metadata,
        blobs,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    }
}

impl Database {
    /// Opens the records of a folder, or creates them where the folder has none of either kind.
    fn open(folder: &Path, records: Records) -> Result<Self> {
        let (sqlite, jsonl) = (folder.join(SQLITE), folder.join(JSONL));
        match records {
            Records::Sqlite => {
                refuse_other(&sqlite, &jsonl, "jsonl")?;
                let opened = SqliteMetadata::open(&sqlite);
                opened
                    .map(|database| Self::Sqlite(Arc::new(database)))
                    .map_err(|error| {
                        Failure::new(format!(
                            "the database {} cannot be used: {error}",
                            sqlite.display()
                        ))
                    })
            }
            Records::Jsonl => {
                refuse_other(&jsonl, &sqlite, "sqlite")?;
                let opened = JsonlMetadata::open(&jsonl);
                opened.map(|log| Self::Jsonl(Arc::new(log))).map_err(|error| {
                    Failure::new(format!("the log {} cannot be used: {error}", jsonl.display()))
                })
            }
        }
    }

    fn port(&self) -> Arc<dyn MetadataStore> {
        match self {
            Self::Sqlite(database) => Arc::clone(database) as _,
            Self::Jsonl(log) => Arc::clone(log) as _,
        }
    }

    fn group_sizes(&self) -> Arc<Histogram> {
        match self {
            Self::Sqlite(database) => database.group_sizes(),
            Self::Jsonl(log) => log.group_sizes(),
        }
    }

    async fn close(&self) -> StoreResult<()> {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Jsonl(log) => log.close().await,
        }
    }
}

/// An empty store beside the records of the other kind would look as if all were lost.
fn refuse_other(own: &Path, other: &Path, kind: &str) -> Result<()> {
    if own.exists() || !other.exists() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the records of this folder are in {}; --metadata {kind} reads them",
        other.display()
    )))
}
