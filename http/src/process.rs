//! A server that is its whole process.

use std::io::{self, Write};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::{Options, Responder, serve};

/// Serves HTTP at `listen` (host:port) until SIGTERM or SIGINT. Standard output says where, which tells the port where
/// `listen` leaves it to the system. An error is one line for people.
pub async fn serve_until_signal<R: Responder>(
    responder: R,
    listen: &str,
    options: Options,
) -> Result<(), String> {
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
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    };
    let cut_off = serve(listener, Arc::new(responder), options, stop).await;
    if cut_off > 0 {
        tracing::warn!(cut_off, "some connections did not finish in time");
    }
    Ok(())
}
