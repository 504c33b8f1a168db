//! The HTTP server, for local runs and for containers.

use std::io::{self, Write};
use std::sync::Arc;

use bleepstore_core::Service;
use bleepstore_http::Options;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves HTTP at `listen` until SIGTERM or SIGINT. Standard output says where, which tells the port where `listen`
/// leaves it to the system.
pub(crate) async fn serve(service: Service, listen: &str, base_domains: Vec<String>) -> Result<(), String> {
    let cannot_listen = |error: io::Error| format!("cannot listen on {listen}: {error}");
    let listener = TcpListener::bind(listen).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let cannot_wait = |error: io::Error| format!("signals cannot be received: {error}");
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_wait)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_wait)?;
    // A server whose output nobody reads still serves.
    if let Err(error) = writeln!(io::stdout(), "endpoint http://{address}") {
        tracing::warn!(%error, "standard output cannot be written");
    }
    tracing::info!(%address, "listening");
    let options = Options {
        base_domains,
        ..Options::default()
    };
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    };
    let cut_off = bleepstore_http::serve(listener, Arc::new(service), options, stop).await;
    if cut_off > 0 {
        tracing::warn!(cut_off, "some connections did not finish in time");
    }
    Ok(())
}
