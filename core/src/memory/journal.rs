//! Where changes of the rows go before readers see them.

use std::ops::Deref;
use std::sync::RwLockReadGuard;

use super::{Change, Rows};
use crate::ports::StoreResult;

/// Rows in memory, and what it takes to change them. Whatever is a `Journal` is a
/// [`MetadataStore`](crate::ports::MetadataStore): this module has the port's logic, once, and a journal decides when a
/// change counts.
pub trait Journal: Send + Sync {
    /// What readers see: every change that was acknowledged before, and none that may yet be lost. Held for
    /// moments only, and never across an `await`.
    fn rows(&self) -> RwLockReadGuard<'_, Rows>;

    /// Runs `work` alone on rows that have every change before it, also those that are not yet durable. When this
    /// returns `Ok`, all that `work` changed is durable, and so is what it saw; readers see it. After an error the
    /// rows are as if `work` had not run, but for one of kind `Timeout`.
    fn change<T, F>(&self, work: F) -> impl Future<Output = StoreResult<T>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> T + Send + 'static;

    /// The limits of [`MetadataStore`](crate::ports::MetadataStore).
    fn limits(&self) -> RowLimits;
}

/// What a store takes inside a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLimits {
    /// The longest body inside a record, in bytes.
    pub inline: u64,
    /// Extents and parts together in one layout.
    pub layout: usize,
}

/// Rows that are being changed, and an account of what changed.
#[derive(Debug)]
pub struct Transaction<'a> {
    rows: &'a mut Rows,
    changes: Vec<Change>,
}

impl<'a> Transaction<'a> {
    /// Begins to change these rows.
    pub fn of(rows: &'a mut Rows) -> Self {
        Self {
            rows,
            changes: Vec::new(),
        }
    }

    /// Makes one change.
    pub(super) fn set(&mut self, change: Change) {
        self.rows.apply(change.clone());
        self.changes.push(change);
    }

    /// What changed, in order. Applied to the rows as they were before, it makes them what they are.
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }
}

impl Deref for Transaction<'_> {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        self.rows
    }
}
