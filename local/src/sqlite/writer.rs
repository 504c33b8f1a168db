//! The one thread that changes the database.
//!
//! Changes that wait at the same moment share a transaction, so that they share its fsync. Each has a
//! savepoint of its own, so that one that fails undoes nothing of the others. Nobody is answered before
//! the transaction is on disk.

use std::cell::Cell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use rusqlite::{Connection, ffi};
use tokio::sync::{mpsc, oneshot};

use super::error::{Failure, is_disk_full};
use crate::metrics::Histogram;

/// How many changes share a transaction at most: bounds what a crash can leave unanswered, and how long
/// the first of them waits for the last.
const GROUP: usize = 256;

/// The bounds of the buckets that sizes of groups are counted in.
const GROUP_SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, GROUP as u64];

/// How many changes may wait; whoever comes then waits to be queued.
const QUEUE: usize = 1024;

/// Bytes of the write-ahead log from which on the writer empties it itself. SQLite does so only at a moment
/// without readers, which may never come.
const LOG_LIMIT: u64 = 64 << 20;

/// Held for reading by every query, and for writing while the log is emptied.
pub(super) type Gate = Arc<RwLock<()>>;

/// Called with the reason when the writer cannot go on.
pub(super) type Fatal = Box<dyn Fn(&str) + Send>;

/// A handle to the writer's thread. The thread ends when this is dropped.
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    group_sizes: Arc<Histogram>,
}

enum Message {
    Change(Box<dyn Change>),
    Close(oneshot::Sender<StoreResult<()>>),
}

/// A change on its way through the writer.
trait Change: Send {
    /// Makes the change, and keeps its result.
    fn apply(&mut self, db: &Connection) -> Applied;
    /// Gives the result: the transaction is durable.
    fn answer(self: Box<Self>);
    /// Says that the change was not applied: for its own reason if it has one, or else for this one.
    fn refuse(self: Box<Self>, error: StoreError);
}

enum Applied {
    Keep,
    Undo,
    /// Nothing is known of the database any more.
    Lost(String),
}

impl Writer {
    /// Starts the writer on the connection to the database at `path`.
    pub(super) fn start(db: Connection, path: &Path, gate: Gate, fatal: Fatal) -> std::io::Result<Self> {
        let (queue, mut receiver) = mpsc::channel(QUEUE);
        let group_sizes = Arc::new(Histogram::new(GROUP_SIZES));
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let worker = Worker {
            db,
            log: PathBuf::from(log),
            log_limit: Cell::new(LOG_LIMIT),
            gate,
            group_sizes: Arc::clone(&group_sizes),
        };
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || {
                let ended = catch_unwind(AssertUnwindSafe(|| worker.run(&mut receiver)));
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(reason)) => fatal(&reason),
                    Err(_) => fatal("the database's writer panicked"),
                }
            })?;
        Ok(Self { queue, group_sizes })
    }

    /// Runs `work` in a transaction. When this returns `Ok`, its changes are durable.
    pub(super) async fn run<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change = Queued {
            work: Some(work),
            result: None,
            reply,
        };
        self.send(Message::Change(Box::new(change))).await?;
        answer.await.unwrap_or_else(|_| Err(unanswered()))
    }

    /// Waits for the changes that are queued, refuses later ones, and moves the log into the database.
    pub(super) async fn close(&self) -> StoreResult<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Close(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(unanswered()))
    }

    /// How many changes each transaction had that has been committed.
    pub(super) fn group_sizes(&self) -> &Arc<Histogram> {
        &self.group_sizes
    }

    /// How many changes wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Returns once the writer's thread has ended.
    #[cfg(test)]
    pub(super) async fn ended(&self) {
        self.queue.closed().await;
    }

    async fn send(&self, message: Message) -> StoreResult<()> {
        let closed = |_| StoreError::new(StoreErrorKind::Unavailable, "the database is closed");
        self.queue.send(message).await.map_err(closed)
    }
}

/// The writer ended between taking the change and answering.
fn unanswered() -> StoreError {
    StoreError::new(StoreErrorKind::Timeout, "the database's writer ended")
}

struct Queued<T, F> {
    work: Option<F>,
    result: Option<StoreResult<T>>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> Change for Queued<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn apply(&mut self, db: &Connection) -> Applied {
        let Some(work) = self.work.take() else {
            return Applied::Undo;
        };
        match work(db) {
            Ok(value) => {
                self.result = Some(Ok(value));
                Applied::Keep
            }
            Err(failure) if failure.is_lost_fsync() => Applied::Lost(failure.to_string()),
            Err(failure) => {
                self.result = Some(Err(failure.into()));
                Applied::Undo
            }
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            deliver(self.reply, result);
        }
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        match self.result {
            Some(Err(own)) => deliver(self.reply, Err(own)),
            _ => deliver(self.reply, Err(error)),
        }
    }
}

fn deliver<T>(reply: oneshot::Sender<StoreResult<T>>, result: StoreResult<T>) {
    if reply.send(result).is_err() {
        tracing::debug!("a change was made for a request that has gone");
    }
}

struct Worker {
    db: Connection,
    log: PathBuf,
    log_limit: Cell<u64>,
    gate: Gate,
    group_sizes: Arc<Histogram>,
}

impl Worker {
    /// Works until the queue is closed. An error is a reason to end the process.
    fn run(&self, queue: &mut mpsc::Receiver<Message>) -> Result<(), String> {
        let mut messages = Vec::with_capacity(GROUP);
        let mut closing = Vec::new();
        while queue.blocking_recv_many(&mut messages, GROUP) > 0 {
            let mut group = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Change(change) => group.push(change),
                    Message::Close(reply) => {
                        queue.close();
                        closing.push(reply);
                    }
                }
            }
            if !group.is_empty() {
                self.commit(group)?;
            }
        }
        for reply in closing {
            deliver(reply, self.checkpoint().map_err(StoreError::from));
        }
        Ok(())
    }

    /// Applies the changes in one transaction and answers them.
    fn commit(&self, mut group: Vec<Box<dyn Change>>) -> Result<(), String> {
        if let Err(error) = self.db.execute_batch("BEGIN IMMEDIATE") {
            refuse(group, &error);
            return Ok(());
        }
        for change in &mut group {
            if let Err(error) = self.apply(change.as_mut())? {
                refuse(group, &error);
                return Ok(());
            }
        }
        match self.db.execute_batch("COMMIT") {
            Ok(()) => {}
            Err(error) if is_disk_full(&error) => {
                self.roll_back()?;
                refuse(group, &error);
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

    /// Empties a log that has grown long, in a pause of the readers.
    fn contain_log(&self) {
        let length = || fs::metadata(&self.log).map_or(0, |log| log.len());
        if length() <= self.log_limit.get() {
            return;
        }
        let _pause = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.checkpoint() {
            tracing::warn!(%error, "the write-ahead log could not be moved into the database");
        }
        // Where another process reads, this waited in vain: not again at once.
        let left = length();
        self.log_limit.set(left + LOG_LIMIT);
    }

    /// Applies one change. The inner error is what undid the whole transaction.
    fn apply(&self, change: &mut dyn Change) -> Result<Result<(), rusqlite::Error>, String> {
        if let Err(error) = self.execute("SAVEPOINT change") {
            self.roll_back()?;
            return Ok(Err(error));
        }
        let ended = match change.apply(&self.db) {
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

fn refuse(group: Vec<Box<dyn Change>>, error: &rusqlite::Error) {
    for change in group {
        let failure = StoreError::from(Failure::Sqlite(copy(error)));
        change.refuse(failure);
    }
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
    format!(
        "the database could not be made durable ({error}). Whether the last changes are on disk cannot be \
         known any more while this process lives; starting it again reads what is there"
    )
}
