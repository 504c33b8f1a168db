//! Time and randomness, given to the core so that every test is deterministic.

use std::time::Duration;

use async_trait::async_trait;

use crate::model::{Timestamp, UploadId};

/// Wall-clock time, time that passes, and waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Time since some moment, for measuring how long something takes and how old something is. In a process it never goes
    /// back, whoever sets the wall clock. A clock that nobody sets may leave it to this, which is the wall clock's.
    fn elapsed(&self) -> Duration {
        self.now().since(Timestamp::from_millis(0))
    }

    /// Returns once `duration` has passed on this clock.
    async fn sleep(&self, duration: Duration);
}

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`. Two calls never give the same 16 bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// A fresh identifier, such as `new_id(entropy, BlobId::from_bytes)`.
pub fn new_id<T>(entropy: &dyn Entropy, make: impl FnOnce([u8; 16]) -> T) -> T {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    make(bytes)
}

/// A fresh upload id that starts at `initiated`.
pub fn new_upload_id(entropy: &dyn Entropy, initiated: Timestamp) -> UploadId {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    UploadId::new(initiated, random)
}

/// Waits before attempt number `attempt` at something: not at all before the first two, then up to 20 ms,
/// doubled each time up to 640 ms, with jitter.
pub async fn back_off(clock: &dyn Clock, entropy: &dyn Entropy, attempt: u32) {
    if attempt > 1 {
        let mut jitter = [0; 1];
        entropy.fill(&mut jitter);
        let ceiling = 10_u64 << (attempt - 1).min(6);
        clock
            .sleep(Duration::from_millis(ceiling * u64::from(jitter[0]) / 255))
            .await;
    }
}
