//! Garbage collection beside requests.

use std::time::Duration;

use bleepstore_core::Ports;
use bleepstore_core::ops::{Collection, GcError, GcOptions, GcReport};

/// A server that has just started has other things to do, but one that is restarted often collects too.
const AFTER_START: Duration = Duration::from_secs(10 * 60);

/// How long requests have the disk for themselves between two slices.
const PAUSE: Duration = Duration::from_secs(10);

/// Collects garbage each time `every` has passed, slice after slice until a round is finished. What is younger than 24
/// hours stays, since requests may be writing it. `observe` is told how each round ended.
pub async fn collect_on_schedule(
    ports: Ports,
    every: Duration,
    observe: impl Fn(&Result<GcReport, GcError>),
) {
    ports.clock.sleep(every.min(AFTER_START)).await;
    loop {
        let ended = collect_round(&ports).await;
        observe(&ended);
        match ended {
            Ok(round) => tracing::info!(
                seen = round.seen.blobs,
                deleted = round.deleted.blobs,
                deleted_bytes = round.deleted.bytes,
                failed = round.failed.blobs,
                expired_uploads = round.expired_uploads,
                unreadable_layouts = round.unreadable_layouts,
                "garbage was collected"
            ),
            Err(error) => tracing::warn!(%error, "garbage was not collected"),
        }
        ports.clock.sleep(every).await;
    }
}

/// The rest of a round that was begun, or a whole one.
async fn collect_round(ports: &Ports) -> Result<GcReport, GcError> {
    let mut collection = Collection::new(GcOptions::default());
    let mut round = GcReport::default();
    loop {
        let slice = collection.next_slice(ports).await?;
        round += &slice;
        if round.next.is_none() {
            return Ok(round);
        }
        ports.clock.sleep(PAUSE).await;
    }
}
