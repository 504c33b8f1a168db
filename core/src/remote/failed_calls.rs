//! Calls to a cloud's service that failed, and when they are made again.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{Clock, Entropy, StoreError};

/// How often in a row a call may fail.
const ATTEMPTS: u32 = 6;

/// The ceiling of the wait before the second attempt; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Where a service asks for a longer wait than this, the client is told and waits itself.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a call does: whether one that failed could have changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads.
    Read,
    /// It writes.
    Write,
}

/// A call that failed.
#[derive(Debug)]
pub struct FailedCall {
    /// The HTTP status of the answer, where there was one.
    pub status: Option<u16>,
    /// Whether the same call may succeed later.
    pub transient: bool,
    /// What the core is told.
    pub error: StoreError,
}

impl FailedCall {
    /// A failure that the same call would meet again.
    pub fn for_good(error: StoreError) -> Self {
        Self {
            status: None,
            transient: false,
            error,
        }
    }

    /// Whether the answer was `404 Not Found`.
    pub fn is_not_found(&self) -> bool {
        self.status == Some(404)
    }
}

impl From<FailedCall> for StoreError {
    fn from(failed: FailedCall) -> Self {
        failed.error
    }
}

/// Makes calls again that failed, for stores whose calls may all be repeated.
pub struct Retries {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Retries {
    /// Waits by `clock`, with jitter from `entropy`.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// Makes a call until it succeeds, six times at most.
    pub async fn until_answered<T, F>(&self, call: impl Fn() -> F) -> Result<T, FailedCall>
    where
        F: Future<Output = Result<T, FailedCall>>,
    {
        let mut failures = 0;
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(failed) => {
                    failures += 1;
                    self.pause(failures, failed).await?;
                }
            }
        }
    }

    /// Waits before the next attempt, after so many failures in a row, of which `failed` was the last. Gives that
    /// one back where another attempt is pointless.
    pub async fn pause(&self, failures: u32, failed: FailedCall) -> Result<(), FailedCall> {
        let asked = failed.error.retry_after.unwrap_or_default();
        if !failed.transient || failures >= ATTEMPTS || asked > LONGEST_WAIT {
            return Err(failed);
        }
        tracing::debug!(error = %failed.error, failures, "trying again");
        let mut jitter = [0; 1];
        self.entropy.fill(&mut jitter);
        let ceiling = FIRST_WAIT * 2_u32.pow(failures.saturating_sub(1));
        let wait = ceiling / 2 + ceiling.mul_f64(f64::from(jitter[0]) / 510.0);
        self.clock.sleep(wait.max(asked)).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::model::Timestamp;
    use crate::ports::StoreErrorKind;

    #[derive(Default)]
    struct Waits(Mutex<Vec<Duration>>);

    #[async_trait]
    impl Clock for Waits {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }

        async fn sleep(&self, duration: Duration) {
            self.0.lock().unwrap().push(duration);
        }
    }

    /// Jitter that is always the most, or the least.
    struct Same(u8);

    impl Entropy for Same {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    fn failed(transient: bool, retry_after: Option<u64>) -> FailedCall {
        let mut error = StoreError::new(StoreErrorKind::Throttled, "busy");
        error.retry_after = retry_after.map(Duration::from_millis);
        FailedCall {
            status: Some(429),
            transient,
            error,
        }
    }

    /// How often a call was made that never succeeds, and the waits in milliseconds.
    async fn made(jitter: u8, transient: bool, retry_after: Option<u64>) -> (usize, Vec<u128>) {
        let clock = Arc::new(Waits::default());
        let retries = Retries::new(clock.clone(), Arc::new(Same(jitter)));
        let calls = Mutex::new(0);
        let answer: Result<(), FailedCall> = retries
            .until_answered(|| async {
                *calls.lock().unwrap() += 1;
                Err(failed(transient, retry_after))
            })
            .await;
        assert_eq!(answer.unwrap_err().error.kind, StoreErrorKind::Throttled);
        let waits = clock.0.lock().unwrap().iter().map(Duration::as_millis).collect();
        (calls.into_inner().unwrap(), waits)
    }

    #[tokio::test]
    async fn a_call_is_made_six_times_with_waits_that_double() {
        assert_eq!(
            made(255, true, None).await,
            (6, vec![200, 400, 800, 1_600, 3_200])
        );
        assert_eq!(made(0, true, None).await, (6, vec![100, 200, 400, 800, 1_600]));
    }

    #[tokio::test]
    async fn a_wait_that_is_asked_for_is_kept_unless_it_is_too_long() {
        assert_eq!(
            made(255, true, Some(1_000)).await,
            (6, vec![1_000, 1_000, 1_000, 1_600, 3_200])
        );
        assert_eq!(made(255, true, Some(5_001)).await, (1, vec![]));
    }

    #[tokio::test]
    async fn what_would_fail_again_is_not_repeated() {
        assert_eq!(made(255, false, None).await, (1, vec![]));
    }
}
