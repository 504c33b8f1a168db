//! Connections that read, beside the writer and each other.
//!
//! A query that touches a few pages runs where it is asked for: a trip to another thread costs several times what the
//! query does. One that may touch many has a thread of its own kind, so that requests need not wait behind it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::error::Failure;
use super::schema::{OpenError, open_reader};
use super::writer::Gate;

/// How many queries may wait for a thread; whoever comes then waits to be queued.
const QUEUE: usize = 1024;

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// A handle to the readers. Their threads end when this is dropped.
pub(super) struct Readers {
    queue: mpsc::Sender<Query>,
    /// Connections for queries that run where they are asked for. They wait for no lock of another process.
    idle: Mutex<Vec<Connection>>,
    gate: Gate,
}

impl Readers {
    /// Starts `count` threads, each with a connection of its own, and opens as many for the threads that ask.
    pub(super) fn start(path: &Path, gate: &Gate, count: usize) -> Result<Self, OpenError> {
        let (queue, receiver) = mpsc::channel::<Query>(QUEUE);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut idle = Vec::with_capacity(count);
        for _ in 0..count {
            let here = open_reader(path)?;
            here.busy_timeout(Duration::ZERO)?;
            idle.push(here);
            let db = open_reader(path)?;
            let (receiver, gate) = (Arc::clone(&receiver), Arc::clone(gate));
            thread::Builder::new()
                .name("sqlite-reader".to_owned())
                .spawn(move || {
                    while let Some(query) = next(&receiver) {
                        let _open = gate.read().unwrap_or_else(PoisonError::into_inner);
                        // A query that panics costs its request an answer, and not the store a reader.
                        if catch_unwind(AssertUnwindSafe(|| query(&db))).is_err() {
                            tracing::error!("a query panicked");
                        }
                    }
                })
                .map_err(OpenError::Thread)?;
        }
        Ok(Self {
            queue,
            idle: Mutex::new(idle),
            gate: Arc::clone(gate),
        })
    }

    /// Runs `work` on one snapshot, which has every change that was acknowledged before this was called.
    pub(super) async fn run<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let query: Query = Box::new(move |db| {
            if !reply.is_closed()
                && reply
                    .send(on_snapshot(db, work).map_err(StoreError::from))
                    .is_err()
            {
                tracing::debug!("a query was answered for a request that has gone");
            }
        });
        let ended = || StoreError::new(StoreErrorKind::Unavailable, "the database is closed");
        self.queue.send(query).await.map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }

    /// The same for work that touches a few pages: at once and on this thread, where nothing is in its way.
    pub(super) async fn run_here<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        match self.at_once(&work) {
            Some(value) => value.map_err(StoreError::from),
            None => self.run(work).await,
        }
    }

    /// Runs `work` unless the log is being emptied, no connection is idle, or another process holds a lock.
    fn at_once<T>(&self, work: impl Fn(&Connection) -> Result<T, Failure>) -> Option<Result<T, Failure>> {
        let _open = match self.gate.try_read() {
            Ok(open) => open,
            Err(TryLockError::Poisoned(open)) => open.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let lent = Lent {
            db: Some(self.idle().pop()?),
            readers: self,
        };
        match on_snapshot(lent.db.as_ref()?, work) {
            Err(failure) if failure.is_busy() => None,
            done => Some(done),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is in use, and goes back when this is dropped, also by a panic.
struct Lent<'a> {
    /// `None` only while this is dropped.
    db: Option<Connection>,
    readers: &'a Readers,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.readers.idle().extend(self.db.take());
    }
}

/// The next query. The lock is held while waiting: the other readers wait for the lock instead.
fn next(queue: &Mutex<mpsc::Receiver<Query>>) -> Option<Query> {
    queue
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .blocking_recv()
}

fn on_snapshot<T>(
    db: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let snapshot = Snapshot::open(db)?;
    let value = work(db)?;
    snapshot.close()?;
    Ok(value)
}

/// A transaction that reads. It is not rusqlite's, which has its statements parsed anew each time: that takes as long as
/// a lookup.
struct Snapshot<'a>(&'a Connection);

impl<'a> Snapshot<'a> {
    fn open(db: &'a Connection) -> Result<Self, Failure> {
        db.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(db))
    }

    fn close(self) -> Result<(), Failure> {
        self.0.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing is open after a commit, nor where SQLite has given the transaction up by itself.
        if self.0.is_autocommit() {
            return;
        }
        if let Err(error) = self.0.execute_batch("ROLLBACK") {
            tracing::error!(%error, "a snapshot was not given up");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;
    use crate::sqlite::schema::open_writer;

    /// Readers of an empty database, and the folder that it is in.
    fn readers(gate: &Gate) -> (tempfile::TempDir, Readers) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metadata.sqlite");
        open_writer(&path).unwrap();
        let readers = Readers::start(&path, gate, 2).unwrap();
        (folder, readers)
    }

    fn tables(db: &Connection) -> Result<i64, Failure> {
        Ok(db.query_row("SELECT count(*) FROM buckets", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_short_query_waits_elsewhere_while_the_log_is_emptied() {
        let gate = Gate::default();
        let (_folder, readers) = readers(&gate);
        assert_eq!(readers.at_once(tables).unwrap().unwrap(), 0);
        let mut query = pin!(readers.run_here(tables));
        {
            let _emptying = gate.write().unwrap();
            assert!(readers.at_once(tables).is_none());
            assert!(query.as_mut().now_or_never().is_none());
        }
        assert_eq!(query.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_short_query_is_answered_where_no_connection_is_idle() {
        let (_folder, readers) = readers(&Gate::default());
        readers.idle().clear();
        assert_eq!(readers.run_here(tables).await.unwrap(), 0);
    }

    #[test]
    fn a_short_query_that_panics_leaves_its_connection_as_it_was() {
        let (_folder, readers) = readers(&Gate::default());
        for _ in 0..3 {
            let query = || readers.at_once(|_| -> Result<(), Failure> { panic!("a query") });
            catch_unwind(AssertUnwindSafe(query)).unwrap_err();
        }
        assert_eq!(readers.idle().len(), 2);
        assert!(readers.idle().iter().all(Connection::is_autocommit));
    }
}
