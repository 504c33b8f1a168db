//! Time that stands still until a test moves it.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::Clock;
use tokio::sync::watch;

/// A clock that is moved by hand.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now: watch::Sender::new(now),
        }
    }

    /// Moves the clock. Sleeps that end by then complete.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = now.plus(by));
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let mut now = self.now.subscribe();
        let end = now.borrow_and_update().plus(duration);
        now.wait_for(|now| *now >= end)
            .await
            .expect("the clock is borrowed, so its sender lives");
    }
}

/// A clock that stands still, whose waits are over at once and are remembered.
#[derive(Debug)]
pub struct SkippingClock {
    now: Timestamp,
    waits: Mutex<Vec<Duration>>,
}

impl SkippingClock {
    /// A clock that shows `now`.
    pub const fn at(now: Timestamp) -> Self {
        Self {
            now,
            waits: Mutex::new(Vec::new()),
        }
    }

    /// The waits that were longer than nothing, since the last look.
    pub fn take_waits(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.waits.lock().unwrap())
    }
}

#[async_trait]
impl Clock for SkippingClock {
    fn now(&self) -> Timestamp {
        self.now
    }

    async fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            self.waits.lock().unwrap().push(duration);
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::{FutureExt, poll};

    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_when_the_clock_has_been_moved_past_it() {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let mut sleep = clock.sleep(Duration::from_millis(10)).boxed();
        assert_eq!(poll!(&mut sleep), Poll::Pending);
        clock.advance(Duration::from_millis(9));
        assert_eq!(poll!(&mut sleep), Poll::Pending);
        clock.advance(Duration::from_millis(1));
        assert_eq!(poll!(&mut sleep), Poll::Ready(()));
        assert_eq!(clock.now(), Timestamp::from_millis(10));
    }
}
