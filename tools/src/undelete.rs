//! The subcommand `undelete`.

use std::time::Duration;

use bleepstore_core::Ports;
use bleepstore_core::model::{BucketName, ObjectKind, Timestamp};
use bleepstore_core::ops::{self, BroughtBack, Progress, UndeleteOptions, UndeleteReport, Undeleted};
use clap::Args;
use serde_json::{Value, json};

use crate::duration::duration;
use crate::failure::{Failure, Result};
use crate::output::{print, print_json};
use crate::progress::with_progress;

/// Arguments of `undelete`.
#[derive(Clone, Debug, Args)]
pub struct UndeleteArgs {
    /// The bucket, and the prefix of the keys: s3://BUCKET or s3://BUCKET/PREFIX
    #[arg(value_name = "s3://BUCKET/PREFIX", value_parser = place)]
    place: Place,
    /// Bring back what was current then: a time such as 2026-11-29T10:00:00Z, or how long ago, such as 30m, 2h or 3d
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Since,
    /// Do it; without this, only say what would come back
    #[arg(long)]
    yes: bool,
    /// Print JSON: a line for each key, and the report as the last line
    #[arg(long)]
    json: bool,
}

/// Keys of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    bucket: BucketName,
    prefix: String,
}

fn place(text: &str) -> std::result::Result<Place, String> {
    let rest = text.strip_prefix("s3://").ok_or("expected s3://BUCKET/PREFIX")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(Place {
        bucket: BucketName::new(bucket).map_err(|error| error.to_string())?,
        prefix: prefix.to_owned(),
    })
}

/// A time, as an argument names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    At(Timestamp),
    Ago(Duration),
}

fn since(text: &str) -> std::result::Result<Since, String> {
    let at = Timestamp::from_rfc_3339(text).map(Since::At);
    let ago = || duration(text).ok().map(Since::Ago);
    at.or_else(ago).ok_or_else(|| {
        "expected a time such as 2026-11-29T10:00:00Z, or a number and s, m, h or d, such as 2h".to_owned()
    })
}

/// Brings back what was deleted or overwritten since a time, or says what would come back.
pub(crate) async fn undelete(ports: &Ports, args: &UndeleteArgs) -> Result<()> {
    let now = ports.clock.now();
    let since = match args.since {
        Since::At(time) if time > now => return Err(Failure::usage("--since is a time that is yet to come")),
        Since::At(time) => time,
        Since::Ago(ago) => now.minus(ago),
    };
    let options = UndeleteOptions {
        bucket: args.place.bucket.clone(),
        prefix: args.place.prefix.clone(),
        since,
        dry_run: !args.yes,
    };
    let mut each = |told: Undeleted| {
        let printed = match args.json {
            true => print_json(&document(&told)),
            false => print(&line(&told, args.yes)),
        };
        if let Err(error) = printed {
            // The counts at the end still tell.
            tracing::warn!(%error, "a key was not printed");
        }
    };
    let progress = Progress::default();
    let undeleted = ops::undelete(ports, &options, &progress, &mut each);
    let report = with_progress("undelete", &progress, undeleted).await;
    let report = report.map_err(|error| Failure::new(error.to_string()))?;
    if args.json {
        print_json(&totals(&report, &options))?;
    } else {
        print(&summary(&report, &options))?;
    }
    match report.failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} keys are not as they were"))),
    }
}

fn line(told: &Undeleted, done: bool) -> String {
    match told {
        Undeleted::Back(back) => format!(
            "{} {}: version {} of {} ({} bytes), which was {}\n",
            if done { "brought back" } else { "would bring back" },
            back.key,
            back.version,
            time(back.written),
            back.size,
            over(back),
        ),
        Undeleted::Failed { key, problem } => format!("cannot bring back {key}: {problem}\n"),
    }
}

fn over(back: &BroughtBack) -> &'static str {
    match back.over {
        ObjectKind::DeleteMarker => "deleted",
        ObjectKind::Object => "overwritten",
    }
}

fn summary(report: &UndeleteReport, options: &UndeleteOptions) -> String {
    let UndeleteReport {
        keys,
        unchanged,
        absent,
        same,
        brought_back,
        bytes,
        failed: _,
    } = report;
    let (verb, advice) = match options.dry_run {
        true => ("would bring back", "nothing was changed: --yes does it\n"),
        false => ("brought back", ""),
    };
    format!(
        "of {keys} keys {verb} {brought_back} ({bytes} bytes) as they were at {}\n\
         left alone {unchanged} that did not change, {same} that are as they were, and {absent} that had no object then\n\
         {advice}",
        time(options.since),
    )
}

/// To the millisecond, so that it can be given as an argument again.
fn time(time: Timestamp) -> String {
    let millis = time.millis().rem_euclid(1_000);
    time.iso_8601().replace(".000Z", &format!(".{millis:03}Z"))
}

fn document(told: &Undeleted) -> Value {
    match told {
        Undeleted::Back(back) => json!({
            "key": back.key.as_str(),
            "version": back.version.to_string(),
            "written": time(back.written),
            "bytes": back.size,
            "was": over(back),
        }),
        Undeleted::Failed { key, problem } => json!({ "key": key.as_str(), "problem": problem }),
    }
}

fn totals(report: &UndeleteReport, options: &UndeleteOptions) -> Value {
    json!({
        "since": time(options.since),
        "keys": report.keys,
        "unchanged": report.unchanged,
        "absent": report.absent,
        "same": report.same,
        "brought_back": report.brought_back,
        "bytes": report.bytes,
        "failed": report.failed,
        "dry_run": options.dry_run,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_perhaps_a_prefix() {
        let read = |text| place(text).map(|place| (place.bucket.to_string(), place.prefix));
        let of = |bucket: &str, prefix: &str| Ok((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(read("s3://photos"), of("photos", ""));
        assert_eq!(read("s3://photos/"), of("photos", ""));
        assert_eq!(read("s3://photos/a/b"), of("photos", "a/b"));
        assert_eq!(read("s3://photos//a"), of("photos", "/a"));
        for bad in [
            "",
            "photos",
            "photos/a",
            "s3:/photos",
            "s3://",
            "s3:///a",
            "S3://photos",
        ] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_a_date_or_an_age() {
        assert_eq!(
            since("1970-01-01T00:00:01.5Z"),
            Ok(Since::At(Timestamp::from_millis(1_500)))
        );
        assert_eq!(since("2h"), Ok(Since::Ago(Duration::from_secs(7_200))));
        for bad in ["", "now", "2026-11-29", "-2h", "2026-11-29 10:00"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_printed_so_that_it_can_be_given_again() {
        for millis in [0, 7, 1_445_412_480_999, -1] {
            let printed = time(Timestamp::from_millis(millis));
            assert_eq!(
                since(&printed),
                Ok(Since::At(Timestamp::from_millis(millis))),
                "{printed}"
            );
        }
        assert_eq!(time(Timestamp::from_millis(7)), "1970-01-01T00:00:00.007Z");
    }
}
