//! The log, on standard error: for people on a terminal, JSON elsewhere.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Starts the log with the filter of `BLEEPSTORE_LOG`, or at `info`.
pub(crate) fn start() -> Result<(), String> {
    let filter = match env::var("BLEEPSTORE_LOG") {
        Ok(text) if !text.is_empty() => {
            EnvFilter::try_new(&text).map_err(|error| format!("BLEEPSTORE_LOG is not a filter: {error}"))?
        }
        _ => EnvFilter::new("info"),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = if io::stderr().is_terminal() {
        log.try_init()
    } else {
        log.json().try_init()
    };
    started.map_err(|error| format!("the log cannot be started: {error}"))
}
