//! What an operator does to a store, whichever deployment it belongs to: subcommands over the core's ports.
//!
//! A binary takes [`Tool`] into its command line, opens the stores that the arguments name, and calls [`Tool::run`].

mod arguments;
mod command;
mod credentials;
mod duration;
mod events;
mod export;
mod failure;
mod fsck;
mod gc;
mod import;
mod migrate;
mod output;
mod progress;
mod signals;
mod stats;
mod undelete;

pub use arguments::arguments;
pub use command::{Holding, On, Tool, known};
pub use duration::duration;
pub use failure::{Failure, Result};
pub use migrate::{MigrateArgs, migrate};
pub use output::{print, print_json, tally, tally_json};
pub use progress::with_progress;
pub use signals::until_stopped;
