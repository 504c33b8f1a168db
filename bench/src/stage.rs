//! An endpoint that rows are measured at, what they prepare there, and what they take of the server.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::body::Body;
use crate::client::Client;
use crate::disk;
use crate::load::{self, Measured, Moved, Operation, Span};
use crate::process::Watched;
use bleepstore_bench::endpoint::Endpoint;

/// Where a BleepStore shows its counts, what is always among them, and how the lines begin that are of its round trips.
const METRICS: &str = "/_bleepstore/metrics";
const BUILD_INFO: &str = "bleepstore_build_info";
const DATABASE: &str = "bleepstore_database_round_trips_total";
const BLOBS: &str = "bleepstore_blob_round_trips_total";

/// How many operations no server answers within the 10 ms that processor time is told in.
const PLENTY: usize = 1_000;

/// How many connections prepare objects.
const PREPARING: usize = 64;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For a look: about a second for each row.
    Quick,
    /// For figures that are kept.
    Full,
}

impl Effort {
    /// The first of these for a look, the second otherwise.
    pub(crate) fn either<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// The endpoint under load.
pub(crate) struct Stage {
    pub(crate) endpoint: Endpoint,
    pub(crate) effort: Effort,
    /// The server's process, where it is known.
    process: Option<Watched>,
    /// Whether the server counts its round trips for whoever asks.
    has_metrics: bool,
    /// A folder on the disk that the server's data are on, where that is known.
    disk: Option<PathBuf>,
    /// How many objects each prepared bucket or folder has.
    prepared: RefCell<HashMap<&'static str, u64>>,
    runs: Cell<u64>,
    /// The most memory that the server had in use.
    peak: Cell<u64>,
}

/// What a row came to.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) measured: Measured,
    /// What the server took for it, where its process is known.
    pub(crate) server: Option<Costs>,
    /// Processor time of the generator.
    pub(crate) generator: Duration,
    pub(crate) round_trips: Option<RoundTrips>,
    /// How long `fdatasync` took around a row that waits for it.
    pub(crate) fdatasync: Option<Duration>,
    /// What a reader should know.
    pub(crate) note: Option<String>,
}

/// What a server took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    pub(crate) processor: Duration,
    /// Bytes of memory.
    pub(crate) peak: u64,
}

/// Calls to the server's stores.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RoundTrips {
    pub(crate) database: f64,
    pub(crate) blobs: f64,
}

impl Stage {
    /// A stage at an endpoint. If the server is a BleepStore that shows its metrics, they are read.
    pub(crate) fn new(
        endpoint: Endpoint,
        effort: Effort,
        process: Option<Watched>,
        disk: Option<PathBuf>,
    ) -> Self {
        let metrics = Client::connect(&endpoint).and_then(|mut client| client.text(METRICS));
        Self {
            has_metrics: metrics.is_ok_and(|text| text.contains(BUILD_INFO)),
            endpoint,
            effort,
            process,
            disk,
            prepared: RefCell::default(),
            runs: Cell::new(0),
            peak: Cell::new(0),
        }
    }

    /// A number that no row had before, so that keys are new.
    pub(crate) fn next_run(&self) -> u64 {
        self.runs.set(self.runs.get() + 1);
        self.runs.get()
    }

    /// The most memory that the server had in use so far.
    pub(crate) fn peak(&self) -> Result<u64, String> {
        if let Some(process) = self.process {
            self.peak.set(self.peak.get().max(process.peak_memory()?));
        }
        Ok(self.peak.get())
    }

    /// How long a row goes on.
    pub(crate) fn time(&self) -> Duration {
        self.effort.either(Duration::from_secs(1), Duration::from_secs(4))
    }

    /// Measures operations, one on each connection, while nothing is left of what came before on its way to the disk.
    pub(crate) fn measure(&self, operations: Vec<Operation<'_>>, span: Span) -> Result<Taken, String> {
        disk::settle();
        let mut counters = self.counters()?;
        let mut before = (Duration::ZERO, Duration::ZERO, RoundTrips::default());
        let measured = load::run(&self.endpoint, operations, span, || {
            self.peak()?;
            self.process.map_or(Ok(()), Watched::forget_peak)?;
            before = (
                self.processor_time()?,
                Watched::own().processor_time()?,
                round_trips(&mut counters)?,
            );
            Ok(())
        })?;
        let generator = Watched::own().processor_time()?.saturating_sub(before.1);
        let processor = self.processor_time()?.saturating_sub(before.0);
        let server = self.process.map(|process| {
            if processor.is_zero() && measured.latencies.len() > PLENTY {
                return Err("the process took no processor time: it is not the server's".to_owned());
            }
            let peak = process.peak_memory()?;
            Ok(Costs { processor, peak })
        });
        let server = server.transpose()?;
        self.peak()?;
        let after = round_trips(&mut counters)?;
        Ok(Taken {
            measured,
            server,
            generator,
            round_trips: self.has_metrics.then_some(RoundTrips {
                database: after.database - before.2.database,
                blobs: after.blobs - before.2.blobs,
            }),
            fdatasync: None,
            note: None,
        })
    }

    /// How long `fdatasync` takes at this moment, where the disk is known.
    pub(crate) fn fdatasync(&self) -> Result<Option<Duration>, String> {
        let disk = self.disk.as_deref();
        disk.map(disk::fdatasync).transpose()
    }

    fn processor_time(&self) -> Result<Duration, String> {
        self.process.map_or(Ok(Duration::ZERO), Watched::processor_time)
    }

    /// A connection for the server's own counts.
    fn counters(&self) -> Result<Option<Client>, String> {
        let client = self.has_metrics.then(|| Client::connect(&self.endpoint));
        client.transpose()
    }

    /// Makes sure that the objects `path(0)` to `path(count - 1)` are there, in a bucket that is created; how many there are
    /// once `limit` has passed.
    pub(crate) fn prepare(&self, objects: &Objects<'_>) -> Result<u64, String> {
        let known = objects
            .name
            .and_then(|name| self.prepared.borrow().get(name).copied());
        if let Some(count) = known {
            return Ok(count);
        }
        Client::connect(&self.endpoint)?.create_bucket(objects.bucket)?;
        let next = AtomicU64::new(0);
        let begun = Instant::now();
        let operations = (0..PREPARING).map(|_| {
            let operation: Operation<'_> = Box::new(|client: &mut Client| {
                if begun.elapsed() > objects.limit {
                    return Ok(None);
                }
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= objects.count {
                    return Ok(None);
                }
                client.put(&(objects.path)(index), objects.body)?;
                Ok(Some(Moved::default()))
            });
            operation
        });
        let span = Span {
            time: Duration::MAX,
            warm_up: 0,
        };
        let measured = load::run(&self.endpoint, operations.collect(), span, || Ok(()))?;
        let count = measured.latencies.len() as u64;
        if let Some(name) = objects.name {
            self.prepared.borrow_mut().insert(name, count);
        }
        Ok(count)
    }

    /// Deletes objects, which may be gone already.
    pub(crate) fn delete(&self, paths: impl IntoIterator<Item = String>) -> Result<(), String> {
        let mut client = Client::connect(&self.endpoint)?;
        paths.into_iter().try_for_each(|path| client.delete(&path))
    }
}

/// Objects that a row needs.
pub(crate) struct Objects<'a> {
    /// What they are known by, where other rows use them too.
    pub(crate) name: Option<&'static str>,
    pub(crate) bucket: &'a str,
    pub(crate) count: u64,
    /// `/bucket/key` of one of them.
    pub(crate) path: &'a (dyn Fn(u64) -> String + Sync),
    pub(crate) body: &'a Body,
    /// How long preparing them may take.
    pub(crate) limit: Duration,
}

/// The sums of all operations' round trips.
fn round_trips(client: &mut Option<Client>) -> Result<RoundTrips, String> {
    let Some(client) = client else {
        return Ok(RoundTrips::default());
    };
    let text = client.text(METRICS)?;
    Ok(RoundTrips {
        database: sum(&text, DATABASE),
        blobs: sum(&text, BLOBS),
    })
}

/// The sum of the samples whose lines begin so.
fn sum(text: &str, start: &str) -> f64 {
    let samples = text.lines().filter(|line| line.starts_with(start));
    let values = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_family_are_added() {
        let text = "# a_total\na_total{operation=\"GetObject\"} 2\na_total{operation=\"PutObject\"} 40\nb_total{} 9\n";
        assert!((sum(text, "a_total") - 42.0).abs() < f64::EPSILON);
    }
}
