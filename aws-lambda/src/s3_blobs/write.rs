//! Writing: one PutObject, or a multipart upload.

use async_trait::async_trait;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bleepstore_core::ports::{BodyStream, StoreError, StoreResult, WriteError};
use bleepstore_core::remote::{BodyPart, PartSink, SentPart, next_part, send_in_parts};
use bytes::BytesMut;

use super::S3Blobs;
use super::error::store_error;

/// Bodies up to this go in one request; larger ones in parts of it. A write holds two parts at most: one that is
/// sent while the next one arrives. 10,000 parts make 80 GiB, and no body is over 5 GiB.
const PART: usize = 8 << 20;

impl S3Blobs {
    /// Writes all of a body under a key, or nothing.
    pub(super) async fn write_body(&self, key: &str, mut body: BodyStream) -> Result<u64, WriteError> {
        let first = next_part(&mut body, BytesMut::new(), PART).await?;
        if first.rest.is_none() {
            let length = first.bytes.len() as u64;
            self.put(key, first.bytes).await?;
            return Ok(length);
        }
        let create = self.client.create_multipart_upload().bucket(&self.bucket);
        let created = create.key(key).send().await.map_err(store_error)?;
        let id = created
            .upload_id
            .ok_or_else(|| StoreError::internal("S3 began an upload without an id"))?;
        let mut upload = Upload {
            store: self,
            key,
            id: &id,
            sent: Vec::new(),
        };
        let written = upload.write(first, body).await;
        if written.is_err() {
            upload.abort().await;
        }
        written
    }
}

/// A multipart upload under way.
struct Upload<'a> {
    store: &'a S3Blobs,
    key: &'a str,
    id: &'a str,
    sent: Vec<CompletedPart>,
}

#[async_trait]
impl PartSink for Upload<'_> {
    async fn send(&mut self, part: SentPart) -> StoreResult<()> {
        // S3 counts from 1.
        let number = i32::try_from(part.number + 1).map_err(StoreError::internal)?;
        let request = self.store.client.upload_part().bucket(&self.store.bucket);
        let request = request.key(self.key).upload_id(self.id).part_number(number);
        let sent = request
            .body(part.bytes.into())
            .customize()
            .disable_payload_signing()
            .send()
            .await;
        let sent = sent.map_err(store_error)?;
        let part = CompletedPart::builder().part_number(number);
        self.sent.push(
            part.set_e_tag(sent.e_tag)
                .set_checksum_crc32(sent.checksum_crc32)
                .build(),
        );
        Ok(())
    }
}

impl Upload<'_> {
    async fn write(&mut self, first: BodyPart, body: BodyStream) -> Result<u64, WriteError> {
        let length = send_in_parts(self, first, body, PART).await?;
        self.complete().await?;
        Ok(length)
    }

    async fn complete(&mut self) -> StoreResult<()> {
        let parts = std::mem::take(&mut self.sent);
        let listed = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.store.client.complete_multipart_upload();
        let request = request
            .bucket(&self.store.bucket)
            .key(self.key)
            .upload_id(self.id);
        request
            .multipart_upload(listed)
            .send()
            .await
            .map_err(store_error)?;
        Ok(())
    }

    /// Frees the parts. Where that fails, they stay invisible until the bucket's lifecycle rule removes them.
    async fn abort(&self) {
        let request = self.store.client.abort_multipart_upload();
        let request = request
            .bucket(&self.store.bucket)
            .key(self.key)
            .upload_id(self.id);
        if let Err(error) = request.send().await.map_err(store_error) {
            tracing::warn!(%error, "an upload could not be aborted");
        }
    }
}
