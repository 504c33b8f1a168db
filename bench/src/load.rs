//! The same operation over and over on several connections, each in a thread of its own.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use bleepstore_bench::endpoint::Endpoint;

/// What one operation moved.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    /// Bytes of objects.
    pub(crate) bytes: u64,
    /// Keys that were listed.
    pub(crate) keys: u64,
}

/// One connection's operations. `None` says that nothing is left to do.
pub(crate) type Operation<'a> = Box<dyn FnMut(&mut Client) -> Result<Option<Moved>, String> + Send + 'a>;

/// How long a load goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// No operation is begun after this time.
    pub(crate) time: Duration,
    /// Operations of each connection that are not counted, since they come first.
    pub(crate) warm_up: usize,
}

/// What a load came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// From the first beginning to the last end.
    pub(crate) elapsed: Duration,
    /// How long each operation took, in order of duration.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) bytes: u64,
    pub(crate) keys: u64,
}

impl Measured {
    /// The duration that this part of the operations does not exceed.
    pub(crate) fn percentile(&self, part: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let index = (last as f64 * part).round() as usize;
        self.latencies.get(index).copied().unwrap_or_default()
    }
}

/// Runs `operations`, one on each connection. `begun` is called once all have warmed up, and before the first operation that
/// counts.
pub(crate) fn run(
    endpoint: &Endpoint,
    operations: Vec<Operation<'_>>,
    span: Span,
    begun: impl FnOnce() -> Result<(), String>,
) -> Result<Measured, String> {
    let (warm, go) = (
        Barrier::new(operations.len() + 1),
        Barrier::new(operations.len() + 1),
    );
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = operations
            .into_iter()
            .map(|operation| {
                let worker = Worker {
                    warm: &warm,
                    go: &go,
                    stop: &stop,
                    span,
                };
                scope.spawn(move || worker.work(endpoint, operation))
            })
            .collect();
        warm.wait();
        let begun = begun();
        if begun.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        go.wait();
        let start = Instant::now();
        let mut measured = Measured::default();
        let mut failed = begun.err();
        for thread in threads {
            match thread.join() {
                Ok(Ok(part)) => {
                    measured.latencies.extend(part.latencies);
                    measured.bytes += part.bytes;
                    measured.keys += part.keys;
                }
                Ok(Err(complaint)) => failed = failed.or(Some(complaint)),
                Err(_) => failed = failed.or(Some("a connection's thread panicked".to_owned())),
            }
        }
        measured.elapsed = start.elapsed();
        measured.latencies.sort_unstable();
        failed.map_or(Ok(measured), Err)
    })
}

/// One connection's thread.
struct Worker<'a> {
    warm: &'a Barrier,
    go: &'a Barrier,
    stop: &'a AtomicBool,
    span: Span,
}

impl Worker<'_> {
    fn work(&self, endpoint: &Endpoint, mut operation: Operation<'_>) -> Result<Measured, String> {
        let ready = Client::connect(endpoint).and_then(|mut client| {
            for _ in 0..self.span.warm_up {
                operation(&mut client)?;
            }
            Ok(client)
        });
        self.warm.wait();
        self.go.wait();
        let done = ready.and_then(|mut client| self.measure(&mut client, &mut operation));
        if done.is_err() {
            self.stop.store(true, Ordering::Relaxed);
        }
        done
    }

    fn measure(&self, client: &mut Client, operation: &mut Operation<'_>) -> Result<Measured, String> {
        let mut measured = Measured::default();
        let start = Instant::now();
        let mut before = start;
        while before.duration_since(start) < self.span.time && !self.stop.load(Ordering::Relaxed) {
            let Some(moved) = operation(client)? else {
                break;
            };
            let after = Instant::now();
            measured.latencies.push(after.duration_since(before));
            measured.bytes += moved.bytes;
            measured.keys += moved.keys;
            before = after;
        }
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_durations() {
        let measured = Measured {
            latencies: (1..=101).map(Duration::from_millis).collect(),
            ..Measured::default()
        };
        assert_eq!(measured.percentile(0.5), Duration::from_millis(51));
        assert_eq!(measured.percentile(0.99), Duration::from_millis(100));
        assert_eq!(Measured::default().percentile(0.5), Duration::ZERO);
    }
}
