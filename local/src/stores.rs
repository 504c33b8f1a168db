//! The stores that the settings name.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::ports::Clock;
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tools::{Failure, Result};

use crate::data_dir::DataDir;
use crate::fs_blobs::FsBlobs;
use crate::sqlite::SqliteMetadata;

/// Open stores.
pub struct Stores {
    /// What the core works with.
    pub ports: Ports,
    /// The database to close, where nobody else uses it.
    database: Option<Arc<SqliteMetadata>>,
}

impl Stores {
    /// The stores in memory.
    pub fn in_memory() -> Self {
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

    /// The stores in a data folder that this process holds. Blocks: call it before serving.
    pub fn in_folder(folder: &DataDir) -> Result<Self> {
        let database = open_database(folder.path())?;
        let blobs = FsBlobs::open(folder.path()).map_err(|error| no_blobs(folder.path(), &error))?;
        Ok(Self {
            ports: ports(database.clone(), blobs),
            database: Some(database),
        })
    }

    /// The stores in a data folder that another process may hold: SQLite lets both read and write, and blobs are never
    /// changed. What the other process has not finished is left alone. Blocks.
    pub fn beside(folder: &Path) -> Result<Self> {
        let blobs = FsBlobs::beside(folder).map_err(|error| no_blobs(folder, &error))?;
        Ok(Self {
            ports: ports(open_database(folder)?, blobs),
            database: None,
        })
    }

    /// Finishes the changes that are under way and empties the write-ahead log. Nothing is lost without it.
    pub async fn close(self) {
        if let Some(database) = self.database
            && let Err(error) = database.close().await
        {
            tracing::warn!(%error, "the database was not closed; its next start does that work");
        }
    }
}

fn open_database(folder: &Path) -> Result<Arc<SqliteMetadata>> {
    let path = folder.join("metadata.sqlite");
    SqliteMetadata::open(&path)
        .map(Arc::new)
        .map_err(|error| Failure::new(format!("the database {} cannot be used: {error}", path.display())))
}

fn no_blobs(folder: &Path, error: &io::Error) -> Failure {
    Failure::new(format!(
        "the blobs in {} cannot be used: {error}",
        folder.display()
    ))
}

fn ports(database: Arc<SqliteMetadata>, blobs: FsBlobs) -> Ports {
    Ports {
        metadata: database,
        blobs: Arc::new(blobs),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    }
}
