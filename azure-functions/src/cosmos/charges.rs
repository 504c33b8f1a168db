//! What the calls cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task_local;

task_local! {
    /// What the calls of the work under way have cost, in thousandths of request units.
    static OF_THIS_WORK: Arc<AtomicU64>;
}

/// The outcome of `work`, and how many request units its calls cost: those that it made itself, and not in other tasks.
pub async fn charged<F: Future>(work: F) -> (F::Output, f64) {
    let sum = Arc::new(AtomicU64::new(0));
    let outcome = OF_THIS_WORK.scope(Arc::clone(&sum), work).await;
    (outcome, units(&sum))
}

/// Counts the calls of a store and sums their request units.
/// <https://learn.microsoft.com/azure/cosmos-db/request-units>
#[derive(Debug, Default)]
pub struct RequestCharges {
    calls: AtomicU64,
    thousandths: AtomicU64,
}

impl RequestCharges {
    /// How many calls were answered since the store was made, each try of a call by itself.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How many request units they cost together, as the service said.
    pub fn request_units(&self) -> f64 {
        units(&self.thousandths)
    }

    /// Notes one answer, and adds it to what the work that asked has cost ([`charged`]).
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a charge is a small number, and the cast saturates"
    )]
    pub(super) fn add(&self, call: &'static str, request_units: f64) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let thousandths = (request_units * 1_000.0).round() as u64;
        self.thousandths.fetch_add(thousandths, Ordering::Relaxed);
        // A start and the like are nobody's work.
        OF_THIS_WORK
            .try_with(|sum| sum.fetch_add(thousandths, Ordering::Relaxed))
            .unwrap_or_default();
        tracing::debug!(call, request_units, "Cosmos DB answered");
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a sum is shown, and 2^53 thousandths are enough"
)]
fn units(thousandths: &AtomicU64) -> f64 {
    thousandths.load(Ordering::Relaxed) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_charged_for_its_own_calls_beside_those_of_others() {
        let charges = RequestCharges::default();
        let work = async |cost: f64| {
            charges.add("read", cost);
            tokio::task::yield_now().await;
            charges.add("replace", 10.0);
        };
        let ((_, one), (_, other)) = tokio::join!(charged(work(1.0)), charged(work(2.5)));
        assert!((one - 11.0).abs() < 1e-9 && (other - 12.5).abs() < 1e-9);
        charges.add("read", 1.0);
        assert!((charges.request_units() - 24.5).abs() < 1e-9);
    }

    #[test]
    fn charges_are_summed_and_nonsense_counts_nothing() {
        let charges = RequestCharges::default();
        for charge in [1.0, 5.71, 0.004, -3.0, f64::NAN] {
            charges.add("read", charge);
        }
        assert_eq!(charges.calls(), 5);
        assert!((charges.request_units() - 6.714).abs() < 1e-9);
    }
}
