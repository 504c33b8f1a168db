//! The binary `bleepstore-admin`: an operator's subcommands on the stores of any deployment.

mod config;
mod stores;

use std::process::ExitCode;

use bleepstore_http::{Environment, LogFormat, start_log, start_runtime};
use bleepstore_tools::{Failure, Holding, Result, migrate};

use crate::config::{Cli, Command, Migrate};
use crate::stores::Opened;

fn main() -> ExitCode {
    Failure::ended("bleepstore-admin", run())
}

fn run() -> Result<()> {
    let command = Cli::command()?;
    start_log(LogFormat::for_standard_error())?;
    let runtime = start_runtime().map_err(Failure::new)?;
    let done = runtime.block_on(async {
        match command {
            Command::Tool(tool) => {
                let holding = tool.holding();
                let opened = Opened::open(&tool.store().store, &Environment::of_process(), holding).await?;
                let done = tool.run(opened.ports(), opened.alone()).await;
                opened.close().await;
                done
            }
            Command::Migrate(args) => move_store(args).await,
        }
    });
    // What is still under way is a read of standard input that nobody may ever answer, or work that was given up.
    runtime.shutdown_background();
    done
}

async fn move_store(args: Migrate) -> Result<()> {
    let environment = Environment::of_process().preferring("FROM_");
    let from = Opened::open(&args.from, &environment, args.migrate.holding()).await?;
    let environment = Environment::of_process().preferring("TO_");
    let to = Opened::open(&args.to, &environment, Holding::New).await?;
    let done = migrate(from.ports(), to.ports(), args.migrate).await;
    from.close().await;
    to.close().await;
    done
}
