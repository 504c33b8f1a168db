//! Bytes in one container of Blob Storage.
//!
//! A blob is the block blob `blobs/{bucket id}/{blob id}`; the owner record lies beside that prefix. Only after the
//! last byte does the core know whether the body was what the client promised, so nothing is sent before that could
//! make a blob visible: a small body is one upload of all of it, a large one blocks that are staged under ids of our
//! own, and the commit of their list. What is left of a write that was cut off is not visible, and Azure drops blocks
//! that were never committed after a week.
//!
//! No write has a condition: the names of blobs are never used twice, so that a repeated request can only write the
//! same bytes again, and the last owner record counts.

mod client;
mod delete;
mod error;
mod read;
mod scan;
mod write;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{
    BlobPage, BlobRead, BlobStore, BodyStream, Clock, DeleteOutcome, Entropy, OwnerRecord, StoreResult,
    WriteError,
};
use bleepstore_core::remote::{OWNER_OBJECT, blob_object, owner_object, parse_owner_object};

use self::client::Container;

/// What a store in Blob Storage needs.
pub struct AzureBlobSettings {
    /// The account, such as `https://account.blob.core.windows.net/`. Plain HTTP is accepted on this machine only.
    pub endpoint: String,
    /// The container, which must exist.
    pub container: String,
    /// Who asks.
    pub identity: BlobIdentity,
    /// For waits between attempts.
    pub clock: Arc<dyn Clock>,
    /// For their jitter.
    pub entropy: Arc<dyn Entropy>,
}

/// How requests are authorized.
#[derive(Clone)]
pub enum BlobIdentity {
    /// By tokens of Microsoft Entra ID, such as those of a managed identity. They go over HTTPS only.
    Token(Arc<dyn TokenCredential>),
    /// By a shared access signature: the query of a signed URL, with or without its question mark. An emulator
    /// knows no tokens.
    Sas(String),
}

/// A blob store in a container of Blob Storage. Cloning is cheap.
#[derive(Clone)]
pub struct AzureBlobs {
    container: Arc<Container>,
}

impl AzureBlobs {
    /// The store in the container. Nothing is sent yet. Fails where the endpoint is no address, or is one to which
    /// what authorizes requests would go in clear text, and where the machine has no root certificates.
    pub fn new(settings: AzureBlobSettings) -> StoreResult<Self> {
        let container = Arc::new(Container::new(settings)?);
        Ok(Self { container })
    }
}

impl fmt::Debug for AzureBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AzureBlobs({})", self.container.name())
    }
}

#[async_trait]
impl BlobStore for AzureBlobs {
    async fn write(&self, blob: &BlobRef, body: BodyStream, _: Option<u64>) -> Result<u64, WriteError> {
        self.write_body(&blob_object(blob), body).await
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        self.read_range(blob_object(blob), range).await
    }

    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        self.delete_all(blobs).await
    }

    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        self.scan_page(after, limit).await
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        let found = self.get(OWNER_OBJECT).await?;
        found.map(|bytes| parse_owner_object(&bytes)).transpose()
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        self.put(OWNER_OBJECT, owner_object(owner)?).await
    }
}
