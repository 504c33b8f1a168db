//! How far work on whole stores has come.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far a transfer or a check has come, for whoever watches it.
#[derive(Debug, Default)]
pub struct Progress {
    records: AtomicU64,
    blobs: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Records that have passed.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Blobs that have passed.
    pub fn blobs(&self) -> u64 {
        self.blobs.load(Ordering::Relaxed)
    }

    /// Bytes of blobs that have passed.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Notes records that have passed.
    pub fn pass_records(&self, count: u64) {
        self.records.fetch_add(count, Ordering::Relaxed);
    }

    /// Notes blobs that have passed.
    pub fn pass_blobs(&self, count: u64) {
        self.blobs.fetch_add(count, Ordering::Relaxed);
    }

    /// Notes bytes of blobs that have passed.
    pub fn pass_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }
}
