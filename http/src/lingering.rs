//! The connection's stream: bounded writes, and an end that lets the client read its answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::head_guard::HeadGuard;

/// A TCP stream that fails a write which the client does not take in time, and that closes in two steps.
///
/// Closing a socket on which bytes wait unread resets the connection, upon which the client may lose the
/// response that it was just sent. So the stream is closed for writing first, and what the client still
/// sends is thrown away for a while.
pub(crate) struct LingeringStream {
    stream: TcpStream,
    /// What was read to find out about the client and is read again, and what ends a head that is refused.
    ahead: BytesMut,
    /// Looks at what is read of HTTP/1.1.
    guard: Option<HeadGuard>,
    write_idle: Duration,
    linger: Duration,
    timer: Pin<Box<Sleep>>,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// A write waits for the client; the timer runs.
    Blocked,
    /// Closed for writing; the timer runs. `seen` tells whether the client sent anything since.
    Closing {
        seen: bool,
    },
    Closed,
}

impl LingeringStream {
    pub(crate) fn new(stream: TcpStream, write_idle: Duration, linger: Duration) -> Self {
        Self {
            stream,
            ahead: BytesMut::new(),
            guard: None,
            write_idle,
            linger,
            timer: Box::pin(sleep(write_idle)),
            phase: Phase::Open,
        }
    }

    /// Whether the first bytes that the client sends are these. They are not consumed.
    pub(crate) async fn begins_with(&mut self, expected: &[u8]) -> io::Result<bool> {
        let mut first = BytesMut::with_capacity(expected.len());
        while first.len() < expected.len() && expected.starts_with(&first) {
            let mut rest = (&mut self.stream).take((expected.len() - first.len()) as u64);
            if rest.read_buf(&mut first).await? == 0 {
                break;
            }
        }
        let begins = *first == *expected;
        self.ahead = first;
        Ok(begins)
    }

    /// Has the heads of all requests looked at, from the first byte on.
    pub(crate) fn guard_heads(&mut self) {
        self.guard = Some(HeadGuard::new());
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.has_remaining() {
            let length = self.ahead.len().min(buffer.remaining());
            buffer.put_slice(&self.ahead.split_to(length));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }

    fn start_timer(&mut self, duration: Duration, phase: Phase) {
        self.timer.as_mut().reset(Instant::now() + duration);
        self.phase = phase;
    }

    /// Lets a write that is pending fail after a while.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            if self.phase == Phase::Blocked {
                self.phase = Phase::Open;
            }
            return write;
        }
        if self.phase == Phase::Open {
            self.start_timer(self.write_idle, Phase::Blocked);
        }
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client takes nothing of the response",
        )))
    }

    /// Throws away what arrives until the client closes its side or the time is over. Returns at once
    /// where nothing is under way, as on an idle connection.
    fn poll_linger(&mut self, cx: &mut Context<'_>, mut seen: bool) -> Poll<()> {
        let mut discarded = [0; 16 * 1024];
        // A sender that never pauses must not keep the thread: the timer is looked at between reads.
        while self.timer.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut discarded);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    seen = true;
                    self.phase = Phase::Closing { seen };
                }
                Poll::Pending if seen => return Poll::Pending,
                Poll::Pending | Poll::Ready(_) => break,
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for LingeringStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(self.poll_bytes(cx, buffer))?;
        if let Some(guard) = &mut self.guard
            && guard.look(&mut buffer.filled_mut()[before..])
        {
            // hyper does not look again at a head that it has seen a part of before the head is over.
            self.ahead.extend_from_slice(b"\r\n\r\n");
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LingeringStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(cx, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.bounded(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.phase, Phase::Open | Phase::Blocked) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            let linger = self.linger;
            self.start_timer(linger, Phase::Closing { seen: false });
        }
        if let Phase::Closing { seen } = self.phase {
            ready!(self.poll_linger(cx, seen));
            self.phase = Phase::Closed;
        }
        Poll::Ready(Ok(()))
    }
}
