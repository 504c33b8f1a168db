//! The way to an account.

use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential};
use azure_data_cosmos::options::{ConnectionPoolOptions, RoutingStrategy};
use azure_data_cosmos::{AccountEndpoint, AccountReference, CosmosClientBuilder, CosmosError, CosmosRuntime};
use bleepstore_core::ports::{Clock, Entropy, RecordPlace};

use super::CosmosMetadata;
use super::schema::{CONTAINER, DATABASE, RowKey};
use crate::tls;

/// An account, and who asks.
#[derive(Clone)]
pub struct Account {
    /// Such as `https://account.documents.azure.com/`. Plain HTTP is accepted on this machine only.
    pub endpoint: String,
    /// Who asks.
    pub identity: Identity,
}

/// How requests are authorized.
#[derive(Clone)]
pub enum Identity {
    /// By tokens of Microsoft Entra ID, such as those of a managed identity.
    Token(Arc<dyn TokenCredential>),
    /// By the account's key.
    Key(Secret),
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint is not a URL.
    #[error("{0:?} is not the endpoint of a Cosmos DB account, such as https://account.documents.azure.com/")]
    Endpoint(String),
    /// The account, database or container cannot be read.
    #[error("the container {CONTAINER} of the database {DATABASE} at {endpoint} cannot be used: {source}")]
    Unusable {
        /// The account.
        endpoint: String,
        /// The SDK's error.
        source: CosmosError,
    },
    /// The account would answer with what was true once.
    #[error("the Cosmos DB account at {0} must have the consistency level Strong: S3 reads what was written")]
    NotStrong(String),
}

/// Connects to the container that [`schema`](super::schema) names, and reads one row of it, so that an account
/// that cannot be used is told at start.
pub async fn connect(
    account: &Account,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<CosmosMetadata, ConnectError> {
    let unusable = |source| ConnectError::Unusable {
        endpoint: account.endpoint.clone(),
        source,
    };
    let endpoint: AccountEndpoint = account
        .endpoint
        .parse()
        .map_err(|_| ConnectError::Endpoint(account.endpoint.clone()))?;
    let reference = match &account.identity {
        Identity::Token(credential) => AccountReference::with_credential(endpoint, Arc::clone(credential)),
        Identity::Key(key) => AccountReference::with_authentication_key(endpoint, key.clone()),
    };
    tls::use_ring();
    // The SDK sends a request again on another connection of the same HTTP/2 pool when its answer was lost, and
    // has no switch for that. Over HTTP/1.1, where a connection carries one request, it does not.
    let pool = ConnectionPoolOptions::builder()
        .with_is_http2_allowed(false)
        .build();
    let runtime = CosmosRuntime::builder()
        .with_connection_pool(pool.map_err(unusable)?)
        .build()
        .await
        .map_err(unusable)?;
    let client = CosmosClientBuilder::new()
        .with_runtime(runtime)
        .build(reference, RoutingStrategy::PreferredRegions(Vec::new()))
        .await
        .map_err(unusable)?;
    let container = client
        .database_client(DATABASE)
        .container_client(CONTAINER, None)
        .await
        .map_err(unusable)?;
    let store = CosmosMetadata::new(container, clock, entropy);
    match store.container.try_get(&RowKey::store(RecordPlace::First)).await {
        Ok(_) => Ok(store),
        Err(error) if is_not_strong(&error) => Err(ConnectError::NotStrong(account.endpoint.clone())),
        Err(error) => Err(unusable(error)),
    }
}

/// Whether the SDK refused, without asking, to read strongly from an account that is not strong.
fn is_not_strong(error: &CosmosError) -> bool {
    !error.is_from_wire() && error.status().is_bad_request() && error.status().sub_status().is_none()
}
