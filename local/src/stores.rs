//! The stores that the settings name.

use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::ports::Clock;
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_local::fs_blobs::FsBlobs;
use bleepstore_local::metrics::Histogram;
use bleepstore_local::sqlite::SqliteMetadata;

use crate::data_dir::DataDir;
use crate::failure::{Failure, Result};

/// Open stores.
pub(crate) struct Stores {
    /// What the core works with.
    pub(crate) ports: Ports,
    database: Option<Arc<SqliteMetadata>>,
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

    /// The stores in a data folder. Blocks: call it before serving.
    pub(crate) fn in_folder(folder: &DataDir) -> Result<Self> {
        let path = folder.path().join("metadata.sqlite");
        let database = SqliteMetadata::open(&path).map_err(|error| {
            Failure::new(format!("the database {} cannot be used: {error}", path.display()))
        })?;
        let database = Arc::new(database);
        let blobs = FsBlobs::open(folder.path()).map_err(|error| {
            Failure::new(format!(
                "the blobs in {} cannot be used: {error}",
                folder.path().display()
            ))
        })?;
        let ports = Ports {
            metadata: database.clone(),
            blobs: Arc::new(blobs),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
        };
        Ok(Self {
            ports,
            database: Some(database),
        })
    }

    /// How many changes to the metadata became durable together, where they do.
    pub(crate) fn group_sizes(&self) -> Option<Arc<Histogram>> {
        self.database.as_ref().map(|database| database.group_sizes())
    }

    /// Finishes the changes that are under way and empties the write-ahead log. Nothing is lost without it.
    pub(crate) async fn close(self) {
        if let Some(database) = self.database
            && let Err(error) = database.close().await
        {
            tracing::warn!(%error, "the database was not closed; its next start does that work");
        }
    }
}
