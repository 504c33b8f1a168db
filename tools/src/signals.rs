//! Signals that stop a subcommand.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Failure, Result};

/// Does `work` until SIGINT or SIGTERM. What it did so far stays.
pub async fn until_stopped<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let failed = |error: io::Error| Failure::new(format!("signals cannot be received: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        result = work => result,
        _ = interrupt.recv() => Err(stopped()),
        _ = terminate.recv() => Err(stopped()),
    }
}

fn stopped() -> Failure {
    Failure::new("stopped by a signal")
}
