//! Bytes in one S3 bucket.
//!
//! A blob is the S3 object `blobs/{bucket id}/{blob id}`; the owner record lies beside that prefix. S3 completes an
//! upload with its last byte, but only after the last byte does the core know whether the body was what the client
//! promised. So no byte is sent that could complete an object before the body has ended well: a small body is one
//! PutObject of all of it, a large one a multipart upload whose completion is the commit. What is left of an upload
//! that was cut off is not visible, and the bucket's lifecycle rule removes it.
//!
//! The bucket is a general purpose bucket: directory buckets do not list in order.

mod client;
mod delete;
mod error;
mod read;
mod write;

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use bleepstore_core::model::{BlobRef, Timestamp};
use bleepstore_core::ports::{
    BlobEntry, BlobPage, BlobRead, BlobStore, BodyStream, DeleteOutcome, OwnerRecord, StoreError,
    StoreResult, WriteError,
};
use bleepstore_core::remote::{
    BLOB_OBJECTS, OWNER_OBJECT, blob_object, owner_object, parse_blob_object, parse_owner_object,
};
use bytes::Bytes;

pub use self::client::client;
use self::error::store_error;

/// How many keys one page of a listing has at most.
const LIST_LIMIT: usize = 1_000;

/// A blob store in an S3 bucket. Cloning is cheap.
#[derive(Clone)]
pub struct S3Blobs {
    client: Client,
    bucket: String,
}

impl S3Blobs {
    /// The store in `bucket`, which must exist. [`client`] makes a client whose timeouts and retries fit.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
        }
    }

    async fn put(&self, key: &str, bytes: Bytes) -> StoreResult<()> {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        // TLS and the SDK's checksum guard the bytes: hashing them a second time for the signature only costs time.
        let sent = put
            .body(bytes.into())
            .customize()
            .disable_payload_signing()
            .send()
            .await;
        sent.map_err(store_error)?;
        Ok(())
    }
}

impl fmt::Debug for S3Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Blobs({})", self.bucket)
    }
}

#[async_trait]
impl BlobStore for S3Blobs {
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
        let mut start = after.map(blob_object);
        let limit = i32::try_from(limit.min(LIST_LIMIT)).unwrap_or(1_000);
        loop {
            let list = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(BLOB_OBJECTS);
            let request = list.max_keys(limit).set_start_after(start.take());
            let listed = request.send().await.map_err(store_error)?;
            let more = listed.is_truncated == Some(true);
            let last = listed.contents().last().and_then(|object| object.key());
            start = last.map(str::to_owned);
            let blobs: Vec<BlobEntry> = listed.contents().iter().filter_map(entry).collect();
            if !more {
                return Ok(BlobPage { blobs, next: None });
            }
            if let Some(last) = blobs.last() {
                let next = Some(last.blob);
                return Ok(BlobPage { blobs, next });
            }
            if start.is_none() {
                return Err(StoreError::internal(
                    "S3 listed an empty page that is not the last",
                ));
            }
        }
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        let found = self.get(OWNER_OBJECT).await?;
        found.map(|bytes| parse_owner_object(&bytes)).transpose()
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        self.put(OWNER_OBJECT, owner_object(owner)?).await
    }
}

/// A listed object as a blob; `None` for what is not one of this store's.
fn entry(object: &aws_sdk_s3::types::Object) -> Option<BlobEntry> {
    let blob = parse_blob_object(object.key()?)?;
    let created = object.last_modified()?;
    Some(BlobEntry {
        blob,
        size: u64::try_from(object.size()?).ok()?,
        created: Timestamp::from_millis(created.to_millis().ok()?),
    })
}
