//! The subcommand `stats`.

use bleepstore_core::Ports;
use bleepstore_core::ops::{self, BucketStats, Progress, Stats};
use clap::Args;
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::output::{print, print_json, tally, tally_json};
use crate::progress::with_progress;

/// Arguments of `stats`.
#[derive(Clone, Debug, Args)]
pub struct StatsArgs {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn stats(ports: &Ports, args: &StatsArgs) -> Result<()> {
    let progress = Progress::default();
    let stats = with_progress("stats", &progress, ops::stats(ports, &progress)).await;
    let stats = stats.map_err(|error| Failure::new(format!("the stores cannot be read: {error}")))?;
    if args.json {
        print_json(&document(&stats))
    } else {
        print(&text(&stats))
    }
}

fn text(stats: &Stats) -> String {
    let sum = |of: fn(&BucketStats) -> u64| stats.buckets.iter().map(of).sum::<u64>();
    let mut text = String::new();
    let mut line = |name: &str, value: String| text += &format!("{name:<12} {value}\n");
    if let Some(store) = &stats.store {
        let state = if store.active {
            ""
        } else {
            ", an import is not finished"
        };
        line("store", format!("{}, epoch {}{state}", store.store, store.epoch));
    }
    line("buckets", stats.buckets.len().to_string());
    line(
        "objects",
        format!("{} ({} bytes)", sum(|b| b.objects), sum(|b| b.bytes)),
    );
    if sum(|b| b.versions + b.markers) > 0 {
        let versions = format!("{} ({} bytes)", sum(|b| b.versions), sum(|b| b.version_bytes));
        line("versions that are not current", versions);
        line("delete markers", sum(|b| b.markers).to_string());
    }
    line(
        "open uploads",
        format!("{} ({} bytes)", sum(|b| b.uploads), sum(|b| b.upload_bytes)),
    );
    line("credentials", stats.credentials.to_string());
    line("stored", tally(&stats.blobs));
    line(
        "garbage",
        match &stats.garbage {
            Some(garbage) => tally(garbage),
            None => "unknown: the two stores do not carry the same owner record".to_owned(),
        },
    );
    for bucket in &stats.buckets {
        text += &format!(
            "  {}: {} objects ({} bytes), {} open uploads ({} bytes), of {}\n",
            bucket.name,
            bucket.objects,
            bucket.bytes,
            bucket.uploads,
            bucket.upload_bytes,
            bucket.owner.display_name
        );
    }
    text
}

fn document(stats: &Stats) -> Value {
    let bucket = |bucket: &BucketStats| {
        json!({
            "name": bucket.name.as_str(),
            "owner": bucket.owner.id,
            "objects": bucket.objects,
            "bytes": bucket.bytes,
            "versions": bucket.versions,
            "version_bytes": bucket.version_bytes,
            "markers": bucket.markers,
            "uploads": bucket.uploads,
            "upload_bytes": bucket.upload_bytes,
        })
    };
    json!({
        "store": stats.store.map(|record| record.store.to_string()),
        "epoch": stats.store.map(|record| record.epoch),
        "active": stats.store.map(|record| record.active),
        "buckets": stats.buckets.iter().map(bucket).collect::<Vec<_>>(),
        "credentials": stats.credentials,
        "blobs": tally_json(&stats.blobs),
        "garbage": stats.garbage.as_ref().map(tally_json),
    })
}
