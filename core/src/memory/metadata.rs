//! The metadata store that keeps nothing, and what every journal shares.

use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::{Journal, RowLimits, Rows, Transaction};
use crate::ports::{MetadataStore, Page, StoreResult};

/// A metadata store in memory.
#[derive(Debug)]
pub struct MemoryMetadata {
    rows: RwLock<Rows>,
    limits: RowLimits,
}

impl MemoryMetadata {
    /// An empty store that takes bodies of up to `inline_limit` bytes inside records, and layouts of up to
    /// `layout_limit` extents and parts.
    pub fn new(inline_limit: u64, layout_limit: usize) -> Self {
        Self {
            rows: RwLock::default(),
            limits: RowLimits {
                inline: inline_limit,
                layout: layout_limit,
            },
        }
    }
}

/// Bodies of up to 16 KiB inside records, and layouts of up to 1,000 extents and parts.
impl Default for MemoryMetadata {
    fn default() -> Self {
        Self::new(16 * 1024, 1_000)
    }
}

/// Every change counts at once. A panic elsewhere cannot leave rows half changed, since no method panics between
/// two changes.
impl Journal for MemoryMetadata {
    fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn change<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> T + Send + 'static,
    {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        Ok(work(&mut Transaction::of(&mut rows)))
    }

    fn limits(&self) -> RowLimits {
        self.limits
    }
}

impl<J: Journal> MetadataStore for J {
    fn inline_limit(&self) -> u64 {
        self.limits().inline
    }

    fn layout_limit(&self) -> usize {
        self.limits().layout
    }
}

/// The first `limit` of `items`, and where to go on if there are more. `items` are rows that may show nothing: what is left
/// out of a page is left out of this one.
pub(super) fn page<T, S>(
    mut items: impl Iterator<Item = T>,
    limit: usize,
    next: impl FnOnce(&T) -> S,
) -> Page<T, S> {
    let found: Vec<T> = items.by_ref().take(limit).collect();
    let more = items.next().is_some();
    let next = found.last().filter(|_| more).map(next);
    Page { items: found, next }
}

/// Rows after `after`, as the bounds of a range of a map with text keys.
pub(super) fn following(after: Option<&str>) -> (Bound<&str>, Bound<&str>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}
