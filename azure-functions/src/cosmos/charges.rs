//! What the calls cost.

use std::sync::atomic::{AtomicU64, Ordering};

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
    #[allow(
        clippy::cast_precision_loss,
        reason = "a sum is shown, and 2^53 thousandths are enough"
    )]
    pub fn request_units(&self) -> f64 {
        self.thousandths.load(Ordering::Relaxed) as f64 / 1_000.0
    }

    /// Notes one answer, and tells the span that it belongs to.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a charge is a small number, and the cast saturates"
    )]
    pub(super) fn add(&self, call: &'static str, request_units: f64) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let thousandths = (request_units * 1_000.0).round() as u64;
        self.thousandths.fetch_add(thousandths, Ordering::Relaxed);
        tracing::debug!(call, request_units, "Cosmos DB answered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
