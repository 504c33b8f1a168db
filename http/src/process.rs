//! What a program's own process has: its threads, its end, and a server that is all of it.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::{Options, Responder, serve};

/// A runtime with a thread for each processor. An error is one line for people.
pub fn start_runtime() -> Result<Runtime, String> {
    let mut runtime = runtime::Builder::new_multi_thread();
    let started = runtime.enable_all().build();
    started.map_err(|error| format!("the runtime cannot be started: {error}"))
}

/// The exit code of a program that has ended, after a line on standard error where it failed.
pub fn ended(program: &str, done: Result<(), String>) -> ExitCode {
    let Err(message) = done else {
        return ExitCode::SUCCESS;
    };
    // Where even standard error is gone, the exit code still tells.
    drop(writeln!(io::stderr(), "{program}: {message}"));
    ExitCode::FAILURE
}

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
