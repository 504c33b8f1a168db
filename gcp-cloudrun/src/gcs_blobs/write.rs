//! Writing: one request, or a resumable upload.

use bleepstore_core::ports::{BodyStream, StoreError, StoreErrorKind, StoreResult, WriteError, next_part};
use bytes::{Bytes, BytesMut};
use futures_util::join;
use http::Method;
use serde::Deserialize;

use super::GcsBlobs;
use super::calls::{Answer, Request};
use super::crc32c::Crc32c;
use super::session::Session;

/// Bodies up to this go in one request; larger ones in parts of it. A write holds two parts at most: one that is
/// sent while the next one arrives. Cloud Storage wants multiples of 256 KiB.
pub(super) const PART: usize = 8 << 20;

/// What every object is said to be.
const CONTENT_TYPE: &str = "application/octet-stream";

/// What Cloud Storage says of an object that it has stored.
#[derive(Deserialize)]
struct Stored {
    size: String,
    crc32c: String,
}

impl GcsBlobs {
    /// Writes all of a body under a name, or nothing.
    pub(super) async fn write_body(&self, name: &str, mut body: BodyStream) -> Result<u64, WriteError> {
        let first = next_part(&mut body, BytesMut::new(), PART).await?;
        let Some(rest) = first.rest else {
            let length = first.bytes.len() as u64;
            self.put(name, first.bytes).await?;
            return Ok(length);
        };
        let session = Session::start(&self.calls, name).await?;
        match self.write_parts(&session, first.bytes, rest, body).await {
            Ok((stored, length, crc)) => {
                self.check(name, &stored, length, crc).await?;
                Ok(length)
            }
            Err(error) => {
                session.cancel().await;
                Err(error)
            }
        }
    }

    /// Writes an object in one request. Repeating it writes the same bytes again.
    pub(super) async fn put(&self, name: &str, bytes: Bytes) -> StoreResult<()> {
        let mut url = self.calls.uploads()?;
        url.query_pairs_mut()
            .append_pair("uploadType", "media")
            .append_pair("name", name);
        let mut crc = Crc32c::new();
        crc.update(&bytes);
        let length = bytes.len() as u64;
        let request = Request::new(Method::POST, url).with_body(CONTENT_TYPE, bytes);
        let answer = self.calls.answer(&request).await?;
        self.check(name, &answer, length, crc).await
    }

    async fn write_parts(
        &self,
        session: &Session<'_>,
        first: Bytes,
        rest: BytesMut,
        mut body: BodyStream,
    ) -> Result<(Answer, u64, Crc32c), WriteError> {
        let mut crc = Crc32c::new();
        let mut length = 0;
        let (mut part, mut rest) = (first, Some(rest));
        loop {
            crc.update(&part);
            let start = length;
            length += part.len() as u64;
            let Some(begun) = rest else {
                return Ok((session.send_last(start, part).await?, length, crc));
            };
            let (sent, next) = join!(session.send(start, part), next_part(&mut body, begun, PART));
            sent?;
            let next = next?;
            (part, rest) = (next.bytes, next.rest);
        }
    }

    /// Makes sure that Cloud Storage has the bytes that were sent, and removes what is not.
    async fn check(&self, name: &str, answer: &Answer, length: u64, crc: Crc32c) -> StoreResult<()> {
        let expected = (length.to_string(), crc.base64());
        let complaint = match serde_json::from_slice::<Stored>(&answer.body) {
            Ok(stored) if (&stored.size, &stored.crc32c) == (&expected.0, &expected.1) => return Ok(()),
            Ok(stored) => format!(
                "{name} was stored with {} bytes of CRC-32C {} instead of {} of {}",
                stored.size, stored.crc32c, expected.0, expected.1
            ),
            Err(error) => format!("what was said of {name} was not understood: {error}"),
        };
        if let Err(error) = self.delete_object(name).await {
            tracing::warn!(%error, "an object that was damaged on its way stays until gc finds it");
        }
        Err(StoreError::new(StoreErrorKind::Unavailable, complaint))
    }
}
