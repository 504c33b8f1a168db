//! The binary `bleepstore`: settings in, stores wired to the core, requests served.

mod allocator;
mod banner;
mod config;
mod credentials;
mod destinations;
mod failure;
mod routes;
mod scrub_tool;
mod serve;
mod tool;

use std::process::ExitCode;

use bleepstore_http::{LogFormat, start_log, start_runtime};

use crate::config::{Cli, Command};
use crate::failure::{Failure, Result};

fn main() -> ExitCode {
    Failure::ended("bleepstore", run())
}

fn run() -> Result<()> {
    let command = Cli::command()?;
    if let Command::Serve(_) = command {
        allocator::give_memory_back();
    }
    start_log(LogFormat::for_standard_error())?;
    let runtime = start_runtime().map_err(Failure::new)?;
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
