//! Writing: one upload, or staged blocks and the commit of their list.

use std::num::NonZeroU64;

use async_trait::async_trait;
use azure_storage_blob::BlockBlobClient;
use azure_storage_blob::models::{BlockBlobClientUploadOptions, BlockLookupList};
use bleepstore_core::ports::{BodyStream, StoreResult, WriteError};
use bleepstore_core::remote::{PartSink, SentPart, next_part, send_in_parts};
use bytes::{Bytes, BytesMut};

use super::AzureBlobs;
use super::client::Container;

/// Bodies up to this go in one request; larger ones in blocks of it. A write holds two blocks at most: one that is
/// sent while the next one arrives. 50,000 blocks make 390 GiB, and no body is over 5 GiB.
const BLOCK: usize = 8 << 20;

impl AzureBlobs {
    /// Writes all of a body under a name, or nothing.
    pub(super) async fn write_body(&self, name: &str, mut body: BodyStream) -> Result<u64, WriteError> {
        let first = next_part(&mut body, BytesMut::new(), BLOCK).await?;
        if first.rest.is_none() {
            let length = first.bytes.len() as u64;
            self.put(name, first.bytes).await?;
            return Ok(length);
        }
        let mut blocks = Blocks {
            container: &self.container,
            blob: self.container.blob(name).block_blob_client(),
            staged: Vec::new(),
        };
        let length = send_in_parts(&mut blocks, first, body, BLOCK).await?;
        blocks.commit().await?;
        Ok(length)
    }

    /// Writes a blob in one request. Repeating it writes the same bytes again.
    pub(super) async fn put(&self, name: &str, bytes: Bytes) -> StoreResult<()> {
        let blob = self.container.blob(name);
        let upload = || async {
            let options = BlockBlobClientUploadOptions {
                // The SDK makes blocks of what is longer, under ids that change when it is sent again.
                partition_size: Some(NonZeroU64::MAX),
                ..BlockBlobClientUploadOptions::default()
            };
            blob.upload(bytes.clone().into(), Some(options)).await.map(drop)
        };
        self.container.answer(upload).await
    }
}

/// A write in blocks. Their ids are their numbers: staging a block again replaces it by the same bytes.
struct Blocks<'a> {
    container: &'a Container,
    blob: BlockBlobClient,
    staged: Vec<Vec<u8>>,
}

#[async_trait]
impl PartSink for Blocks<'_> {
    async fn send(&mut self, part: SentPart) -> StoreResult<()> {
        // All ids of a blob have one length.
        let id = format!("{:08}", part.number).into_bytes();
        let length = part.bytes.len() as u64;
        let stage = || async {
            let content = part.bytes.clone().into();
            self.blob.stage_block(&id, length, content, None).await.map(drop)
        };
        self.container.answer(stage).await?;
        self.staged.push(id);
        Ok(())
    }
}

impl Blocks<'_> {
    /// Makes the blob out of its blocks. Once that was done, the same list names the blocks that the blob has, so that
    /// it can be sent again.
    async fn commit(self) -> StoreResult<()> {
        let list = BlockLookupList {
            latest: Some(self.staged),
            ..BlockLookupList::default()
        };
        let commit = || async {
            let content = list.clone().try_into()?;
            self.blob.commit_block_list(content, None).await.map(drop)
        };
        self.container.answer(commit).await
    }
}
