//! What was asked of Firestore, counted where the calls are made.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a store has asked of Firestore since it was made. Documents are what Firestore bills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls, those that failed included.
    pub round_trips: u64,
    /// Documents that were read. One that was looked for and is missing counts, and so does a query that finds none.
    pub reads: u64,
    /// Documents that were written.
    pub writes: u64,
    /// Documents that were deleted.
    pub deletes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    round_trips: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
    deletes: AtomicU64,
}

impl Counters {
    pub(super) fn round_trip(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, documents: usize) {
        self.reads.fetch_add(documents as u64, Ordering::Relaxed);
    }

    pub(super) fn wrote(&self, puts: usize, deletions: usize) {
        self.writes.fetch_add(puts as u64, Ordering::Relaxed);
        self.deletes.fetch_add(deletions as u64, Ordering::Relaxed);
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            round_trips: self.round_trips.load(Ordering::Relaxed),
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            deletes: self.deletes.load(Ordering::Relaxed),
        }
    }
}
