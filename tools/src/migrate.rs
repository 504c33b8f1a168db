//! The subcommand `migrate`.

use bleepstore_core::Ports;
use bleepstore_core::ops::{self, MigrateOptions, Progress};
use clap::Args;

use crate::command::{Holding, known};
use crate::failure::{Failure, Result};
use crate::output::{print, tally};
use crate::progress::with_progress;
use crate::signals::until_stopped;

/// Arguments of `migrate`, but for those that name the stores.
#[derive(Clone, Copy, Debug, Args)]
pub struct MigrateArgs {
    /// Copy bytes only, and leave the records for a later run: the long part, while the old store still serves
    #[arg(long)]
    bytes_only: bool,
}

impl MigrateArgs {
    /// Who else may use the store that is read: records are only whole while nobody writes.
    pub fn holding(&self) -> Holding {
        if self.bytes_only {
            Holding::Shared
        } else {
            Holding::Exclusive
        }
    }
}

/// Copies the bytes and the records of one pair of stores into another. It can be stopped and run again.
pub async fn migrate(from: &Ports, to: &Ports, args: MigrateArgs) -> Result<()> {
    let options = MigrateOptions {
        bytes_only: args.bytes_only,
    };
    let progress = Progress::default();
    let work = async {
        known(from).await?;
        known(to).await?;
        let migrated = ops::migrate(from, to, options, &progress).await;
        migrated.map_err(|error| Failure::new(error.to_string()))
    };
    let report = until_stopped(with_progress("migrate", &progress, work)).await?;
    let mut text = format!(
        "copied {}, {} were there\n",
        tally(&report.copied),
        tally(&report.present)
    );
    if let Some(imported) = &report.imported {
        text += &format!(
            "brought {}; the epoch is {}\n",
            imported.counts, imported.store.epoch
        );
    }
    print(&text)
}
