//! Azure on loopback: the SDK's emulator of Cosmos DB and azurite.

use std::io;
use std::sync::Arc;

use bleepstore_azure::cosmos::{ConnectError, CosmosMetadata, connect};
use bleepstore_core::ports::StoreResult;
use bleepstore_http::SystemClock;

use super::cosmos::KEY;
use super::{Azurite, CosmosEmulator, REGION};
use crate::entropy::SeededEntropy;

/// The container of the bytes.
const BLOB_CONTAINER: &str = "blobs";

/// Both emulators with nothing in them. They end when this is dropped, or with this process.
pub struct AzureCloud {
    metadata: CosmosEmulator,
    bytes: Azurite,
}

impl AzureCloud {
    /// Starts both on free ports.
    pub fn start() -> io::Result<Self> {
        Ok(Self {
            metadata: CosmosEmulator::start()?,
            bytes: Azurite::start()?,
        })
    }

    /// Makes the container of the bytes as `infra/azure` does; that of the metadata is there from the start.
    pub async fn provision(&self) -> StoreResult<()> {
        self.bytes.create_container(BLOB_CONTAINER).await
    }

    /// The metadata of a program that has these [`Self::variables`].
    pub async fn metadata(&self) -> Result<CosmosMetadata, ConnectError> {
        let entropy = Arc::new(SeededEntropy::unpredictable());
        connect(&self.metadata.account(), Arc::new(SystemClock), entropy).await
    }

    /// What a program needs in its environment to use it instead of Azure, behind the host of Functions and elsewhere.
    pub fn variables(&self) -> StoreResult<Vec<(&'static str, String)>> {
        Ok(vec![
            ("BLEEPSTORE_COSMOS_ENDPOINT", self.metadata.account().endpoint),
            ("BLEEPSTORE_COSMOS_KEY", KEY.to_owned()),
            ("BLEEPSTORE_BLOB_ENDPOINT", self.bytes.endpoint()),
            ("BLEEPSTORE_BLOB_CONTAINER", BLOB_CONTAINER.to_owned()),
            ("BLEEPSTORE_BLOB_SAS", self.bytes.sas()?),
            ("BLEEPSTORE_GC_SCHEDULE", "0 17 */6 * * *".to_owned()),
            ("BLEEPSTORE_REGION", REGION.to_owned()),
            ("BLEEPSTORE_TRUST_UNENCODED_URL", "true".to_owned()),
        ])
    }
}
