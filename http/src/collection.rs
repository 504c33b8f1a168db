//! Garbage collection where a schedule of the platform asks for it.

#[cfg(test)]
mod tests;

use std::pin::pin;
use std::time::Duration;

use bleepstore_core::ops::{Collection, GcError, GcOptions, GcReport, Tally};
use bleepstore_core::{Ports, Service};
use futures_util::future::{Either, select};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// Why nothing was collected. The next run of the schedule begins where this one did.
#[derive(Debug, thiserror::Error)]
pub enum CollectionError {
    /// It took too long.
    #[error("a slice of garbage was not collected within {} s", .0.as_secs())]
    TooLong(Duration),
    /// The stores or the rules of garbage collection refused.
    #[error(transparent)]
    Refused(#[from] GcError),
}

/// What a process keeps between the runs of a schedule, which need not reach the same process: the mark of a round. A mark
/// does not age while its process is frozen.
pub struct ScheduledCollection(Mutex<Collection>);

/// The memory of a function is small, and serves requests too. Names are exact up to some 170,000 blobs; 1 in 200 blobs
/// that nothing names is taken for named where there are 8 million.
const MARK_MEMORY: usize = 16 << 20;

impl Default for ScheduledCollection {
    fn default() -> Self {
        Self::new(GcOptions {
            mark_memory: MARK_MEMORY,
            ..GcOptions::default()
        })
    }
}

impl ScheduledCollection {
    fn new(options: GcOptions) -> Self {
        Self(Mutex::new(Collection::new(options)))
    }

    /// Collects slices of garbage until the round is finished or another one would probably not be within `limit`, and gives
    /// up then. The report of all of them as a JSON document, which is also logged. An error where a slice was refused, or
    /// none came to its end; a mark that was complete is kept, and a longer run gets further.
    pub async fn run(&self, service: &Service, limit: Duration) -> Result<Value, CollectionError> {
        let ports = &service.context().ports;
        let mut collected = None;
        let ended = {
            let too_late = pin!(ports.clock.sleep(limit));
            let collecting = pin!(self.collect(ports, limit, &mut collected));
            match select(too_late, collecting).await {
                Either::Left(_) => None,
                Either::Right((ended, _)) => Some(ended),
            }
        };
        if ended.is_none() {
            tracing::info!("a slice of garbage was given up: the next run collects it");
        }
        let report = collected.as_ref().map(document);
        if let Some(report) = &report {
            tracing::info!(%report, "garbage was collected");
        }
        ended.unwrap_or(Ok(()))?;
        report.ok_or(CollectionError::TooLong(limit))
    }

    async fn collect(
        &self,
        ports: &Ports,
        limit: Duration,
        collected: &mut Option<GcReport>,
    ) -> Result<(), GcError> {
        let run = ports.clock.elapsed();
        let mut collection = self.0.lock().await;
        loop {
            let began = ports.clock.elapsed();
            let slice = collection.next_slice(ports).await?;
            *collected.get_or_insert_default() += &slice;
            // The next one probably needs no mark.
            let now = ports.clock.elapsed();
            let took = now.saturating_sub(began).saturating_sub(slice.marking);
            if slice.next.is_none() || now.saturating_sub(run) + took > limit {
                return Ok(());
            }
        }
    }
}

fn document(report: &GcReport) -> Value {
    let tally = |tally: Tally| json!({ "blobs": tally.blobs, "bytes": tally.bytes });
    json!({
        "seen": tally(report.seen),
        "deleted": tally(report.deleted),
        "failed": tally(report.failed),
        "expired_uploads": report.expired_uploads,
        "unreadable_layouts": report.unreadable_layouts,
        "round_finished": report.next.is_none(),
    })
}
