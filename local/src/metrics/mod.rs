//! What the server counts about itself, for Prometheus.
//!
//! Labels are operations, statuses and outcomes: there are only so many of them. Buckets, keys and access keys are never
//! labels.

mod deliveries;
mod exposition;
mod histogram;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bleepstore_core::model::DestinationName;
use bleepstore_core::ops::{GcError, GcReport};
use bleepstore_core::ports::StoreResult;
use bleepstore_core::served::{RequestObserver, ServedRequest};

use self::deliveries::Deliveries;
use self::exposition::{Exposition, Kind, MICROSECONDS, ONES};
pub use self::histogram::Histogram;
use crate::events::Observed;
use crate::scrub::ScrubReport;

/// The content type of [`Metrics::render`]
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The bounds of the latencies' buckets, in microseconds.
const LATENCIES: &[u64] = &[
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000, 60_000_000,
];

/// The label of requests that were refused before it was known what they ask for.
const UNKNOWN: &str = "unknown";

/// The counts since the server's start.
#[derive(Default)]
pub struct Metrics {
    operations: Mutex<BTreeMap<&'static str, OperationCounts>>,
    connections: AtomicUsize,
    collections: Mutex<CollectionCounts>,
    scrubs: Mutex<ScrubCounts>,
    deliveries: Deliveries,
    group_sizes: Option<Arc<Histogram>>,
}

/// What is counted of scrubbing.
#[derive(Default)]
struct ScrubCounts {
    completed: u64,
    failed: u64,
    checked_blobs: u64,
    checked_bytes: u64,
    rewritten_blobs: u64,
    damaged: u64,
}

/// What is counted of one operation.
struct OperationCounts {
    /// Requests by status.
    requests: BTreeMap<u16, u64>,
    latency: Histogram,
    bytes_in: u64,
    bytes_out: u64,
    incomplete: u64,
    damaged: u64,
    database: u64,
    blobs: u64,
}

/// What is counted of garbage collection.
#[derive(Default)]
struct CollectionCounts {
    completed: u64,
    failed: u64,
    deleted_blobs: u64,
    deleted_bytes: u64,
    undeleted_blobs: u64,
    expired_uploads: u64,
}

impl OperationCounts {
    fn new() -> Self {
        Self {
            requests: BTreeMap::new(),
            latency: Histogram::new(LATENCIES),
            bytes_in: 0,
            bytes_out: 0,
            incomplete: 0,
            damaged: 0,
            database: 0,
            blobs: 0,
        }
    }
}

impl Metrics {
    /// Nothing is counted yet. `group_sizes` is the histogram of a metadata store that commits changes in groups.
    pub fn new(group_sizes: Option<Arc<Histogram>>) -> Self {
        Self {
            group_sizes,
            ..Self::default()
        }
    }

    /// Notes how many connections are open.
    pub fn connected(&self, open: usize) {
        self.connections.store(open, Ordering::Relaxed);
    }

    /// Notes a run of garbage collection.
    pub fn collected(&self, run: &Result<GcReport, GcError>) {
        let mut counts = locked(&self.collections);
        match run {
            Ok(report) => {
                counts.completed += 1;
                counts.deleted_blobs += report.deleted.blobs as u64;
                counts.deleted_bytes += report.deleted.bytes;
                counts.undeleted_blobs += report.failed.blobs as u64;
                counts.expired_uploads += report.expired_uploads as u64;
            }
            Err(_) => counts.failed += 1,
        }
    }

    /// Notes something that a scrub found to be damaged.
    pub fn found_damaged(&self) {
        locked(&self.scrubs).damaged += 1;
    }

    /// Notes a round of scrubbing.
    pub fn scrubbed(&self, round: &StoreResult<ScrubReport>) {
        let mut counts = locked(&self.scrubs);
        match round {
            Ok(report) => {
                counts.completed += 1;
                counts.checked_blobs += report.checked.blobs as u64;
                counts.checked_bytes += report.checked.bytes;
                counts.rewritten_blobs += report.rewritten.blobs as u64;
            }
            Err(_) => counts.failed += 1,
        }
    }

    /// Notes what became of events for a destination.
    pub fn events(&self, name: &DestinationName, observed: Observed<'_>) {
        self.deliveries.note(name, observed);
    }

    /// All counts in Prometheus's text format.
    pub fn render(&self) -> String {
        let mut text = Exposition::default();
        text.family("bleepstore_build_info", Kind::Gauge, "The version that runs.");
        text.sample("", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        text.family("bleepstore_connections", Kind::Gauge, "Open connections.");
        text.sample("", &[], self.connections.load(Ordering::Relaxed));
        render_operations(&locked(&self.operations), &mut text);
        if let Some(sizes) = &self.group_sizes {
            text.family(
                "bleepstore_group_commit_changes",
                Kind::Histogram,
                "Changes to the metadata that were made durable together.",
            );
            text.histogram(&[], sizes, ONES);
        }
        render_collections(&locked(&self.collections), &mut text);
        render_scrubs(&locked(&self.scrubs), &mut text);
        self.deliveries.render(&mut text);
        text.finish()
    }
}

impl RequestObserver for Metrics {
    fn served(&self, request: &ServedRequest) {
        let operation = request.operation.unwrap_or(UNKNOWN);
        let mut operations = locked(&self.operations);
        let counts = operations.entry(operation).or_insert_with(OperationCounts::new);
        *counts.requests.entry(request.status).or_default() += 1;
        counts
            .latency
            .observe(u64::try_from(request.duration.as_micros()).unwrap_or(u64::MAX));
        counts.bytes_in += request.bytes_in;
        counts.bytes_out += request.bytes_out;
        counts.incomplete += u64::from(!request.complete);
        counts.damaged += u64::from(request.damaged);
        counts.database += request.round_trips.database;
        counts.blobs += request.round_trips.blobs;
    }
}

fn locked<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A count of an operation: its name, its description, and where it is.
type OperationCounter = (&'static str, &'static str, fn(&OperationCounts) -> u64);

const OPERATION_COUNTERS: [OperationCounter; 6] = [
    (
        "bleepstore_request_bytes_total",
        "Bytes of requests' bodies that were read.",
        |counts| counts.bytes_in,
    ),
    (
        "bleepstore_response_bytes_total",
        "Bytes of responses' bodies that were taken.",
        |counts| counts.bytes_out,
    ),
    (
        "bleepstore_incomplete_responses_total",
        "Responses whose client left before their end, or that broke off.",
        |counts| counts.incomplete,
    ),
    (
        "bleepstore_damaged_requests_total",
        "Requests that met bytes or rows which are not what was stored.",
        |counts| counts.damaged,
    ),
    (
        "bleepstore_database_round_trips_total",
        "Calls to the metadata store.",
        |counts| counts.database,
    ),
    (
        "bleepstore_blob_round_trips_total",
        "Calls to the blob store.",
        |counts| counts.blobs,
    ),
];

fn render_operations(operations: &BTreeMap<&'static str, OperationCounts>, text: &mut Exposition) {
    text.family(
        "bleepstore_requests_total",
        Kind::Counter,
        "Requests by operation and status; 499 is a client that left before it was answered.",
    );
    for (operation, counts) in operations {
        for (status, requests) in &counts.requests {
            let status = status.to_string();
            text.sample("", &[("operation", operation), ("status", &status)], *requests);
        }
    }
    text.family(
        "bleepstore_request_duration_seconds",
        Kind::Histogram,
        "From a request's head to the end of its response.",
    );
    for (operation, counts) in operations {
        text.histogram(&[("operation", operation)], &counts.latency, MICROSECONDS);
    }
    for (name, help, count) in OPERATION_COUNTERS {
        text.family(name, Kind::Counter, help);
        for (operation, counts) in operations {
            text.sample("", &[("operation", operation)], count(counts));
        }
    }
}

fn render_collections(counts: &CollectionCounts, text: &mut Exposition) {
    text.family(
        "bleepstore_gc_runs_total",
        Kind::Counter,
        "Runs of garbage collection by this server.",
    );
    text.sample("", &[("outcome", "completed")], counts.completed);
    text.sample("", &[("outcome", "failed")], counts.failed);
    let rest = [
        (
            "bleepstore_gc_deleted_blobs_total",
            "Blobs that it deleted.",
            counts.deleted_blobs,
        ),
        (
            "bleepstore_gc_deleted_bytes_total",
            "Bytes that it deleted.",
            counts.deleted_bytes,
        ),
        (
            "bleepstore_gc_undeleted_blobs_total",
            "Blobs that it could not delete.",
            counts.undeleted_blobs,
        ),
        (
            "bleepstore_gc_expired_uploads_total",
            "Unfinished uploads that it aborted.",
            counts.expired_uploads,
        ),
    ];
    render_counters(&rest, text);
}

fn render_scrubs(counts: &ScrubCounts, text: &mut Exposition) {
    text.family(
        "bleepstore_scrub_rounds_total",
        Kind::Counter,
        "Rounds of scrubbing by this server.",
    );
    text.sample("", &[("outcome", "completed")], counts.completed);
    text.sample("", &[("outcome", "failed")], counts.failed);
    let rest = [
        (
            "bleepstore_scrub_checked_blobs_total",
            "Blobs that it found whole, in rounds that are completed.",
            counts.checked_blobs,
        ),
        (
            "bleepstore_scrub_checked_bytes_total",
            "Bytes of these blobs.",
            counts.checked_bytes,
        ),
        (
            "bleepstore_scrub_rewritten_blobs_total",
            "Blobs among them whose files had no checksums before.",
            counts.rewritten_blobs,
        ),
        (
            "bleepstore_scrub_damaged_total",
            "Blobs and bodies of small objects that it found damaged, each time that it did.",
            counts.damaged,
        ),
    ];
    render_counters(&rest, text);
}

fn render_counters(counters: &[(&'static str, &'static str, u64)], text: &mut Exposition) {
    for (name, help, value) in counters {
        text.family(name, Kind::Counter, help);
        text.sample("", &[], value);
    }
}
