//! The operator's subcommands on a data folder.

use bleepstore_local::data_dir::{DataDir, existing};
use bleepstore_local::stores::Stores;
use bleepstore_tools::{Holding, Tool};

use crate::config::{Metadata, StoreArgs};
use crate::failure::{Failure, Result};

/// Runs a subcommand: beside a server where that is safe, and with the folder for itself where it is not.
pub(crate) async fn run(tool: Tool<StoreArgs>) -> Result<()> {
    let store = tool.store();
    if store.metadata == Metadata::Memory {
        return Err(Failure::usage(
            "this needs a data folder: memory keeps nothing between two runs",
        ));
    }
    let held = match tool.holding() {
        Holding::Shared => None,
        Holding::Preferred => DataDir::open_unless_in_use(&store.data_dir)?,
        Holding::Exclusive => Some(DataDir::open_existing(&store.data_dir)?),
        Holding::New => Some(DataDir::open(&store.data_dir)?),
    };
    let stores = match &held {
        Some(folder) => Stores::in_folder(folder)?,
        None => Stores::beside(&existing(&store.data_dir)?)?,
    };
    let done = tool.run(&stores.ports, held.is_some()).await;
    stores.close().await;
    done
}
