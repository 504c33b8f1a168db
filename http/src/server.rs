//! Accepting connections and ending well.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::activity::Activity;
use crate::clients::Clients;
use crate::exchange::{self, Carrier, Responder};
use crate::http2;
use crate::lingering::LingeringStream;
use crate::options::Options;
use crate::outliving::Hold;

/// Bytes that a connection reads ahead at most. hyper would take three times as much, which large uploads fill.
const MOST_BUFFERED: usize = 128 * 1024;

/// How long to wait where the process has run out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves HTTP on `listener` until `stop` is done. Then nothing more is accepted, idle connections are
/// closed, and requests in flight have [`Options::shutdown`] to finish, also those whose clients have left. Returns how many
/// had to be cut off. A panic while a request is answered ends at most that request's connection.
pub async fn serve<R: Responder>(
    listener: TcpListener,
    responder: Arc<R>,
    options: Options,
    stop: impl Future<Output = ()>,
) -> usize {
    let options = Arc::new(options);
    let places = Arc::new(Semaphore::new(options.max_connections));
    let clients = Arc::new(Clients::new(options.max_connections_per_client));
    let outliving = Activity::new();
    let stopping = watch::Sender::new(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                responder.connections(connections.len());
            }
            accepted = accept(&listener, &places) => match accepted {
                Ok((stream, peer, place)) => {
                    let Some(place) = clients.enter(peer, place) else {
                        turn_away(&stream, peer);
                        continue;
                    };
                    let carrier = Carrier {
                        responder: responder.clone(),
                        options: options.clone(),
                        peer,
                        hold: Hold { activity: outliving.clone(), _place: Arc::new(place) },
                    };
                    let connection = Connection {
                        carrier: Arc::new(carrier),
                        options: options.clone(),
                        stopping: stopping.subscribe(),
                    };
                    // Before it can ask how many there are.
                    responder.connections(connections.len() + 1);
                    connections.spawn(connection.serve(stream));
                }
                Err(error) => refuse(error).await,
            },
        }
    }
    drop(listener);
    stopping.send_replace(true);
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
            responder.connections(connections.len());
        }
        outliving.idle_for(Duration::ZERO).await;
    };
    if timeout(options.shutdown, all_ended).await.is_ok() {
        return 0;
    }
    let cut_off = connections.len() + outliving.count();
    connections.shutdown().await;
    cut_off
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer.ip(), place))
}

/// Tells a client that it has as many connections as it may. Whether that arrives is its own matter.
fn turn_away(stream: &TcpStream, peer: IpAddr) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n";
    let told = stream.try_write(ANSWER).is_ok();
    tracing::debug!(%peer, told, "a client has as many connections as it may");
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

/// One connection and what it is served with.
struct Connection<R> {
    carrier: Arc<Carrier<R>>,
    options: Arc<Options>,
    stopping: watch::Receiver<bool>,
}

impl<R: Responder> Connection<R> {
    async fn serve(mut self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let mut stream = LingeringStream::new(stream, self.options.idle, self.options.linger);
        let served = match self.speaks_http2(&mut stream).await {
            Ok(true) => self.serve_http2(stream).await,
            Ok(false) => self.serve_http1(stream).await,
            Err(error) => {
                tracing::debug!(%error, "a connection began with nothing");
                return;
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection failed");
        }
    }

    /// Which protocol the client begins with, once that is known.
    async fn speaks_http2(&mut self, stream: &mut LingeringStream) -> io::Result<bool> {
        if !self.options.h2c {
            return Ok(false);
        }
        tokio::select! {
            begun = timeout(self.options.header_read, stream.begins_with(http2::PREFACE)) => begun?,
            _ = self.stopping.wait_for(|stopping| *stopping) => Err(io::ErrorKind::Interrupted.into()),
        }
    }

    async fn serve_http1(mut self, mut stream: LingeringStream) -> hyper::Result<()> {
        stream.guard_heads();
        let carrier = self.carrier.clone();
        let service = service_fn(move |request| {
            let carrier = carrier.clone();
            async move { Ok::<_, Infallible>(exchange::answer(carrier, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.options.header_read)
            .max_headers(self.options.max_headers)
            .max_header_size(self.options.max_header_bytes)
            .max_buf_size(MOST_BUFFERED)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended,
            _ = self.stopping.wait_for(|stopping| *stopping) => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }

    /// hyper closes an idle HTTP/1.1 connection after a while; for HTTP/2 that is done here.
    async fn serve_http2(mut self, stream: LingeringStream) -> hyper::Result<()> {
        let carrier = self.carrier.clone();
        let activity = Activity::new();
        let exchanges = activity.clone();
        let service = service_fn(move |request| {
            let carrier = carrier.clone();
            let exchange = exchanges.begin();
            async move {
                let response = exchange::answer(carrier, request).await;
                Ok::<_, Infallible>(response.map(|body| exchange.until_the_end_of(body)))
            }
        });
        let connection = http2::builder(&self.options).serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended,
            _ = self.stopping.wait_for(|stopping| *stopping) => {}
            () = activity.idle_for(self.options.header_read) => {}
        }
        // The client is told (GOAWAY); what it began before it read that is still answered.
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection.as_mut() => ended,
            // All is answered, and the client takes neither the end of it nor its leave.
            () = activity.idle_for(self.options.idle) => Ok(()),
        }
    }
}
