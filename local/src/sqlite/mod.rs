//! The metadata port on SQLite.
//!
//! One thread writes, several read; all on the same database in write-ahead mode with `synchronous=FULL`.
//! Conditions are checked in the transaction that makes the change.

mod buckets;
mod credentials;
mod edits;
mod error;
mod events;
mod objects;
mod readers;
mod records;
mod rows;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod uploads;
mod versions;
mod writer;

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use bleepstore_core::ports::{MetadataStore, StoreResult};
use rusqlite::Connection;

use self::error::Failure;
use self::readers::Readers;
pub use self::schema::OpenError;
use self::writer::{Gate, Transactions};
use crate::group_commit::{self, Fatal, Made, Writer, abort};
use crate::metrics::Histogram;

/// Bodies up to this many bytes lie in the database: a file and its two fsyncs would cost more.
const INLINE_LIMIT: u64 = 16 * 1024;

/// Extents and parts that a row may list, at about 200 bytes of JSON each. A GET of any range parses
/// the whole layout, so one that is longer is better off in a blob of its own; most uploads are not.
const LAYOUT_LIMIT: usize = 1_000;

/// A metadata store in one SQLite database.
pub struct SqliteMetadata {
    writer: Writer<Connection>,
    readers: Readers,
    group_sizes: Arc<Histogram>,
}

impl SqliteMetadata {
    /// Opens the database at `path`, or creates it with mode 0600. Its folder must exist. Other processes may have it
    /// open: changes take turns, and one that waits for its turn longer than 5 s is refused as throttled. Blocks: call
    /// it before serving.
    ///
    /// When a commit cannot be made durable, the process is aborted with a line on stderr: after a failed
    /// fsync nobody knows what is on disk, and only a new process reads it afresh.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, Box::new(abort))
    }

    fn open_with(path: &Path, fatal: Fatal) -> Result<Self, OpenError> {
        let db = schema::open_writer(path)?;
        let gate = Gate::default();
        let cores = thread::available_parallelism().map_or(2, NonZero::get);
        let readers = Readers::start(path, &gate, cores.clamp(2, 8))?;
        let group_sizes = group_commit::group_sizes();
        let engine = Transactions::on(db, path, gate, Arc::clone(&group_sizes));
        let writer = Writer::start("sqlite-writer", engine, fatal).map_err(OpenError::Thread)?;
        Ok(Self {
            writer,
            readers,
            group_sizes,
        })
    }

    /// Finishes the changes that are under way, refuses later ones, and moves the write-ahead log into
    /// the database. Dropping the store without this loses nothing; the next start does that work.
    pub async fn close(&self) -> StoreResult<()> {
        self.writer.close().await
    }

    /// How many transactions were committed since the store was opened. Changes that wait at the same
    /// moment share one.
    pub fn transactions(&self) -> u64 {
        self.group_sizes.count()
    }

    /// How many changes shared each of them.
    pub fn group_sizes(&self) -> Arc<Histogram> {
        Arc::clone(&self.group_sizes)
    }

    /// Runs `work` on the writer's thread.
    async fn change<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let made = move |db: &mut Connection| match work(db) {
            Ok(value) => Made::Kept(value),
            Err(failure) if failure.is_lost_fsync() => Made::Lost(failure.to_string()),
            Err(failure) => Made::Undone(failure.into()),
        };
        self.writer.run(made).await
    }

    /// Runs `work`, which touches a few pages, on one snapshot.
    async fn look<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.readers.run_here(work).await
    }

    /// Runs `work` on a reader's thread, on one snapshot.
    async fn query<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.readers.run(work).await
    }
}

impl MetadataStore for SqliteMetadata {
    fn inline_limit(&self) -> u64 {
        INLINE_LIMIT
    }

    fn layout_limit(&self) -> usize {
        LAYOUT_LIMIT
    }
}
