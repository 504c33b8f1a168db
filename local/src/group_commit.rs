//! The one thread of a store that makes changes.
//!
//! Changes that wait at the same moment are made durable together, so that they share an fsync. Nobody is answered
//! before. What a change works on, and how a group becomes durable, is the store's [`Engine`].

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use tokio::sync::{mpsc, oneshot};

use crate::metrics::Histogram;

/// How many changes share a group at most: bounds what a crash can leave unanswered, and how long the first of them
/// waits for the last.
const GROUP: usize = 256;

/// The bounds of the buckets that sizes of groups are counted in.
const GROUP_SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, GROUP as u64];

/// An empty count of the sizes of groups that were made durable.
pub(crate) fn group_sizes() -> Arc<Histogram> {
    Arc::new(Histogram::new(GROUP_SIZES))
}

/// How many changes may wait; whoever comes then waits to be queued.
const QUEUE: usize = 1024;

/// Called with the reason when the writer cannot go on.
pub(crate) type Fatal = Box<dyn Fn(&str) + Send>;

/// The process ends with a line on standard error: after a failed fsync nobody knows what is on disk, and only a new
/// process reads it afresh.
pub(crate) fn abort(reason: &str) {
    eprintln!("bleepstore: {reason}");
    std::process::abort();
}

/// Why the process ends when something could not be made durable.
pub(crate) fn lost(what: &str, error: &dyn fmt::Display) -> String {
    format!(
        "{what} could not be made durable ({error}). Whether the last changes are on disk cannot be known any more \
         while this process lives; starting it again reads what is there"
    )
}

/// A group of changes, in the order in which they came.
pub(crate) type Group<S> = Vec<Box<dyn Pending<S>>>;

/// Refuses every change of a group.
pub(crate) fn refuse<S>(group: Group<S>, error: impl Fn() -> StoreError) {
    for change in group {
        change.refuse(error());
    }
}

/// What makes groups of changes durable, on the writer's thread.
pub(crate) trait Engine: Send + 'static {
    /// What a change works on.
    type Subject: 'static;

    /// Applies the changes of a group, makes them durable, and answers or refuses each. An error is a reason to end
    /// the process; the changes that were not answered then have an unknown outcome.
    fn commit(&mut self, group: Group<Self::Subject>) -> Result<(), String>;

    /// What is to do after the last group.
    fn close(&mut self) -> StoreResult<()>;
}

/// What became of the work of a change.
pub(crate) enum Made<T> {
    /// It is done, and counts once it is durable.
    Kept(T),
    /// It failed; what it did is to be undone.
    Undone(StoreError),
    /// Nothing is known of what is on disk any more.
    Lost(String),
}

/// A change on its way through the writer.
pub(crate) trait Pending<S>: Send {
    /// Makes the change, and keeps its result.
    fn apply(&mut self, subject: &mut S) -> Applied;
    /// Gives the result: the group is durable.
    fn answer(self: Box<Self>);
    /// Says that the change was not applied: for its own reason if it has one, or else for this one.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// What is to be done with what a change did.
pub(crate) enum Applied {
    /// It is to be made durable.
    Keep,
    /// It is to be undone.
    Undo,
    /// Nothing is known of what is on disk any more.
    Lost(String),
}

/// A handle to the writer's thread. Dropping it waits for the changes that are queued.
pub(crate) struct Writer<S> {
    /// `None` only while this is dropped.
    queue: Option<mpsc::Sender<Message<S>>>,
    thread: Option<JoinHandle<()>>,
}

enum Message<S> {
    Change(Box<dyn Pending<S>>),
    Close(oneshot::Sender<StoreResult<()>>),
}

impl<S: 'static> Writer<S> {
    /// Starts the writer's thread under this name.
    pub(crate) fn start<E: Engine<Subject = S>>(
        name: &'static str,
        mut engine: E,
        fatal: Fatal,
    ) -> std::io::Result<Self> {
        let (queue, mut receiver) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| run(&mut engine, &mut receiver)));
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => fatal(&reason),
                Err(_) => fatal(&format!("{name} panicked")),
            }
        })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs `work` on the writer's thread. When this returns `Ok`, its changes are durable.
    pub(crate) async fn run<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut S) -> Made<T> + Send + 'static,
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

    /// Waits for the changes that are queued, refuses later ones, and closes the engine.
    pub(crate) async fn close(&self) -> StoreResult<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Close(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(unanswered()))
    }

    /// How many changes wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        let queue = self.queue.as_ref().unwrap();
        queue.max_capacity() - queue.capacity()
    }

    /// Returns once the writer's thread takes no more changes.
    #[cfg(test)]
    pub(crate) async fn ended(&self) {
        self.queue.as_ref().unwrap().closed().await;
    }

    async fn send(&self, message: Message<S>) -> StoreResult<()> {
        let closed = || StoreError::new(StoreErrorKind::Unavailable, "the metadata store is closed");
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(message).await.map_err(|_| closed())
    }
}

impl<S> Drop for Writer<S> {
    fn drop(&mut self) {
        drop(self.queue.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            tracing::error!("the metadata store's writer panicked");
        }
    }
}

/// Works until the queue is closed. An error is a reason to end the process.
fn run<E: Engine>(engine: &mut E, queue: &mut mpsc::Receiver<Message<E::Subject>>) -> Result<(), String> {
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
            engine.commit(group)?;
        }
    }
    for reply in closing {
        deliver(reply, engine.close());
    }
    Ok(())
}

/// The writer ended between taking the change and answering.
fn unanswered() -> StoreError {
    StoreError::new(StoreErrorKind::Timeout, "the metadata store's writer ended")
}

struct Queued<T, F> {
    work: Option<F>,
    result: Option<StoreResult<T>>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<S, T, F> Pending<S> for Queued<T, F>
where
    T: Send,
    F: FnOnce(&mut S) -> Made<T> + Send,
{
    fn apply(&mut self, subject: &mut S) -> Applied {
        let Some(work) = self.work.take() else {
            return Applied::Undo;
        };
        match work(subject) {
            Made::Kept(value) => {
                self.result = Some(Ok(value));
                Applied::Keep
            }
            Made::Undone(error) => {
                self.result = Some(Err(error));
                Applied::Undo
            }
            Made::Lost(reason) => Applied::Lost(reason),
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
