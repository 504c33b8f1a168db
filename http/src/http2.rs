//! What HTTP/2 needs beyond HTTP/1.1: one connection carries many exchanges, so that each has to be bounded by itself.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use bleepstore_core::Body;
use futures_util::{Stream, StreamExt, stream};
use http_body::Body as _;
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioTimer;
use tokio::time::{Instant, sleep_until};

use crate::Options;

/// What a client sends first where it speaks HTTP/2 without TLS, knowing that the server does
/// ([RFC 9113, 3.4](https://www.rfc-editor.org/rfc/rfc9113#section-3.4)).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How many bytes of one request's body may wait to be read by the core.
const STREAM_WINDOW: u32 = 512 * 1024;

/// How many bytes of all bodies of a connection may wait.
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;

/// How many bytes of one response may wait to be sent.
const SEND_BUFFER: usize = 128 * 1024;

/// How many bytes are handed to a stream at a time. The next are asked for when these are gone, which is how it shows
/// that a client takes its response.
const PIECE: usize = 16 * 1024;

/// How long a client has for answering a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How many exchanges a client may begin and give up before the server has looked at them, and how many it may get
/// wrong, before its connection is closed.
const UNSEEN_RESETS: usize = 20;
const WRONG_STREAMS: usize = 100;

/// A server of HTTP/2 connections with these limits.
pub(crate) fn builder(options: &Options) -> Builder<BoundedStreams> {
    let mut builder = Builder::new(BoundedStreams { life: options.life });
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.max_streams)
        .max_header_list_size(u32::try_from(options.max_header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(WRONG_STREAMS)
        .keep_alive_interval(options.header_read)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

tokio::task_local! {
    static TAKING: Arc<Taking>;
}

/// How long the client of one stream has for taking what it was given of its response.
#[derive(Default)]
struct Taking {
    until: Mutex<Option<Instant>>,
}

impl Taking {
    fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn until(&self) -> Option<Instant> {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs each exchange of a connection as a task that ends, and resets its stream, when it takes too long in all or when
/// its client takes nothing of the response. Other exchanges of the connection go on.
#[derive(Clone, Debug)]
pub(crate) struct BoundedStreams {
    life: Duration,
}

impl<F> Executor<F> for BoundedStreams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, exchange: F) {
        let deadline = Instant::now() + self.life;
        let taking = Arc::new(Taking::default());
        tokio::spawn(TAKING.scope(taking.clone(), async move {
            let mut exchange = pin!(exchange);
            let mut timer = pin!(sleep_until(deadline));
            poll_fn(|cx| {
                if exchange.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                let end = taking.until().map_or(deadline, |until| until.min(deadline));
                if timer.deadline() != end {
                    timer.as_mut().reset(end);
                }
                ready!(timer.as_mut().poll(cx));
                tracing::debug!(
                    "a stream was reset: its client takes nothing, or the request takes too long"
                );
                Poll::Ready(())
            })
            .await;
        }));
    }
}

/// The body in small pieces. While one waits for the client the time runs; while the next is waited for it does not.
pub(crate) fn paced(body: Body, idle: Duration) -> Body {
    if body.is_empty() {
        return body;
    }
    let Ok(taking) = TAKING.try_with(Arc::clone) else {
        return body;
    };
    let length = body.size_hint().exact();
    let pieces = body.into_stream().flat_map(|item| {
        let mut rest = Some(item);
        stream::iter(std::iter::from_fn(move || match rest.take()? {
            Ok(mut bytes) if bytes.len() > PIECE => {
                let piece = bytes.split_to(PIECE);
                rest = Some(Ok(bytes));
                Some(Ok(piece))
            }
            last => Some(last),
        }))
    });
    let mut pieces = Box::pin(pieces);
    let timed = stream::poll_fn(move |cx| {
        taking.set(None);
        let item = ready!(pieces.as_mut().poll_next(cx));
        taking.set(Some(Instant::now() + idle));
        Poll::Ready(item)
    });
    Body::stream(timed, length)
}
