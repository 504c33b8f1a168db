//! Opening the stores that the command line names.

use bleepstore_core::Ports;
use bleepstore_http::Environment;
use bleepstore_local::stores::Records;
use bleepstore_local::tool_stores::ToolStores;
use bleepstore_tools::{Failure, Holding, Result};

use crate::config::Store;

/// Open stores.
pub(crate) enum Opened {
    /// Those of a cloud, and whether the operator says that nobody else uses them.
    Cloud { ports: Ports, alone: bool },
    /// Those of a folder.
    Folder(ToolStores),
}

impl Opened {
    /// Opens them, as shared as `holding` allows. Only the operator knows who uses the stores of a cloud.
    pub(crate) async fn open(store: &Store, environment: &Environment<'_>, holding: Holding) -> Result<Self> {
        let ports = match store {
            Store::Aws => bleepstore_aws::stores::connect(environment).await,
            Store::Gcp => bleepstore_gcp::stores::connect(environment).await,
            Store::Azure => bleepstore_azure::stores::connect(environment).await,
            Store::Local(folder) => {
                return ToolStores::open(folder, Records::Sqlite, holding).map(Self::Folder);
            }
        };
        Ok(Self::Cloud {
            ports: ports.map_err(Failure::new)?,
            alone: matches!(holding, Holding::Exclusive | Holding::New),
        })
    }

    /// The stores.
    pub(crate) fn ports(&self) -> &Ports {
        match self {
            Self::Cloud { ports, .. } => ports,
            Self::Folder(folder) => folder.ports(),
        }
    }

    /// Whether nobody else uses them.
    pub(crate) fn alone(&self) -> bool {
        match self {
            Self::Cloud { alone, .. } => *alone,
            Self::Folder(folder) => folder.alone(),
        }
    }

    /// Finishes what is under way.
    pub(crate) async fn close(self) {
        if let Self::Folder(folder) = self {
            folder.close().await;
        }
    }
}
