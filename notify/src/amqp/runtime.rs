//! What lapin runs in: tokio, with connections that are made here. Its own TLS brings forty crates, for the archives of
//! client certificates among others, and a second place that says whose certificates are believed.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_rs::traits::{Executor, Reactor, RuntimeKit};
use async_rs::util::{DummyIO, Task};
use futures_util::io::{AsyncRead, AsyncWrite};
use futures_util::stream::Stream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};
use tokio_util::sync::CancellationToken;

use crate::connect::{self, Severable};

#[derive(Clone, Debug)]
pub(crate) struct Tokio(async_rs::Tokio);

impl Tokio {
    /// The runtime of the caller.
    pub(crate) fn current() -> Self {
        Self(async_rs::Tokio::current())
    }
}

impl RuntimeKit for Tokio {}

impl Executor for Tokio {
    type Task<T: Send + 'static> = <async_rs::Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        self.0.block_on(future)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        future: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn(future)
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        call: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn_blocking(call)
    }
}

impl Reactor for Tokio {
    type TcpStream = Compat<Severable>;
    type Sleep = <async_rs::Tokio as Reactor>::Sleep;

    /// Nothing is registered: connections are tokio's from the start.
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<DummyIO, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, time: Duration) -> Self::Sleep {
        self.0.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(time)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        connected(address)
    }
}

async fn connected(address: SocketAddr) -> io::Result<Compat<Severable>> {
    let stream = connect::open_at(&[address], "", None)
        .await
        .map_err(io::Error::other)?;
    Ok(Severable::new(stream, CancellationToken::new()).compat())
}
