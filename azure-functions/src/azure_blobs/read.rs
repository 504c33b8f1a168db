//! Reading ranges.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use azure_core::http::AsyncResponseBody;
use azure_core::http::headers::{CONTENT_LENGTH, HeaderName, Headers};
use azure_storage_blob::BlobClient;
use azure_storage_blob::models::{BlobClientDownloadOptions, BlobClientDownloadResult, HttpRange};
use bleepstore_core::ports::{BlobRead, BlobStream, StoreError, StoreErrorKind, StoreResult};
use bleepstore_core::remote::{FailedCall, OWNER_LIMIT};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::AzureBlobs;
use super::client::Container;
use super::error::{cut_off, is_no_such_blob};

const CONTENT_ENCODING: HeaderName = HeaderName::from_static("content-encoding");
const CONTENT_RANGE: HeaderName = HeaderName::from_static("content-range");

impl AzureBlobs {
    /// A range of a blob as a stream that gives all of it or ends in an error.
    pub(super) async fn read_range(&self, name: String, range: Range<u64>) -> StoreResult<BlobRead> {
        let container = Arc::clone(&self.container);
        let Some(body) = open(&container, &name, &range).await? else {
            return Ok(BlobRead::Missing);
        };
        let download = Download {
            container,
            name,
            left: range,
            body,
            failures: 0,
        };
        Ok(BlobRead::Found(download.into_stream()))
    }

    /// All of a small blob; `None` when there is none. One that is longer than an owner record is cut off.
    pub(super) async fn get(&self, name: &str) -> StoreResult<Option<Bytes>> {
        let blob = self.container.blob(name);
        let get = || async {
            match request(&blob, &(0..OWNER_LIMIT)).await? {
                Some(found) => found.body.collect().await.map(Some),
                None => Ok(None),
            }
        };
        self.container.answer(get).await
    }
}

/// Asks for a range; `None` where there is no such blob.
async fn request(
    blob: &BlobClient,
    range: &Range<u64>,
) -> azure_core::Result<Option<BlobClientDownloadResult>> {
    let length = range.end.saturating_sub(range.start);
    let options = BlobClientDownloadOptions {
        range: Some(HttpRange::new(range.start, length)),
        // The SDK splits what is longer, and keeps pieces whole in memory.
        partition_size: usize::try_from(length).ok().and_then(NonZeroUsize::new),
        ..BlobClientDownloadOptions::default()
    };
    match blob.download(Some(options)).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_no_such_blob(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The bytes of a range as they come; `None` where there is no such blob. Until the first byte arrives the request is
/// made again.
async fn open(
    container: &Container,
    name: &str,
    range: &Range<u64>,
) -> StoreResult<Option<AsyncResponseBody>> {
    let blob = container.blob(name);
    let Some(found) = container.answer(|| request(&blob, range)).await? else {
        return Ok(None);
    };
    if !announces(&found.headers, range) {
        return Err(StoreError::corrupt(format!(
            "Blob Storage answered {:?} with {:?} bytes of {name} instead of {range:?}",
            found.headers.get_optional_str(&CONTENT_RANGE),
            found.headers.get_optional_str(&CONTENT_LENGTH),
        )));
    }
    Ok(Some(found.body))
}

/// Whether the head of an answer says that just the bytes of the range follow.
fn announces(headers: &Headers, range: &Range<u64>) -> bool {
    let header = |name: HeaderName| headers.get_optional_str(&name);
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let bytes = format!("bytes {}-{}/", range.start, range.end.saturating_sub(1));
    let right_bytes = match header(CONTENT_RANGE) {
        Some(announced) => announced.starts_with(&bytes),
        // All of the blob.
        None => range.start == 0,
    };
    right_bytes && length == Some(range.end - range.start) && header(CONTENT_ENCODING).is_none()
}

/// A download under way.
struct Download {
    container: Arc<Container>,
    name: String,
    /// What has not arrived yet.
    left: Range<u64>,
    body: AsyncResponseBody,
    /// How often in a row it broke off before anything arrived.
    failures: u32,
}

impl Download {
    fn into_stream(self) -> BlobStream {
        let pieces = stream::try_unfold(self, |mut download| async move {
            let piece = download.next().await?;
            Ok(piece.map(|piece| (piece, download)))
        });
        pieces.boxed()
    }

    /// The next bytes. Where the download breaks off, what is left is asked for, since a blob never changes.
    async fn next(&mut self) -> StoreResult<Option<Bytes>> {
        while !self.left.is_empty() {
            let failed = match self.body.next().await {
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => {
                    self.left.start += piece.len() as u64;
                    self.failures = 0;
                    if self.left.start > self.left.end {
                        return Err(StoreError::corrupt("a download was longer than announced"));
                    }
                    return Ok(Some(piece));
                }
                Some(Err(error)) => cut_off(&error),
                None => ended_early(),
            };
            self.failures += 1;
            self.container.retries().pause(self.failures, failed).await?;
            let Some(body) = open(&self.container, &self.name, &self.left).await? else {
                return Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    "a blob was deleted while it was read",
                ));
            };
            self.body = body;
        }
        Ok(None)
    }
}

fn ended_early() -> FailedCall {
    FailedCall {
        status: None,
        transient: true,
        error: StoreError::new(
            StoreErrorKind::Unavailable,
            "a download was shorter than announced",
        ),
    }
}
