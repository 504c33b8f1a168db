//! Threads that read, beside the writer and each other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::error::Failure;
use super::schema::{OpenError, open_reader};
use super::writer::Gate;

/// How many queries may wait; whoever comes then waits to be queued.
const QUEUE: usize = 1024;

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// A handle to the readers' threads. They end when this is dropped.
pub(super) struct Readers {
    queue: mpsc::Sender<Query>,
}

impl Readers {
    /// Starts `count` readers, each with a connection of its own.
    pub(super) fn start(path: &Path, gate: &Gate, count: usize) -> Result<Self, OpenError> {
        let (queue, receiver) = mpsc::channel::<Query>(QUEUE);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..count {
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
        Ok(Self { queue })
    }

    /// Runs `work` on one snapshot, which has every change that was acknowledged before this was called.
    pub(super) async fn run<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let query: Query = Box::new(move |db| {
            if !reply.is_closed() && reply.send(on_snapshot(db, work)).is_err() {
                tracing::debug!("a query was answered for a request that has gone");
            }
        });
        let ended = || StoreError::new(StoreErrorKind::Unavailable, "the database is closed");
        self.queue.send(query).await.map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// The next query. The lock is held while waiting: the other readers wait for the lock instead.
fn next(queue: &Mutex<mpsc::Receiver<Query>>) -> Option<Query> {
    queue
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .blocking_recv()
}

fn on_snapshot<T>(db: &Connection, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> StoreResult<T> {
    let snapshot = db.unchecked_transaction().map_err(Failure::from)?;
    let value = work(&snapshot)?;
    snapshot.commit().map_err(Failure::from)?;
    Ok(value)
}
