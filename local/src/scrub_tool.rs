//! The subcommand `scrub`.

use std::sync::Arc;

use bleepstore_core::ops::Progress;
use bleepstore_http::SystemClock;
use bleepstore_local::fs_blobs::Pace;
use bleepstore_local::scrub::{Damage, Plain, ScrubReport, scrub};
use bleepstore_local::tool_stores::ToolStores;
use bleepstore_tools::{Holding, known, print, print_json, tally, tally_json, until_stopped, with_progress};
use serde_json::json;

use crate::config::ScrubArgs;
use crate::failure::{Failure, Result};

/// Scrubs a data folder that nobody else uses, and fails where it finds damage.
pub(crate) async fn run(args: ScrubArgs) -> Result<()> {
    let store = &args.store;
    let Some(records) = store.metadata.records() else {
        return Err(Failure::usage(
            "this needs a data folder: memory keeps nothing between two runs",
        ));
    };
    let folder = ToolStores::open(&store.data_dir, records, Holding::Exclusive)?;
    let done = until_stopped(check(&folder, args.json)).await;
    folder.close().await;
    done
}

async fn check(folder: &ToolStores, json: bool) -> Result<()> {
    known(folder.ports()).await?;
    let Some(blobs) = folder.files() else {
        return Ok(());
    };
    let pace = Pace {
        clock: Arc::new(SystemClock),
        bytes_per_second: None,
    };
    let mut damaged = Vec::new();
    let mut found = |damage: Damage| {
        if json {
            damaged.push(json!({ "damaged": damage.name(), "text": damage.to_string() }));
        } else if let Err(error) = print(&format!("{damage}\n")) {
            // The count at the end still tells.
            tracing::warn!(%error, "a finding was not printed");
        }
    };
    let progress = Progress::default();
    let scrubbed = scrub(
        folder.ports(),
        &blobs,
        Plain::Rewrite,
        &pace,
        &progress,
        &mut found,
    );
    let report = with_progress("scrub", &progress, scrubbed).await;
    let report = report.map_err(|error| Failure::new(format!("the stores cannot be read: {error}")))?;
    if json {
        print_json(&json!({
            "checked": tally_json(&report.checked),
            "rewritten": tally_json(&report.rewritten),
            "plain": report.plain,
            "bodies": report.bodies,
            "damaged": damaged,
        }))?;
    } else {
        print(&summary(&report))?;
    }
    match report.damaged {
        0 => Ok(()),
        1 => Err(Failure::new("1 finding")),
        count => Err(Failure::new(format!("{count} findings"))),
    }
}

fn summary(report: &ScrubReport) -> String {
    let mut text = format!(
        "checked {} and {} bodies in records, rewrote {}\n",
        tally(&report.checked),
        report.bodies,
        tally(&report.rewritten)
    );
    if report.plain > 0 {
        text.push_str(&format!(
            "{} files without checksums stay, since nothing names their blobs\n",
            report.plain
        ));
    }
    text
}
