//! Copies that read and write bytes end in time: the platform would cut the request off without a word.

use std::sync::Arc;
use std::time::Duration;

use super::Context;
use crate::config::Limits;
use crate::model::{ErrorCode, S3Error};
use crate::ports::Clock;

/// How long before the end of a request's time the bytes have to be written, so that they can be committed.
const COMMIT: Duration = Duration::from_secs(5);

/// After this share of the time it is looked at how fast a copy is.
const PROBE: u32 = 8;

/// How far a copy has come, and when it has to be through.
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    limits: Limits,
    /// When the request began, and when the copy did.
    began: Duration,
    started: Duration,
    length: u64,
    done: u64,
}

impl Pace {
    pub(super) fn of(context: &Context, length: u64) -> Self {
        let clock = Arc::clone(&context.ports.clock);
        Self {
            began: context.began,
            started: clock.elapsed(),
            clock,
            limits: context.limits,
            length,
            done: 0,
        }
    }

    /// Counts bytes that have passed. `InvalidRequest` where all of them, at the pace of those so far, take longer than
    /// a request may.
    pub(super) fn pass(&mut self, bytes: usize) -> Result<(), S3Error> {
        self.done += bytes as u64;
        let Some(limit) = self.limits.request_time else {
            return Ok(());
        };
        let to_write = limit.saturating_sub(COMMIT.min(limit / 4));
        let copying = self.clock.elapsed().saturating_sub(self.started);
        let before = self.started.saturating_sub(self.began);
        let needed = before.as_secs_f64() + copying.as_secs_f64() * self.times_as_many();
        if self.done >= self.length || copying < to_write / PROBE || needed <= to_write.as_secs_f64() {
            return Ok(());
        }
        Err(S3Error::message(ErrorCode::InvalidRequest, self.too_slow(limit)))
    }

    /// All bytes as a multiple of those that have passed.
    fn times_as_many(&self) -> f64 {
        self.length as f64 / self.done.max(1) as f64
    }

    fn too_slow(&self, limit: Duration) -> String {
        let deployment = match self.limits.deployment {
            "" => "This deployment",
            name => name,
        };
        format!(
            "{deployment} gives a request {} seconds, and this copy of {} bytes would take longer: its bytes have to be read and \
             written. Copy ranges of it with UploadPartCopy, or smaller ones. {}",
            limit.as_secs(),
            self.length,
            self.limits.ways_out
        )
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
