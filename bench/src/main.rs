//! The binary `bleepstore-bench`: puts load on an S3 endpoint and says how fast it answers, and at what cost.
//!
//! It is a process of its own, so that what it costs is not counted for the server. `cargo xtask bench` builds it together
//! with the servers that it starts.

mod arguments;
mod body;
mod client;
mod connection;
mod crowds;
mod disk;
mod imported;
mod load;
mod machine;
mod process;
mod report;
mod rows;
mod run;
mod servers;
mod stage;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    match run::run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("bleepstore-bench: {complaint}");
            ExitCode::FAILURE
        }
    }
}
