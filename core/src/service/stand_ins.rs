//! What stands in for time, randomness and settings in unit tests of the service.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use crate::config::{Limits, Settings};
use crate::memory::{MemoryBlobs, MemoryMetadata};
use crate::model::{RootCredential, Timestamp};
use crate::ports::{Clock, Entropy, Ports};

/// A clock that is set by hand, and a count in place of randomness.
#[derive(Default)]
pub(super) struct Hands(Mutex<Duration>, AtomicU64);

impl Hands {
    pub(super) fn set(&self, seconds: u64) {
        *self.0.lock().unwrap() = Duration::from_secs(seconds);
    }
}

#[async_trait]
impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0).plus(*self.0.lock().unwrap())
    }

    async fn sleep(&self, _duration: Duration) {}
}

impl Entropy for Hands {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.1.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (byte, count) in bytes.iter_mut().rev().zip(count.into_iter().rev()) {
            *byte = count;
        }
    }
}

/// Stores in memory, and their clock, which stands at the beginning of 1970.
pub(super) fn stores() -> (Ports, Arc<Hands>) {
    let hands = Arc::new(Hands::default());
    let ports = Ports {
        metadata: Arc::new(MemoryMetadata::default()),
        blobs: Arc::new(MemoryBlobs::new(hands.clone())),
        clock: hands.clone(),
        entropy: hands.clone(),
    };
    (ports, hands)
}

/// The settings of a service with no domain, whose root is `AKROOT` with the secret key `secret`.
pub(super) fn settings() -> Settings {
    Settings {
        region: "us-east-1".to_owned(),
        base_domains: Vec::new(),
        website_domains: Vec::new(),
        root: RootCredential::new("AKROOT", "secret"),
        account: Default::default(),
        new_buckets: Default::default(),
        sigv2: Default::default(),
        limits: Limits::default(),
    }
}
