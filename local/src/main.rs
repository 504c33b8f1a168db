//! The binary `bleepstore`: settings in, stores wired to the core, requests served.

mod banner;
mod config;
mod credentials;
mod data_dir;
mod failure;
mod gc;
mod logging;
mod serve;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use bleepstore_core::Ports;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::ports::Clock;
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_local::fs_blobs::FsBlobs;
use bleepstore_local::sqlite::SqliteMetadata;
use tokio::runtime;

use crate::config::{Cli, Command};
use crate::data_dir::DataDir;
use crate::failure::{Failure, Result};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where even standard error is gone, the exit code still tells.
            drop(writeln!(io::stderr(), "bleepstore: {failure}"));
            failure.exit_code()
        }
    }
}

fn run() -> Result<()> {
    let command = Cli::command()?;
    logging::start()?;
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => serve::serve(args, open_ports).await,
            Command::Gc(args) => gc::gc(args, open_ports).await,
        }
    })
}

/// The stores of the data folder, or of memory where there is none.
async fn open_ports(folder: Option<&DataDir>) -> Result<Ports> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy = Arc::new(OsEntropy);
    let Some(folder) = folder else {
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        return Ok(Ports {
            metadata: Arc::new(MemoryMetadata::default()),
            blobs,
            clock,
            entropy,
        });
    };
    let database = folder.path().join("metadata.sqlite");
    let metadata = SqliteMetadata::open(&database).map_err(|error| {
        Failure::new(format!(
            "the database {} cannot be used: {error}",
            database.display()
        ))
    })?;
    let blobs = FsBlobs::open(folder.path()).map_err(|error| {
        Failure::new(format!(
            "the blobs in {} cannot be used: {error}",
            folder.path().display()
        ))
    })?;
    Ok(Ports {
        metadata: Arc::new(metadata),
        blobs: Arc::new(blobs),
        clock,
        entropy,
    })
}
