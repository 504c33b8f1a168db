//! What was measured, for people and for programs.

mod aims;
mod table;

use std::time::Duration;

use serde::Serialize;

use crate::machine::Machine;
use crate::rows::Row;
use crate::stage::Taken;

pub(crate) use table::print;

/// A run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// Whether it was only a look.
    pub(crate) quick: bool,
    /// The one that is measured, and then its peers.
    pub(crate) servers: Vec<ServerReport>,
}

/// What came of one server.
#[derive(Debug, Serialize)]
pub(crate) struct ServerReport {
    pub(crate) name: &'static str,
    /// Whether its writes are known to be on the disk before they are answered.
    pub(crate) durable: bool,
    pub(crate) starts: Option<Starts>,
    /// Memory before any load.
    pub(crate) idle_mib: Option<f64>,
    /// The most memory through all rows.
    pub(crate) peak_mib: Option<f64>,
    pub(crate) lines: Vec<Line>,
}

/// How soon a server answered.
#[derive(Debug, Serialize)]
pub(crate) struct Starts {
    pub(crate) count: usize,
    /// Over an empty folder.
    pub(crate) first_ms: f64,
    /// Over the folder that it made: the median of `count`.
    pub(crate) median_ms: f64,
}

/// A row at one number of connections.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Line {
    pub(crate) row: &'static str,
    pub(crate) title: &'static str,
    /// Whether its operations are writes, which cost more where they are durable.
    pub(crate) writes: bool,
    /// Connections, or parts in flight.
    pub(crate) parallel: usize,
    pub(crate) operations: usize,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Millions of bytes.
    pub(crate) megabytes_per_second: Option<f64>,
    pub(crate) keys_per_second: Option<f64>,
    /// Processor time of the server for one operation.
    pub(crate) server_us: Option<f64>,
    /// Processor time of the load generator for one operation.
    pub(crate) generator_us: f64,
    /// The most memory that the server had in use during this row.
    pub(crate) peak_mib: Option<f64>,
    /// Calls to the metadata store for one operation.
    pub(crate) database_calls: Option<f64>,
    /// Calls to the blob store for one operation.
    pub(crate) blob_calls: Option<f64>,
    /// How long `fdatasync` took before and after it: the mean of both medians.
    pub(crate) fdatasync_ms: Option<f64>,
    pub(crate) note: Option<String>,
    /// Why there are no figures.
    pub(crate) failed: Option<String>,
}

impl ServerReport {
    pub(crate) fn new(name: &'static str, durable: bool) -> Self {
        Self {
            name,
            durable,
            starts: None,
            idle_mib: None,
            peak_mib: None,
            lines: Vec::new(),
        }
    }

    /// The figures of a row, if there are any.
    fn line(&self, row: &str, parallel: usize) -> Option<&Line> {
        self.attempt(row, parallel).filter(|line| line.failed.is_none())
    }

    /// What came of a row that was measured, or failed.
    fn attempt(&self, row: &str, parallel: usize) -> Option<&Line> {
        let mut lines = self.lines.iter();
        lines.find(|line| line.row == row && line.parallel == parallel)
    }
}

impl Line {
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn of(row: &Row, parallel: usize, taken: &Taken) -> Self {
        let measured = &taken.measured;
        let operations = measured.latencies.len();
        let seconds = measured.elapsed.as_secs_f64();
        let each = |total: f64| total / operations.max(1) as f64;
        let rate = |total: u64, unit: f64| (total > 0).then(|| total as f64 / unit / seconds);
        Self {
            row: row.name,
            title: row.title,
            writes: row.writes,
            parallel,
            operations,
            seconds,
            per_second: operations as f64 / seconds,
            p50_ms: milliseconds(measured.percentile(0.5)),
            p99_ms: milliseconds(measured.percentile(0.99)),
            megabytes_per_second: rate(measured.bytes, 1e6),
            keys_per_second: rate(measured.keys, 1.0),
            server_us: taken
                .server
                .map(|costs| each(costs.processor.as_secs_f64() * 1e6)),
            generator_us: each(taken.generator.as_secs_f64() * 1e6),
            peak_mib: taken.server.map(|costs| mebibytes(costs.peak)),
            database_calls: taken.round_trips.map(|trips| each(trips.database)),
            blob_calls: taken.round_trips.map(|trips| each(trips.blobs)),
            fdatasync_ms: taken.fdatasync.map(milliseconds),
            note: taken.note.clone(),
            failed: None,
        }
    }

    pub(crate) fn failed(row: &Row, parallel: usize, complaint: String) -> Self {
        Self {
            row: row.name,
            title: row.title,
            writes: row.writes,
            parallel,
            failed: Some(complaint),
            ..Self::default()
        }
    }

    /// The line while the run goes on.
    pub(crate) fn glance(&self) -> String {
        let name = format!("{:<23} {:>2}", self.row, self.parallel);
        if let Some(complaint) = &self.failed {
            return format!("{name}  FAILED: {complaint}");
        }
        let server = self
            .server_us
            .map_or(String::new(), |us| format!("{us:>9.0} µs server"));
        let throughput = match (self.megabytes_per_second, self.keys_per_second) {
            (Some(rate), _) => format!("{rate:>9.1} MB/s"),
            (None, Some(rate)) => format!("{rate:>7.0} keys/s"),
            (None, None) => String::new(),
        };
        let p99 = self.known_p99().map_or(String::new(), |p99| format!("{p99:.2}"));
        format!(
            "{name} {:>9.1}/s  p50 {:>8.2} ms  p99 {p99:>8} ms {server} {throughput}",
            self.per_second, self.p50_ms
        )
    }

    /// The 99th percentile, where there were enough operations to have one.
    fn known_p99(&self) -> Option<f64> {
        (self.operations >= 100).then_some(self.p99_ms)
    }
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
