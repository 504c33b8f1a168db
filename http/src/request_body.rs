//! A request's body on its way from the connection to the core.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bleepstore_core::Body;
use bleepstore_core::body::BodyError;
use bytes::Bytes;
use futures_util::Stream;
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

use crate::outliving::Whole;

/// A body that the core did not read to its end.
pub(crate) struct Unread {
    pub(crate) body: Incoming,
    /// Whether the core asked for any of it, upon which a waiting client was told to go on.
    pub(crate) begun: bool,
}

/// Turns the connection's body into the core's. What the core leaves unread comes back through the
/// receiver when the core drops its body. `whole` is set once all of it was read.
pub(crate) fn into_core(
    incoming: Incoming,
    idle: Duration,
    deadline: Instant,
    whole: Whole,
) -> (Body, oneshot::Receiver<Unread>) {
    let (returns, unread) = oneshot::channel();
    if incoming.is_end_stream() {
        whole.set();
        return (Body::empty(), unread);
    }
    let length = incoming.size_hint().exact();
    let stream = RequestStream {
        incoming: Some(incoming),
        begun: false,
        whole,
        idle,
        deadline,
        timer: Box::pin(sleep(idle)),
        waiting: false,
        returns: Some(returns),
    };
    (Body::stream(stream, length), unread)
}

struct RequestStream {
    /// `None` once the body has ended or failed.
    incoming: Option<Incoming>,
    begun: bool,
    /// Set once all of it was read.
    whole: Whole,
    idle: Duration,
    /// When the whole request must have been answered.
    deadline: Instant,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer runs: only while the core waits for the client.
    waiting: bool,
    returns: Option<oneshot::Sender<Unread>>,
}

impl RequestStream {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        loop {
            match ready!(Pin::new(&mut *incoming).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // HTTP trailers carry nothing for S3: its trailers are part of the aws-chunked body.
                    if let Ok(data) = frame.into_data() {
                        // Whoever knows the length does not ask for the end.
                        if incoming.is_end_stream() {
                            self.whole.set();
                        }
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    self.whole.set();
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.waiting {
            self.waiting = true;
            self.timer.as_mut().reset(Instant::now() + self.idle);
        }
        self.timer.as_mut().poll(cx)
    }
}

impl Stream for RequestStream {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.begun = true;
        if Instant::now() >= self.deadline {
            self.incoming = None;
            return Poll::Ready(Some(Err(too_late().into())));
        }
        let item = match self.poll_data(cx) {
            Poll::Ready(item) => {
                self.waiting = false;
                item
            }
            Poll::Pending => {
                ready!(self.poll_idle(cx));
                let error = io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the client sent nothing more of the body",
                );
                Some(Err(error.into()))
            }
        };
        if !matches!(item, Some(Ok(_))) {
            self.incoming = None;
        }
        Poll::Ready(item)
    }
}

/// The error of a request that takes too long in all.
pub(crate) fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the request takes too long")
}

impl Drop for RequestStream {
    fn drop(&mut self) {
        if let (Some(body), Some(returns)) = (self.incoming.take(), self.returns.take()) {
            let begun = self.begun;
            // Where nobody takes it back, the connection is closed after the response.
            drop(returns.send(Unread { body, begun }));
        }
    }
}
