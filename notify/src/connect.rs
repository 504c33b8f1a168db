//! Connections over TCP, with TLS or without.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::tls::Tls;

/// What bytes go over.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(crate) type Stream = Box<dyn Duplex>;

/// The addresses of a host.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> = found
        .map_err(|error| format!("its host is not found: {error}"))?
        .collect();
    match found.is_empty() {
        true => Err("its host has no address".to_owned()),
        false => Ok(found),
    }
}

/// A connection to a host by its name.
pub(crate) async fn open(host: &str, port: u16, tls: Option<&Tls>) -> Result<Stream, String> {
    open_at(&resolve(host, port).await?, host, tls).await
}

/// A connection to the first of these addresses that takes one. The name is what its certificate must be for.
pub(crate) async fn open_at(
    addresses: &[SocketAddr],
    name: &str,
    tls: Option<&Tls>,
) -> Result<Stream, String> {
    let stream = TcpStream::connect(addresses).await;
    let stream = stream.map_err(|error| format!("it cannot be reached: {error}"))?;
    // What is sent is whole messages.
    stream
        .set_nodelay(true)
        .map_err(|error| format!("it cannot be reached: {error}"))?;
    let Some(tls) = tls else {
        return Ok(Box::new(stream));
    };
    let config = tls.config().await?;
    let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(config).connect(name, stream).await;
    Ok(Box::new(
        stream.map_err(|error| format!("no TLS with it: {error}"))?,
    ))
}

/// A connection that ends when it is told to, for clients that keep theirs in a thread that nobody can end.
pub(crate) struct Severable {
    stream: Stream,
    severed: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Severable {
    pub(crate) fn new(stream: Stream, severed: CancellationToken) -> Self {
        Self {
            stream,
            severed: Box::pin(severed.cancelled_owned()),
        }
    }

    fn is_whole(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.severed.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Severable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_whole(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Severable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_whole(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_whole(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
