//! Accepting connections and ending well.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::exchange::{self, Responder};
use crate::lingering::LingeringStream;
use crate::options::Options;

/// How long to wait where the process has run out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves HTTP on `listener` until `stop` is done. Then nothing more is accepted, idle connections are
/// closed, and requests in flight have [`Options::shutdown`] to finish. Returns how many connections had to
/// be cut off. A panic while a request is answered ends at most that request's connection.
pub async fn serve<R: Responder>(
    listener: TcpListener,
    responder: Arc<R>,
    options: Options,
    stop: impl Future<Output = ()>,
) -> usize {
    let options = Arc::new(options);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(options.max_connections));
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept(&listener, &places) => match accepted {
                Ok((stream, place)) => {
                    let connection = connection(stream, responder.clone(), options.clone(), graceful.watcher());
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => refuse(error).await,
            },
        }
    }
    drop(listener);
    if timeout(options.shutdown, graceful.shutdown()).await.is_ok() {
        return 0;
    }
    while let Some(ended) = connections.try_join_next() {
        report(ended);
    }
    let cut_off = connections.len();
    connections.shutdown().await;
    cut_off
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// A client that went away before it was accepted is no matter; running out of sockets passes.
async fn refuse(error: io::Error) {
    let of_the_client = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    );
    if !of_the_client {
        tracing::warn!(%error, "no connection can be accepted");
        sleep(ACCEPT_PAUSE).await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended in a panic");
    }
}

async fn connection<R: Responder>(
    stream: TcpStream,
    responder: Arc<R>,
    options: Arc<Options>,
    watcher: Watcher,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let io = TokioIo::new(LingeringStream::new(stream, options.idle, options.linger));
    let limits = options.clone();
    let service = service_fn(move |request| {
        let (responder, options) = (responder.clone(), options.clone());
        async move { Ok::<_, Infallible>(exchange::answer(&*responder, &options, request).await) }
    });
    #[cfg(not(feature = "h2c"))]
    let served = watcher.watch(http1(&limits).serve_connection(io, service)).await;
    #[cfg(feature = "h2c")]
    let served = watcher
        .watch(http1_or_http2(&limits).serve_connection(io, service).into_owned())
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection failed");
    }
}

#[cfg(not(feature = "h2c"))]
fn http1(limits: &Options) -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_headers(limits.max_headers)
        .max_header_size(limits.max_header_bytes);
    builder
}

#[cfg(feature = "h2c")]
fn http1_or_http2(
    limits: &Options,
) -> hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor> {
    let mut builder = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_headers(limits.max_headers)
        .max_buf_size(limits.max_header_bytes.max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.header_read)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX));
    builder
}
