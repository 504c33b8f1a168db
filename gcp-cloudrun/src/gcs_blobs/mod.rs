//! Bytes in one Cloud Storage bucket, over the JSON API.
//!
//! A blob is the object `blobs/{bucket id}/{blob id}`; the owner record lies beside that prefix. Cloud Storage
//! completes an object with its last byte, but only after the last byte does the core know whether the body was what
//! the client promised. So no byte is sent that could complete an object before the body has ended well: a small body
//! is one request with all of it, a large one a resumable upload whose last request is the commit. What is left of an
//! upload that was cut off is not visible, and Cloud Storage drops it after a week.
//!
//! No write has a condition: the names of blobs are never used twice, so that a repeated request can only write the
//! same bytes again, and the last owner record counts.

mod calls;
mod client;
mod crc32c;
mod delete;
mod error;
mod read;
mod scan;
mod session;
mod write;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bleepstore_core::model::BlobRef;
use bleepstore_core::ports::{
    BlobPage, BlobRead, BlobStore, BodyStream, Clock, DeleteOutcome, Entropy, OwnerRecord, StoreResult,
    WriteError,
};
use bleepstore_core::remote::{OWNER_OBJECT, blob_object, owner_object, parse_owner_object};

use self::calls::Calls;
pub use self::client::{client, client_builder};
use crate::tokens::AccessTokens;

/// Where Cloud Storage is.
pub const ENDPOINT: &str = "https://storage.googleapis.com";

/// What a store in Cloud Storage needs.
pub struct GcsSettings {
    /// The client, such as [`client`] makes it.
    pub http: reqwest::Client,
    /// [`ENDPOINT`], or an emulator's address.
    pub endpoint: String,
    /// The bucket, which must exist.
    pub bucket: String,
    /// For waits between attempts.
    pub clock: Arc<dyn Clock>,
    /// For their jitter.
    pub entropy: Arc<dyn Entropy>,
}

/// A blob store in a Cloud Storage bucket. Cloning is cheap.
#[derive(Clone)]
pub struct GcsBlobs {
    calls: Arc<Calls>,
}

impl GcsBlobs {
    /// The store in the bucket. Nothing is sent yet. Fails where the endpoint is no address, or is one to which
    /// Google's tokens would go in clear text.
    pub fn new(settings: GcsSettings, tokens: AccessTokens) -> StoreResult<Self> {
        let calls = Arc::new(Calls::new(settings, tokens)?);
        Ok(Self { calls })
    }
}

impl fmt::Debug for GcsBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcsBlobs({})", self.calls.bucket())
    }
}

#[async_trait]
impl BlobStore for GcsBlobs {
    async fn write(&self, blob: &BlobRef, body: BodyStream, _: Option<u64>) -> Result<u64, WriteError> {
        self.write_body(&blob_object(blob), body).await
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        self.read_range(&blob_object(blob), range).await
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
