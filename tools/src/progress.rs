//! How far a subcommand has come, for whoever waits for it.

use std::future::Future;
use std::io::{self, IsTerminal};
use std::time::Duration;

use bleepstore_core::ops::Progress;
use indicatif::ProgressBar;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::output::tell;

/// How often a person sees a change.
const ON_TERMINAL: Duration = Duration::from_millis(200);

/// How often a log gets a line.
const IN_LOG: Duration = Duration::from_secs(10);

/// Does `work` and shows on standard error how far it has come: as a line that changes on a terminal, elsewhere as a
/// line every 10 seconds.
pub async fn with_progress<T>(label: &str, progress: &Progress, work: impl Future<Output = T>) -> T {
    let bar = io::stderr().is_terminal().then(ProgressBar::new_spinner);
    let every = if bar.is_some() { ON_TERMINAL } else { IN_LOG };
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tokio::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => {
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                }
                return result;
            }
            _ = ticks.tick() => match &bar {
                Some(bar) => {
                    bar.set_message(line(label, progress));
                    bar.tick();
                }
                None => tell(&line(label, progress)),
            },
        }
    }
}

fn line(label: &str, progress: &Progress) -> String {
    let mut line = format!("{label}: {} records", progress.records());
    if progress.blobs() > 0 || progress.bytes() > 0 {
        line += &format!(", {} blobs, {} bytes", progress.blobs(), progress.bytes());
    }
    line
}
