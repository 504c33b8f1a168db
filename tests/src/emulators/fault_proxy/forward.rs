//! The side of the proxy that faces the emulator.

use std::io;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Body, PATIENCE, Partial, Seen, Shared, lock, whole};

/// A digest of the answer's body, which no longer holds once that was changed.
const BODY_DIGEST: &str = "x-amz-crc32";

impl Shared {
    /// Forwards a request; the answer streams. What was delayed until then takes effect before it.
    pub(super) async fn forward(&self, seen: &Seen, body: Body) -> io::Result<Response<Body>> {
        let stream = TcpStream::connect(self.upstream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(connection);
        let mut head = seen.head.clone();
        // The body comes anyway: whoever waits for leave was given it here.
        head.headers.remove(EXPECT);
        let request = Request::from_parts(head, body);
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        if let Some(commit) = self
            .protocol
            .commit(seen)
            .filter(|_| answer.status().is_success())
        {
            *lock(&self.traffic).commits.entry(commit).or_default() += 1;
        }
        for late in self.due(self.protocol.changes(seen)) {
            self.carry_out(late).await;
        }
        Ok(answer.map(|body| body.map_err(io::Error::other).boxed_unsync()))
    }

    /// Forwards a request and reads its answer to the end.
    pub(super) async fn take_effect(&self, seen: &Seen, body: Body) -> io::Result<()> {
        self.forward(seen, body).await?.into_body().collect().await?;
        Ok(())
    }

    /// Lets a delayed request take effect. Nobody waits for its answer.
    pub(super) fn carry_out(&self, late: Seen) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let body = whole(late.body.clone().unwrap_or_default());
            if let Err(error) = self.take_effect(&late, body).await {
                eprintln!("a delayed request failed: {error}");
            }
        })
    }

    /// The delayed requests whose time has come with a request that changed this.
    fn due(&self, changed: Option<String>) -> Vec<Seen> {
        let mut delayed = lock(&self.delayed);
        let due = delayed.extract_if(.., |late| {
            late.waited += 1;
            late.waited >= PATIENCE || changed.as_ref() == Some(&late.changes)
        });
        due.map(|late| late.request).collect()
    }

    /// Forwards a part of a request.
    pub(super) async fn forward_in_part(
        &self,
        mut seen: Seen,
        partial: Partial,
    ) -> io::Result<Response<Body>> {
        let length = HeaderValue::from(partial.body.len());
        seen.head.headers.insert(CONTENT_LENGTH, length);
        let (mut head, body) = self.forward(&seen, whole(partial.body)).await?.into_parts();
        let answer = body.collect().await?.to_bytes();
        if !head.status.is_success() {
            return Ok(Response::from_parts(head, whole(answer)));
        }
        for changed in [CONTENT_LENGTH.as_str(), TRANSFER_ENCODING.as_str(), BODY_DIGEST] {
            head.headers.remove(changed);
        }
        Ok(Response::from_parts(head, whole((partial.complete)(answer))))
    }
}

/// A body that breaks off in its middle.
pub(super) fn first_half(mut bytes: Bytes) -> Body {
    bytes.truncate(bytes.len() / 2);
    let broken = Err(super::broken_off());
    StreamBody::new(stream::iter([Ok(Frame::data(bytes)), broken])).boxed_unsync()
}
