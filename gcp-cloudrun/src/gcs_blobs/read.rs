//! Reading ranges.

use std::ops::Range;

use bleepstore_core::ports::{BlobRead, BlobStream, StoreError, StoreErrorKind, StoreResult, exactly};
use bleepstore_core::remote::{OWNER_LIMIT, describe};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, RANGE};
use http::{Method, StatusCode};
use reqwest::Response;

use super::GcsBlobs;
use super::calls::Request;

impl GcsBlobs {
    /// A range of an object as a stream that gives all of it or ends in an error. Until the first byte arrives the
    /// request is tried again; a download that is cut off later is an error.
    pub(super) async fn read_range(&self, name: &str, range: Range<u64>) -> StoreResult<BlobRead> {
        let length = range.end.saturating_sub(range.start);
        let bytes = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let request = self.download(name)?.with_header(RANGE, &bytes)?;
        let Some(response) = self.fetch_object(&request).await? else {
            return Ok(BlobRead::Missing);
        };
        let all_of_it = range.start == 0 && response.status() == StatusCode::OK;
        let partial = response.status() == StatusCode::PARTIAL_CONTENT;
        let plain = !response.headers().contains_key(CONTENT_ENCODING);
        if !(plain && (partial || all_of_it) && announced(&response) == Some(length)) {
            return Err(StoreError::corrupt(format!(
                "Cloud Storage answered {} with {:?} bytes of {name} instead of {length}",
                response.status(),
                announced(&response)
            )));
        }
        Ok(BlobRead::Found(exactly(length, pieces(response))))
    }

    /// All of a small object; `None` when there is none.
    pub(super) async fn get(&self, name: &str) -> StoreResult<Option<Bytes>> {
        let request = self.download(name)?;
        let Some(response) = self.fetch_object(&request).await? else {
            return Ok(None);
        };
        let Some(length) = announced(&response).filter(|length| *length <= OWNER_LIMIT) else {
            return Err(StoreError::corrupt(format!(
                "{name} is not what this store wrote"
            )));
        };
        let bytes: Vec<Bytes> = exactly(length, pieces(response)).try_collect().await?;
        Ok(Some(bytes.concat().into()))
    }

    fn download(&self, name: &str) -> StoreResult<Request> {
        let mut url = self.calls.objects(Some(name))?;
        url.query_pairs_mut().append_pair("alt", "media");
        Ok(Request::new(Method::GET, url))
    }

    async fn fetch_object(&self, request: &Request) -> StoreResult<Option<Response>> {
        match self.calls.fetch(request).await {
            Ok(response) => Ok(Some(response)),
            Err(failed) if failed.is_not_found() => self.bucket_exists().await.map(|()| None),
            Err(failed) => Err(failed.into()),
        }
    }
}

/// The length of the body as the answer's head has it.
fn announced(response: &Response) -> Option<u64> {
    let length = response.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The bytes of a download as they come.
fn pieces(response: Response) -> BlobStream {
    let pieces = response.bytes_stream().map_err(|error| {
        let text = format!("Cloud Storage: {}", describe(&error.without_url()));
        StoreError::new(StoreErrorKind::Unavailable, text)
    });
    pieces.boxed()
}
