//! The subcommand `fsck`.

use std::time::Duration;

use bleepstore_core::Ports;
use bleepstore_core::ops::{Finding, FsckOptions, FsckReport, Progress, check_slice};
use clap::Args;
use serde_json::{Value, json};

use crate::duration::duration;
use crate::failure::{Failure, Result};
use crate::output::{print, print_json, tally, tally_json};
use crate::progress::with_progress;

/// Arguments of `fsck`.
#[derive(Clone, Debug, Args)]
pub struct FsckArgs {
    /// Read every blob that a record names, and compare its CRC-64/NVME with the record's
    #[arg(long)]
    verify_checksums: bool,
    /// Take a blob that nothing names for a finding once it is older than this, such as 30m, 24h or 7d; with less than
    /// 24h, uploads that are under way look like findings
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = duration)]
    grace: Duration,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Checks the whole store, prints what it finds, and fails if it finds anything.
pub(crate) async fn fsck(ports: &Ports, args: &FsckArgs) -> Result<()> {
    let options = FsckOptions {
        grace: args.grace,
        verify_checksums: args.verify_checksums,
        ..FsckOptions::default()
    };
    let progress = Progress::default();
    let total = with_progress("fsck", &progress, check(ports, &options, args.json, &progress)).await?;
    if args.json {
        print_json(&json!({
            "records": total.records,
            "blobs": tally_json(&total.blobs),
            "verified": tally_json(&total.verified),
            "findings": total.findings.iter().map(document).collect::<Vec<_>>(),
        }))?;
    } else {
        let verified = if args.verify_checksums {
            format!(", read {}", tally(&total.verified))
        } else {
            String::new()
        };
        print(&format!(
            "checked {} records and {}{verified}\n",
            total.records,
            tally(&total.blobs)
        ))?;
    }
    match total.findings.len() {
        0 => Ok(()),
        1 => Err(Failure::new("1 finding")),
        count => Err(Failure::new(format!("{count} findings"))),
    }
}

async fn check(ports: &Ports, options: &FsckOptions, json: bool, progress: &Progress) -> Result<FsckReport> {
    let mut total = FsckReport::default();
    let mut cursor = None;
    loop {
        let slice = check_slice(ports, options, cursor, progress).await;
        let slice = slice.map_err(|error| Failure::new(format!("the stores cannot be read: {error}")))?;
        if !json {
            let lines: String = slice
                .findings
                .iter()
                .map(|finding| format!("{finding}\n"))
                .collect();
            print(&lines)?;
        }
        total += slice;
        match total.next {
            Some(next) => cursor = Some(next),
            None => return Ok(total),
        }
    }
}

fn document(finding: &Finding) -> Value {
    let mut document = json!({ "finding": finding.name(), "text": finding.to_string() });
    if let Some(blob) = finding.blob() {
        document["blob"] = blob.to_string().into();
    }
    if let Some(named_by) = finding.named_by() {
        document["named_by"] = named_by.to_string().into();
    }
    document
}
