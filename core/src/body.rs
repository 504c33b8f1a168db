//! The body of a request or response, between the core and whatever carries it.

mod held;

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt};
use http_body::{Frame, SizeHint};

pub use self::held::{Held, HeldBodies, NoRoom, UNCOUNTED};

/// What a body's stream fails with: on the way in the connection's error, on the way out the store's.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body: nothing, bytes that are at hand, or a stream.
pub struct Body(Inner);

enum Inner {
    Empty,
    Full(Bytes),
    // The lock is never contended: it only makes a body `Sync`, which some carriers ask for.
    Stream {
        stream: Mutex<BoxStream<'static, Result<Bytes, BodyError>>>,
        remaining: Option<u64>,
    },
}

impl Body {
    /// No bytes.
    pub const fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// These bytes.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self(if bytes.is_empty() {
            Inner::Empty
        } else {
            Inner::Full(bytes)
        })
    }

    /// The bytes of a stream, whose length may be known.
    pub fn stream(
        stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
        length: Option<u64>,
    ) -> Self {
        Self(Inner::Stream {
            stream: Mutex::new(stream.boxed()),
            remaining: length,
        })
    }

    /// How many bytes are at hand, where they are held whole.
    pub fn held_length(&self) -> usize {
        match &self.0 {
            Inner::Full(bytes) => bytes.len(),
            Inner::Empty | Inner::Stream { .. } => 0,
        }
    }

    /// The same body, which gives `held` back once nobody holds its bytes any more.
    pub fn holding(self, held: Held) -> Self {
        match self.0 {
            Inner::Full(bytes) => Self::full(Bytes::from_owner(HeldBytes { bytes, _held: held })),
            other => Self(other),
        }
    }

    /// Whether there is certainly nothing in it.
    pub fn is_empty(&self) -> bool {
        matches!(
            self.0,
            Inner::Empty
                | Inner::Stream {
                    remaining: Some(0),
                    ..
                }
        )
    }

    /// The bytes as a stream.
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes, BodyError>> {
        match self.0 {
            Inner::Empty => futures_util::stream::empty().boxed(),
            Inner::Full(bytes) => futures_util::stream::once(async { Ok(bytes) }).boxed(),
            Inner::Stream { stream, .. } => stream.into_inner().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// Bytes that hold their share of the budget.
struct HeldBytes {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Empty => f.write_str("Body(empty)"),
            Inner::Full(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Inner::Stream { remaining, .. } => write!(f, "Body(stream of {remaining:?} bytes)"),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Inner::Empty => Poll::Ready(None),
            Inner::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Inner::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Inner::Stream { stream, remaining } => {
                let stream = stream.get_mut().unwrap_or_else(PoisonError::into_inner);
                let item = std::task::ready!(stream.poll_next_unpin(cx));
                if let (Some(Ok(bytes)), Some(remaining)) = (&item, remaining) {
                    *remaining = remaining.saturating_sub(bytes.len() as u64);
                }
                Poll::Ready(item.map(|result| result.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Empty => SizeHint::with_exact(0),
            Inner::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream {
                remaining: Some(remaining),
                ..
            } => SizeHint::with_exact(*remaining),
            Inner::Stream { remaining: None, .. } => SizeHint::default(),
        }
    }
}
