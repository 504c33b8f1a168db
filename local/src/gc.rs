//! The subcommand `gc`.

use std::io::{self, Write};
use std::time::Duration;

use bleepstore_core::Ports;
use bleepstore_core::model::BlobRef;
use bleepstore_core::ops::{GcError, GcOptions, GcReport, Tally, collect_slice, establish_ownership};

use crate::config::{GcArgs, Metadata};
use crate::data_dir::DataDir;
use crate::failure::{Failure, Result};
use crate::stores::Stores;

/// Deletes the bytes that no object names, in one round over the whole store. No server may hold the folder meanwhile.
pub(crate) async fn gc(args: GcArgs) -> Result<()> {
    if args.store.metadata == Metadata::Memory {
        return Err(Failure::usage(
            "gc needs a data folder: memory keeps nothing to collect",
        ));
    }
    let folder = DataDir::open_existing(&args.store.data_dir)?;
    let stores = Stores::in_folder(&folder, args.store.metadata)?;
    let ownership = establish_ownership(&stores.ports).await;
    ownership.map_err(|error| Failure::new(format!("the stores cannot be used: {error}")))?;
    let options = GcOptions {
        grace: args.grace,
        exclusive: true,
        dry_run: args.dry_run,
        force: args.force,
        ..GcOptions::default()
    };
    let collected = collect(&stores.ports, &options).await;
    stores.close().await;
    print(
        &collected.map_err(|error| Failure::new(error.to_string()))?,
        &options,
    )
}

async fn collect(ports: &Ports, options: &GcOptions) -> std::result::Result<GcReport, GcError> {
    let mut total = GcReport::default();
    let mut cursor: Option<BlobRef> = None;
    loop {
        let slice = collect_slice(ports, options, cursor).await?;
        total += &slice;
        match slice.next {
            Some(next) => cursor = Some(next),
            None => return Ok(total),
        }
    }
}

fn print(total: &GcReport, options: &GcOptions) -> Result<()> {
    let deleted = if options.dry_run {
        "would delete"
    } else {
        "deleted"
    };
    let mut text = format!(
        "looked at {}, {deleted} {}\n",
        tally(&total.seen),
        tally(&total.deleted)
    );
    if total.expired_uploads > 0 {
        text.push_str(&format!("aborted {} unfinished uploads\n", total.expired_uploads));
    }
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Failure::new(format!("standard output cannot be written: {error}")))?;
    if total.failed.blobs > 0 {
        return Err(Failure::new(format!(
            "{} could not be deleted",
            tally(&total.failed)
        )));
    }
    Ok(())
}

fn tally(tally: &Tally) -> String {
    format!("{} blobs ({} bytes)", tally.blobs, tally.bytes)
}

/// Reads a duration such as `24h`: a whole number and one of `s`, `m`, `h`, `d`.
pub(crate) fn duration(text: &str) -> std::result::Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];
    let parsed = units.into_iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds)
    });
    parsed
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a number and s, m, h or d, such as 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        for bad in [
            "",
            "5",
            "h",
            "-1h",
            "1.5h",
            "1 h",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
