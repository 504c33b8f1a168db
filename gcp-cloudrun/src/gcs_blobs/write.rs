//! Writing: one request, or a resumable upload.

use async_trait::async_trait;
use bleepstore_core::ports::{BodyStream, StoreError, StoreErrorKind, StoreResult, WriteError};
use bleepstore_core::remote::{PartSink, SentPart, next_part, send_in_parts};
use bytes::{Bytes, BytesMut};
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
        if first.rest.is_none() {
            let length = first.bytes.len() as u64;
            self.put(name, first.bytes).await?;
            return Ok(length);
        }
        let session = Session::start(&self.calls, name).await?;
        let mut upload = Upload {
            session: &session,
            crc: Crc32c::new(),
            stored: None,
        };
        match send_in_parts(&mut upload, first, body, PART).await {
            Ok(length) => {
                let stored = upload
                    .stored
                    .ok_or_else(|| StoreError::internal("an upload ended without its last part"))?;
                self.check(name, &stored, length, upload.crc).await?;
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

/// A resumable upload under way.
struct Upload<'a> {
    session: &'a Session<'a>,
    crc: Crc32c,
    /// What was said of the object when its last byte arrived.
    stored: Option<Answer>,
}

#[async_trait]
impl PartSink for Upload<'_> {
    async fn send(&mut self, part: SentPart) -> StoreResult<()> {
        self.crc.update(&part.bytes);
        if part.last {
            self.stored = Some(self.session.send_last(part.start, part.bytes).await?);
            return Ok(());
        }
        self.session.send(part.start, part.bytes).await
    }
}
