//! The stores that the settings name.

use std::path::Path;
use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::ports::{Clock, MetadataStore, StoreResult};
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_local::fs_blobs::FsBlobs;
use bleepstore_local::jsonl::JsonlMetadata;
use bleepstore_local::sqlite::SqliteMetadata;

use crate::config::Metadata;
use crate::data_dir::DataDir;
use crate::failure::{Failure, Result};

/// Open stores.
pub(crate) struct Stores {
    /// What the core works with.
    pub(crate) ports: Ports,
    database: Option<Database>,
}

/// A metadata store that is to be closed.
enum Database {
    Sqlite(Arc<SqliteMetadata>),
    Jsonl(Arc<JsonlMetadata>),
}

impl Stores {
    /// The stores in memory.
    pub(crate) fn in_memory() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        let metadata = Arc::new(MemoryMetadata::default());
        Self {
            ports: Ports {
                metadata,
                blobs,
                clock,
                entropy: Arc::new(OsEntropy),
            },
            database: None,
        }
    }

    /// The stores in a data folder, of which the metadata is of this kind. Blocks: call it before serving.
    pub(crate) fn in_folder(folder: &DataDir, metadata: Metadata) -> Result<Self> {
        let database = Database::open(folder, metadata)?;
        let blobs = FsBlobs::open(folder.path()).map_err(|error| {
            Failure::new(format!(
                "the blobs in {} cannot be used: {error}",
                folder.path().display()
            ))
        })?;
        let ports = Ports {
            metadata: database.port(),
            blobs: Arc::new(blobs),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
        };
        Ok(Self {
            ports,
            database: Some(database),
        })
    }

    /// Finishes the changes that are under way and leaves the files as they are best read. Nothing is lost without it.
    pub(crate) async fn close(self) {
        if let Some(database) = self.database
            && let Err(error) = database.close().await
        {
            tracing::warn!(%error, "the metadata store was not closed; its next start does that work");
        }
    }
}

impl Database {
    /// Opens the metadata of a folder, or creates it where the folder has none of either kind.
    fn open(folder: &DataDir, metadata: Metadata) -> Result<Self> {
        let sqlite = folder.path().join("metadata.sqlite");
        let jsonl = folder.path().join("metadata.jsonl");
        match metadata {
            Metadata::Sqlite => {
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
            Metadata::Jsonl => {
                refuse_other(&jsonl, &sqlite, "sqlite")?;
                let opened = JsonlMetadata::open(&jsonl);
                opened.map(|log| Self::Jsonl(Arc::new(log))).map_err(|error| {
                    Failure::new(format!("the log {} cannot be used: {error}", jsonl.display()))
                })
            }
            Metadata::Memory => Err(Failure::usage("--metadata memory keeps nothing in a folder")),
        }
    }

    fn port(&self) -> Arc<dyn MetadataStore> {
        match self {
            Self::Sqlite(database) => Arc::clone(database) as _,
            Self::Jsonl(log) => Arc::clone(log) as _,
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
