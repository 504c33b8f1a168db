//! How changes become durable in the database.
//!
//! The changes of a group share a transaction. Each has a savepoint of its own, so that one that fails undoes
//! nothing of the others.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bleepstore_core::ports::{StoreError, StoreResult};
use rusqlite::{Connection, ffi};

use super::error::{Failure, is_disk_full};
use crate::group_commit::{self, Applied, Engine, Group, Pending, refuse};
use crate::metrics::Histogram;

/// Bytes of the write-ahead log from which on the writer empties it itself. SQLite does so only at a moment
/// without readers, which may never come.
const LOG_LIMIT: u64 = 64 << 20;

/// Held for reading by every query, and for writing while the log is emptied.
pub(super) type Gate = Arc<RwLock<()>>;

/// The connection that writes.
pub(super) struct Transactions {
    db: Connection,
    log: PathBuf,
    log_limit: u64,
    gate: Gate,
    group_sizes: Arc<Histogram>,
}

impl Transactions {
    /// On the connection to the database at `path`. Counts in `group_sizes` the changes of each transaction that is
    /// committed.
    pub(super) fn on(db: Connection, path: &Path, gate: Gate, group_sizes: Arc<Histogram>) -> Self {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Self {
            db,
            log: PathBuf::from(log),
            log_limit: LOG_LIMIT,
            gate,
            group_sizes,
        }
    }

    /// Empties a log that has grown long, in a pause of the readers.
    fn contain_log(&mut self) {
        if self.log_length() <= self.log_limit {
            return;
        }
        let gate = Arc::clone(&self.gate);
        let _pause = gate.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.checkpoint() {
            tracing::warn!(%error, "the write-ahead log could not be moved into the database");
        }
        // Where another process reads, this waited in vain: not again at once.
        self.log_limit = self.log_length() + LOG_LIMIT;
    }

    fn log_length(&self) -> u64 {
        fs::metadata(&self.log).map_or(0, |log| log.len())
    }

    /// Applies one change. The inner error is what undid the whole transaction.
    fn apply(&mut self, change: &mut dyn Pending<Connection>) -> Result<Result<(), rusqlite::Error>, String> {
        if let Err(error) = self.execute("SAVEPOINT change") {
            self.roll_back()?;
            return Ok(Err(error));
        }
        let ended = match change.apply(&mut self.db) {
            Applied::Keep => self.execute("RELEASE change"),
            // A full disk, an I/O error or a lack of memory makes SQLite give up the whole transaction.
            Applied::Undo if self.db.is_autocommit() => Err(given_up()),
            Applied::Undo => self
                .execute("ROLLBACK TO change")
                .and_then(|()| self.execute("RELEASE change")),
            Applied::Lost(reason) => return Err(lost(&reason)),
        };
        if ended.is_err() {
            self.roll_back()?;
        }
        Ok(ended)
    }

    fn execute(&self, sql: &'static str) -> Result<(), rusqlite::Error> {
        self.db.prepare_cached(sql)?.execute([]).map(drop)
    }

    fn roll_back(&self) -> Result<(), String> {
        if self.db.is_autocommit() {
            return Ok(());
        }
        self.db.execute_batch("ROLLBACK").map_err(|error| lost(&error))
    }

    /// Moves the log into the database, so that the file alone is the whole store.
    fn checkpoint(&self) -> Result<(), Failure> {
        let busy: i64 = self
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy != 0 {
            tracing::info!("a reader kept the write-ahead log; the next start moves it into the database");
        }
        Ok(())
    }
}

impl Engine for Transactions {
    type Subject = Connection;

    fn commit(&mut self, mut group: Group<Connection>) -> Result<(), String> {
        if let Err(error) = self.db.execute_batch("BEGIN IMMEDIATE") {
            refuse_all(group, &error);
            return Ok(());
        }
        for change in &mut group {
            if let Err(error) = self.apply(change.as_mut())? {
                refuse_all(group, &error);
                return Ok(());
            }
        }
        match self.db.execute_batch("COMMIT") {
            Ok(()) => {}
            Err(error) if is_disk_full(&error) => {
                self.roll_back()?;
                refuse_all(group, &error);
                return Ok(());
            }
            Err(error) => return Err(lost(&error)),
        }
        self.group_sizes.observe(group.len() as u64);
        for change in group {
            change.answer();
        }
        self.contain_log();
        Ok(())
    }

    /// Moves the log into the database.
    fn close(&mut self) -> StoreResult<()> {
        Ok(self.checkpoint()?)
    }
}

/// Refuses a whole group for what SQLite says.
fn refuse_all(group: Group<Connection>, error: &rusqlite::Error) {
    refuse(group, || StoreError::from(Failure::Sqlite(copy(error))));
}

/// The same error once more: SQLite's code and text are all there is to it.
fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => rusqlite::Error::SqliteFailure(*code, text.clone()),
        _ => rusqlite::Error::InvalidQuery,
    }
}

/// What the other changes of a group are told when SQLite gave up their transaction.
fn given_up() -> rusqlite::Error {
    let text = "a change in the same transaction made SQLite give it up";
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR), Some(text.to_owned()))
}

fn lost(error: &dyn std::fmt::Display) -> String {
    group_commit::lost("the database", error)
}
