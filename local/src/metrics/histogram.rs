//! How values are distributed.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts whole numbers by the bucket that they fall into.
#[derive(Debug)]
pub struct Histogram {
    /// The largest value of each bucket, ascending; one more bucket has no bound.
    bounds: &'static [u64],
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
}

impl Histogram {
    /// An empty histogram. The bounds are inclusive and ascending.
    pub fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: std::iter::repeat_with(AtomicU64::default)
                .take(bounds.len() + 1)
                .collect(),
            sum: AtomicU64::default(),
        }
    }

    /// Counts a value.
    pub fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
            self.sum.fetch_add(value, Ordering::Relaxed);
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }

    /// Their sum.
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// The bounds, and how many values lie at or below each.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.bounds.iter().zip(&self.counts);
        counts.scan(0, |below, (bound, count)| {
            *below += count.load(Ordering::Relaxed);
            Some((*bound, *below))
        })
    }
}
