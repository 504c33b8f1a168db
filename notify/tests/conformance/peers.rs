//! Peers that do not answer as they should, over sockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A listener, and what becomes of those who connect to it.
pub(crate) struct Peer {
    pub(crate) port: u16,
    accepted: Arc<AtomicUsize>,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
    accepting: JoinHandle<()>,
}

impl Peer {
    async fn of<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::new(AtomicUsize::new(0));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (counted, kept) = (accepted.clone(), connections.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                kept.lock().unwrap().push(tokio::spawn(serve(stream)));
            }
        });
        Self {
            port,
            accepted,
            connections,
            accepting,
        }
    }

    /// Takes connections, and says nothing.
    pub(crate) async fn silent() -> Self {
        Self::of(async |stream| {
            let _stream = stream;
            std::future::pending::<()>().await;
        })
        .await
    }

    /// Ends each connection at once.
    pub(crate) async fn closing() -> Self {
        Self::of(async |stream| drop(stream)).await
    }

    /// Lets everything through to another port.
    pub(crate) async fn proxy(port: u16) -> Self {
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        Self::of(move |mut stream| async move {
            if let Ok(mut server) = TcpStream::connect(to).await {
                tokio::io::copy_bidirectional(&mut stream, &mut server).await.ok();
            }
        })
        .await
    }

    /// How many connections there were.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Ends all connections, and returns when they have ended.
    pub(crate) async fn cut(&self) {
        let connections: Vec<_> = self.connections.lock().unwrap().drain(..).collect();
        for connection in connections {
            connection.abort();
            connection.await.ok();
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.accepting.abort();
        for connection in self.connections.lock().unwrap().drain(..) {
            connection.abort();
        }
    }
}
