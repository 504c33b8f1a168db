//! The subcommand `gc`.

use std::time::Duration;

use bleepstore_core::Ports;
use bleepstore_core::ops::{GcOptions, GcReport, Progress, collect_round};
use clap::Args;
use serde_json::json;

use crate::duration::duration;
use crate::failure::{Failure, Result};
use crate::output::{print, print_json, tally, tally_json};
use crate::progress::with_progress;

/// The grace that lets any request end that is under way, and so the shortest one that is safe beside others.
const SAFE_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// Arguments of `gc`.
#[derive(Clone, Debug, Args)]
pub struct GcArgs {
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Keep what was written less than this ago, such as 30m, 24h or 7d; less than 24h only where nobody else uses the
    /// store
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = duration)]
    grace: Duration,
    /// Delete even if more than 20% of the blobs are garbage
    #[arg(long)]
    force: bool,
    /// Nobody else uses the store meanwhile: no server, no function, no client
    #[arg(long)]
    pub(crate) exclusive: bool,
    /// Memory for the names of blobs in use, in MiB; with less than 96 bytes for each, a part of the garbage stays until
    /// a later run
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    mark_memory: u32,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Deletes what no record names, in one round over the whole store.
pub(crate) async fn gc(ports: &Ports, args: &GcArgs, alone: bool) -> Result<()> {
    if !alone && !args.dry_run && args.grace < SAFE_GRACE {
        return Err(Failure::new(
            "others may use the store: --grace less than 24h would take away what they are writing",
        ));
    }
    let options = GcOptions {
        grace: args.grace,
        exclusive: alone,
        dry_run: args.dry_run,
        force: args.force,
        mark_memory: (args.mark_memory as usize) << 20,
        ..GcOptions::default()
    };
    let progress = Progress::default();
    let collected = with_progress("gc", &progress, collect_round(ports, &options)).await;
    report(&collected.map_err(|error| Failure::new(error.to_string()))?, args)
}

fn report(total: &GcReport, args: &GcArgs) -> Result<()> {
    if args.json {
        print_json(&json!({
            "seen": tally_json(&total.seen),
            "deleted": tally_json(&total.deleted),
            "failed": tally_json(&total.failed),
            "expired_uploads": total.expired_uploads,
            "unreadable_layouts": total.unreadable_layouts,
            "dry_run": args.dry_run,
        }))?;
    } else {
        let deleted = if args.dry_run { "would delete" } else { "deleted" };
        let mut text = format!(
            "looked at {}, {deleted} {}\n",
            tally(&total.seen),
            tally(&total.deleted)
        );
        if total.expired_uploads > 0 {
            text.push_str(&format!("aborted {} unfinished uploads\n", total.expired_uploads));
        }
        if total.unreadable_layouts > 0 {
            text.push_str(&format!(
                "{} layouts cannot be read: what they may name was kept; fsck says which they are\n",
                total.unreadable_layouts
            ));
        }
        print(&text)?;
    }
    if total.failed.blobs > 0 {
        return Err(Failure::new(format!(
            "{} could not be deleted",
            tally(&total.failed)
        )));
    }
    Ok(())
}
