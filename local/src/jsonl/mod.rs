//! The metadata port on a log of JSON lines.
//!
//! All rows are in memory; `core::memory` has the logic of the port. One thread makes changes, appends them to the log
//! in groups, and shows them to readers once they are durable. A start reads the log from its beginning. A log that is
//! much longer than what it holds is written anew while the store goes on.

mod compaction;
mod error;
mod line;
mod log;
mod replay;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bleepstore_core::memory::{Journal, RowLimits, Rows, Transaction};
use bleepstore_core::ports::StoreResult;

use self::compaction::{Compaction, SHORTEST};
pub use self::error::OpenError;
use self::log::Log;
use self::writer::{Ahead, Journaled};
use crate::files::{DiskFiles, FileOps};
use crate::group_commit::{self, Fatal, Made, Writer, abort};
use crate::metrics::Histogram;

/// Bodies up to this many bytes lie in the log, as base64, and in memory: a file and its two fsyncs would cost more.
const INLINE_LIMIT: u64 = 16 * 1024;

/// Extents and parts that a row may list: a longer layout is better off in a blob than in memory.
const LAYOUT_LIMIT: usize = 1_000;

/// Rows that readers see: all that is durable.
type Durable = Arc<RwLock<Rows>>;

/// A metadata store in one append-only file.
pub struct JsonlMetadata {
    writer: Writer<Ahead>,
    durable: Durable,
    group_sizes: Arc<Histogram>,
}

impl JsonlMetadata {
    /// Opens the log at `path`, or creates it with mode 0600, and reads all of it. Its folder must exist, and no other
    /// process may write to it. Blocks: call it before serving.
    ///
    /// What an unfinished write left at the end is removed; a line that is damaged and was durable is an error, and
    /// then nothing is changed. When a change cannot be made durable later, the process is aborted with a line on
    /// standard error.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, Arc::new(DiskFiles), SHORTEST, Box::new(abort))
    }

    fn open_with(
        path: &Path,
        files: Arc<dyn FileOps>,
        shortest: u64,
        fatal: Fatal,
    ) -> Result<Self, OpenError> {
        let (log, replayed) = Log::open(Arc::clone(&files), path)?;
        // Lines of rows that are gone or have changed are about as long as those that stand.
        let changes = u128::from(replayed.changes.max(1));
        let live = u128::from(replayed.length) * replayed.rows.count() as u128 / changes;
        let live = u64::try_from(live).unwrap_or(replayed.length);
        let durable = Arc::new(RwLock::new(replayed.rows));
        let group_sizes = group_commit::group_sizes();
        let engine = Journaled::on(
            log,
            Arc::clone(&durable),
            Compaction::new(files, shortest, live),
            Arc::clone(&group_sizes),
        );
        let thread = OpenError::io("a thread cannot be started");
        let writer = Writer::start("log-writer", engine, fatal).map_err(thread)?;
        Ok(Self {
            writer,
            durable,
            group_sizes,
        })
    }

    /// Finishes the changes that are under way, refuses later ones, and notes in the log that it is whole. Dropping the
    /// store without this loses nothing.
    pub async fn close(&self) -> StoreResult<()> {
        self.writer.close().await
    }

    /// How many groups of changes were synced since the store was opened. Changes that wait at the same moment share
    /// one.
    pub fn syncs(&self) -> u64 {
        self.group_sizes.count()
    }

    /// How many changes shared each of them.
    pub fn group_sizes(&self) -> Arc<Histogram> {
        Arc::clone(&self.group_sizes)
    }
}

impl Journal for JsonlMetadata {
    fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.durable.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn change<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> T + Send + 'static,
    {
        let made = move |ahead: &mut Ahead| Made::Kept(ahead.run(work));
        self.writer.run(made).await
    }

    fn limits(&self) -> RowLimits {
        RowLimits {
            inline: INLINE_LIMIT,
            layout: LAYOUT_LIMIT,
        }
    }
}
