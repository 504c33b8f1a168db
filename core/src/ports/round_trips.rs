//! How often the stores are asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Around, AroundBlobs, AroundMetadata, Ports, StoreError};

/// Calls to the two ports. In a cloud each is at least one round trip; where a store needs several for one call, its
/// table of costs says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoundTrips {
    /// Calls to the metadata store.
    pub database: u64,
    /// Calls to the blob store. A blob that is read or written in many pieces is one.
    pub blobs: u64,
}

/// Counts the calls that are made through [`Ports::counted_by`].
#[derive(Debug, Default)]
pub struct RoundTripCounter {
    database: AtomicU64,
    blobs: AtomicU64,
}

impl RoundTripCounter {
    /// The calls so far, also those that have not been answered yet.
    pub fn so_far(&self) -> RoundTrips {
        RoundTrips {
            database: self.database.load(Ordering::Relaxed),
            blobs: self.blobs.load(Ordering::Relaxed),
        }
    }
}

impl Ports {
    /// The same ports, with calls to the two stores counted.
    pub fn counted_by(&self, counter: &Arc<RoundTripCounter>) -> Self {
        let counting = |count: fn(&RoundTripCounter) -> &AtomicU64| Counting {
            counter: Arc::clone(counter),
            count,
        };
        let metadata = AroundMetadata::new(Arc::clone(&self.metadata), counting(|counter| &counter.database));
        let blobs = AroundBlobs::new(Arc::clone(&self.blobs), counting(|counter| &counter.blobs));
        Self {
            metadata: Arc::new(metadata),
            blobs: Arc::new(blobs),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }
}

struct Counting {
    counter: Arc<RoundTripCounter>,
    count: fn(&RoundTripCounter) -> &AtomicU64,
}

impl Around for Counting {
    async fn around<T, E>(
        &self,
        _method: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        (self.count)(&self.counter).fetch_add(1, Ordering::Relaxed);
        call.await
    }
}
