//! The binary `bleepstore`: settings in, stores wired to the core, requests served.

mod banner;
mod config;
mod credentials;
mod failure;
mod routes;
mod scrub_tool;
mod serve;
mod tool;

use std::io::{self, Write};
use std::process::ExitCode;

use bleepstore_http::{LogFormat, start_log};
use tokio::runtime;

use crate::config::{Cli, Command};
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
    start_log(LogFormat::for_standard_error())?;
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))?;
    let done = runtime.block_on(async {
        match command {
            Command::Serve(args) => serve::serve(args).await,
            Command::Scrub(args) => scrub_tool::run(args).await,
            Command::Tool(tool) => tool::run(tool).await,
        }
    });
    // What is still under way is a read of standard input that nobody may ever answer, or work that was given up.
    runtime.shutdown_background();
    done
}
