//! How changes become durable in the log, and only then visible.

use std::mem;
use std::sync::{Arc, PoisonError};

use bleepstore_core::memory::{Change, Rows, Transaction};
use bleepstore_core::ports::{StoreError, StoreResult};

use super::Durable;
use super::compaction::Compaction;
use super::line::write_record;
use super::log::{AppendError, Log};
use crate::files::store_error;
use crate::group_commit::{Applied, Engine, Group, refuse};
use crate::metrics::Histogram;

/// Rows with the changes that are not yet durable, which only the writer sees. Their objects are those of the durable
/// rows, shared.
pub(super) struct Ahead {
    rows: Rows,
    /// What was changed since the rows were durable, one entry for each call of the port.
    changes: Vec<Vec<Change>>,
}

impl Ahead {
    /// Runs the work of one call of the port.
    pub(super) fn run<T>(&mut self, work: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
        let mut transaction = Transaction::of(&mut self.rows);
        let value = work(&mut transaction);
        let changes = transaction.into_changes();
        if !changes.is_empty() {
            self.changes.push(changes);
        }
        value
    }
}

/// The log, the rows that are ahead of it, and those that are durable.
pub(super) struct Journaled {
    ahead: Ahead,
    durable: Durable,
    log: Log,
    compaction: Compaction,
    group_sizes: Arc<Histogram>,
}

impl Journaled {
    /// On a log whose rows are the durable ones. Counts in `group_sizes` the changes of each group that was synced.
    pub(super) fn on(
        log: Log,
        durable: Durable,
        compaction: Compaction,
        group_sizes: Arc<Histogram>,
    ) -> Self {
        let rows = durable.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            ahead: Ahead {
                rows,
                changes: Vec::new(),
            },
            durable,
            log,
            compaction,
            group_sizes,
        }
    }

    fn append(&mut self, changes: &[Vec<Change>]) -> Result<(), AppendError> {
        let mut lines = Vec::new();
        for changes in changes {
            write_record(&mut lines, self.log.length(), changes)
                .map_err(|error| AppendError::Refused(error.into()))?;
        }
        self.log.append(&lines)
    }
}

impl Engine for Journaled {
    type Subject = Ahead;

    fn commit(&mut self, mut group: Group<Ahead>) -> Result<(), String> {
        for change in &mut group {
            if let Applied::Lost(reason) = change.apply(&mut self.ahead) {
                return Err(reason);
            }
        }
        let changes = mem::take(&mut self.ahead.changes);
        if !changes.is_empty() {
            match self.append(&changes) {
                Ok(()) => {}
                Err(AppendError::Lost(reason)) => return Err(reason),
                Err(AppendError::Refused(error)) => {
                    let durable = self.durable.read().unwrap_or_else(PoisonError::into_inner);
                    self.ahead.rows.restore(changes.iter().flatten(), &durable);
                    let (kind, text) = (error.kind(), error.to_string());
                    refuse(group, || store_error(std::io::Error::new(kind, text.clone())));
                    return Ok(());
                }
            }
            self.group_sizes.observe(group.len() as u64);
            let mut durable = self.durable.write().unwrap_or_else(PoisonError::into_inner);
            for change in changes.into_iter().flatten() {
                durable.apply(change);
            }
        }
        for change in group {
            change.answer();
        }
        self.compaction.go_on(&mut self.log, &self.durable)
    }

    fn close(&mut self) -> StoreResult<()> {
        self.compaction.stop();
        self.log.seal().map_err(|error| match error {
            AppendError::Refused(error) => store_error(error),
            AppendError::Lost(reason) => StoreError::internal(reason),
        })
    }
}
