//! The operator's subcommands on a data folder.

use bleepstore_local::tool_stores::ToolStores;
use bleepstore_tools::Tool;

use crate::config::StoreArgs;
use crate::failure::{Failure, Result};

/// Runs a subcommand: beside a server where that is safe, and with the folder for itself where it is not.
pub(crate) async fn run(tool: Tool<StoreArgs>) -> Result<()> {
    let store = tool.store();
    let Some(records) = store.metadata.records() else {
        return Err(Failure::usage(
            "this needs a data folder: memory keeps nothing between two runs",
        ));
    };
    let folder = ToolStores::open(&store.data_dir, records, tool.holding())?;
    let done = tool.run(folder.ports(), folder.alone()).await;
    folder.close().await;
    done
}
