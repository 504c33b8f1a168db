//! The stores of a data folder, as an operator's subcommand opens them.

use std::path::Path;
use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_tools::{Holding, Result};

use crate::checked_blobs::CheckedBlobs;
use crate::data_dir::{DataDir, existing};
use crate::stores::{Records, Stores};

/// The stores in a data folder, which is held where that is needed.
pub struct ToolStores {
    stores: Stores,
    held: Option<DataDir>,
}

impl ToolStores {
    /// Opens them: beside a server that may hold the folder, or with the folder for themselves. A new folder gets
    /// records of the kind `new`; another one has what it has. Blocks.
    pub fn open(path: &Path, new: Records, holding: Holding) -> Result<Self> {
        let held = match holding {
            // One process at a time reads a log, so that a shared use is an exclusive one.
            Holding::Shared if Records::found_in(path) == Some(Records::Jsonl) => {
                DataDir::open_unless_in_use(path)?
            }
            Holding::Shared => None,
            Holding::Preferred => DataDir::open_unless_in_use(path)?,
            Holding::Exclusive => Some(DataDir::open_existing(path)?),
            Holding::New => Some(DataDir::open(path)?),
        };
        let stores = match &held {
            Some(folder) => Stores::in_folder(folder, Records::found_in(folder.path()).unwrap_or(new))?,
            None => Stores::beside(&existing(path)?)?,
        };
        Ok(Self { stores, held })
    }

    /// The stores.
    pub fn ports(&self) -> &Ports {
        &self.stores.ports
    }

    /// The blobs as files.
    pub fn files(&self) -> Option<Arc<CheckedBlobs>> {
        self.stores.files()
    }

    /// Whether nobody else uses them.
    pub fn alone(&self) -> bool {
        self.held.is_some()
    }

    /// Finishes what is under way, and lets go of the folder.
    pub async fn close(self) {
        self.stores.close().await;
    }
}
