//! The time at which a fixture was made, running on.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::Clock;

/// A clock that runs from a given time, and that a test moves ahead.
pub(crate) struct ShiftedClock {
    from: Mutex<Timestamp>,
    started: Instant,
}

impl ShiftedClock {
    pub(crate) fn from(from: Timestamp) -> Self {
        Self {
            from: Mutex::new(from),
            started: Instant::now(),
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut from = self.from.lock().unwrap();
        *from = from.plus(by);
    }
}

#[async_trait]
impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        self.from.lock().unwrap().plus(self.started.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
