//! Reading ranges.

use std::ops::Range;

use aws_sdk_s3::primitives::ByteStream;
use bleepstore_core::ports::{BlobRead, BlobStream, StoreError, StoreErrorKind, StoreResult, exactly};
use bleepstore_core::remote::OWNER_LIMIT;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::S3Blobs;
use super::error::store_error;

impl S3Blobs {
    /// A range of an object as a stream that gives all of it or ends in an error.
    pub(super) async fn read_range(&self, key: &str, range: Range<u64>) -> StoreResult<BlobRead> {
        let length = range.end.saturating_sub(range.start);
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let request = request.range(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        let found = match request.send().await {
            Ok(found) => found,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => {
                return Ok(BlobRead::Missing);
            }
            Err(error) => return Err(store_error(error)),
        };
        if found.content_length.and_then(|length| u64::try_from(length).ok()) != Some(length) {
            return Err(StoreError::corrupt(format!(
                "S3 answered {:?} bytes of {key} instead of {length}",
                found.content_length
            )));
        }
        Ok(BlobRead::Found(exactly(length, pieces(found.body))))
    }

    /// All of a small object; `None` when there is none.
    pub(super) async fn get(&self, key: &str) -> StoreResult<Option<Bytes>> {
        let found = match self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
        {
            Ok(found) => found,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(store_error(error)),
        };
        let length = found.content_length.and_then(|length| u64::try_from(length).ok());
        if length.is_none_or(|length| length > OWNER_LIMIT) {
            return Err(StoreError::corrupt(format!("{key} is not what this store wrote")));
        }
        let bytes = found.body.collect().await;
        let bytes = bytes.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
        Ok(Some(bytes.into_bytes()))
    }
}

/// The bytes of a download as they come.
fn pieces(body: ByteStream) -> BlobStream {
    let pieces = stream::unfold(body, |mut body| async move {
        let piece = body.next().await?;
        let piece = piece.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error));
        Some((piece, body))
    });
    pieces.boxed()
}
