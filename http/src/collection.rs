//! Garbage collection where a schedule of the platform asks for it.

use std::time::Duration;

use bleepstore_core::Service;
use bleepstore_core::ops::{GcError, GcOptions, GcReport, Tally, resume_collection};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Why a slice was not collected. The next run of the schedule begins where this one did.
#[derive(Debug, thiserror::Error)]
pub enum CollectionError {
    /// It took too long.
    #[error("a slice of garbage was not collected within {} s", .0.as_secs())]
    TooLong(Duration),
    /// The stores or the rules of garbage collection refused.
    #[error(transparent)]
    Refused(#[from] GcError),
}

/// Collects the next slice of garbage, giving up after `limit`. The report as a JSON document, which is also logged.
pub async fn collect(service: &Service, limit: Duration) -> Result<Value, CollectionError> {
    let options = GcOptions::default();
    let slice = resume_collection(&service.context().ports, &options);
    let report = timeout(limit, slice)
        .await
        .map_err(|_| CollectionError::TooLong(limit))??;
    let document = document(&report);
    tracing::info!(report = %document, "garbage was collected");
    Ok(document)
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
