//! What stands in for time, randomness and stores in unit tests of operations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use crate::memory::{MemoryBlobs, MemoryMetadata};
use crate::model::Timestamp;
use crate::ports::{Clock, Entropy, Ports};

/// A clock that stands still until it is moved on.
#[derive(Default)]
pub(in crate::ops) struct Hands(Mutex<Duration>);

impl Hands {
    pub(in crate::ops) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

#[async_trait]
impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0).plus(*self.0.lock().unwrap())
    }

    async fn sleep(&self, _duration: Duration) {}
}

/// Counts in place of randomness.
#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (byte, count) in bytes.iter_mut().rev().zip(count.into_iter().rev()) {
            *byte = count;
        }
    }
}

/// Stores in memory. No body lies in its record, and a layout of more entries than `layout_limit` does not either.
pub(in crate::ops) fn ports(layout_limit: usize) -> Ports {
    let clock: Arc<dyn Clock> = Arc::new(Hands::default());
    Ports {
        metadata: Arc::new(MemoryMetadata::new(0, layout_limit)),
        blobs: Arc::new(MemoryBlobs::new(clock.clone())),
        clock,
        entropy: Arc::new(Counting::default()),
    }
}
