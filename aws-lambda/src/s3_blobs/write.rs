//! Writing: one PutObject, or a multipart upload.

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bleepstore_core::ports::{BodyPart, BodyStream, StoreError, StoreResult, WriteError, next_part};
use bytes::{Bytes, BytesMut};
use futures_util::join;

use super::S3Blobs;
use super::error::store_error;

/// Bodies up to this go in one request; larger ones in parts of it. A write holds two parts at most: one that is
/// sent while the next one arrives. 10,000 parts make 80 GiB, and no body is over 5 GiB.
const PART: usize = 8 << 20;

impl S3Blobs {
    /// Writes all of a body under a key, or nothing.
    pub(super) async fn write_body(&self, key: &str, mut body: BodyStream) -> Result<u64, WriteError> {
        let first = next_part(&mut body, BytesMut::new(), PART).await?;
        let Some(rest) = first.rest else {
            let length = first.bytes.len() as u64;
            self.put(key, first.bytes).await?;
            return Ok(length);
        };
        let create = self.client.create_multipart_upload().bucket(&self.bucket);
        let created = create.key(key).send().await.map_err(store_error)?;
        let id = created
            .upload_id
            .ok_or_else(|| StoreError::internal("S3 began an upload without an id"))?;
        let upload = Upload {
            store: self,
            key,
            id: &id,
        };
        let written = upload.write(first.bytes, rest, body).await;
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
}

impl Upload<'_> {
    async fn write(&self, first: Bytes, rest: BytesMut, mut body: BodyStream) -> Result<u64, WriteError> {
        let mut parts = Vec::new();
        let mut length = 0;
        let (mut part, mut rest) = (first, Some(rest));
        loop {
            length += part.len() as u64;
            let number = i32::try_from(parts.len() + 1).map_err(StoreError::internal)?;
            let Some(begun) = rest else {
                parts.push(self.send(number, part).await?);
                break;
            };
            let (sent, next) = join!(self.send(number, part), next_part(&mut body, begun, PART));
            parts.push(sent?);
            BodyPart { bytes: part, rest } = next?;
        }
        self.complete(parts).await?;
        Ok(length)
    }

    async fn send(&self, number: i32, bytes: Bytes) -> StoreResult<CompletedPart> {
        let request = self.store.client.upload_part().bucket(&self.store.bucket);
        let request = request.key(self.key).upload_id(self.id).part_number(number);
        let sent = request
            .body(bytes.into())
            .customize()
            .disable_payload_signing()
            .send()
            .await;
        let sent = sent.map_err(store_error)?;
        let part = CompletedPart::builder().part_number(number);
        Ok(part
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .build())
    }

    async fn complete(&self, parts: Vec<CompletedPart>) -> StoreResult<()> {
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
