//! How much work a decision may be.

use std::cell::Cell;

/// The steps that a decision has left. Where none is left, nothing matches any more.
pub(super) struct Steps(Cell<u32>);

impl Steps {
    /// Nearly a thousand patterns, which are all that a policy has room for, tried at every place of the longest key.
    pub(super) const MOST: u32 = 1 << 21;

    pub(super) fn new() -> Self {
        Self(Cell::new(Self::MOST))
    }

    /// Takes `count` of them. False where they are not left.
    pub(super) fn take(&self, count: usize) -> bool {
        let left = u32::try_from(count)
            .ok()
            .and_then(|count| self.0.get().checked_sub(count));
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Whether a decision used up what it had, and so did not look at everything.
    pub(super) fn are_spent(&self) -> bool {
        self.0.get() == 0
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> u32 {
        Self::MOST - self.0.get()
    }
}
