//! A sink that keeps a connection between calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::ports::{Delivery, EventSink, SinkError};
use tokio::time::{Instant, timeout_at};

/// What a peer says is cut there: it is for a line of a log.
const LONGEST_TEXT: usize = 300;

/// Something that events are sent to over a connection.
#[async_trait]
pub(crate) trait Broker: Send + Sync + 'static {
    /// A connection. A copy of it is the same connection, which ends with the last.
    type Connection: Clone + Send + Sync + 'static;

    /// See [`EventSink::at_once`].
    const AT_ONCE: usize;

    /// See [`EventSink::place`].
    fn place(&self) -> String;

    /// What no text may repeat.
    fn secret(&self) -> Option<&str>;

    async fn connect(&self) -> Result<Self::Connection, String>;

    /// Sends each of these, and says what became of it as soon as that is known. It may be dropped at any time.
    async fn send(&self, connection: Self::Connection, deliveries: &[&Delivery], outcomes: &Outcomes);
}

/// Why an event was not delivered, and what that means for the connection.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The destination said so, and the connection is as good as before.
    Said(SinkError),
    /// The connection is of no use any more.
    Broken(SinkError),
    /// The connection ended before there was an answer.
    Lost(String),
}

impl Failure {
    pub(crate) fn refused(what: impl std::fmt::Display) -> Self {
        Self::Said(SinkError::refused(what))
    }

    /// The destination takes nothing, which a new connection may change.
    pub(crate) fn unavailable(what: impl std::fmt::Display) -> Self {
        Self::Broken(SinkError::unavailable(what))
    }
}

/// What became of each delivery, as far as that is known.
pub(crate) struct Outcomes(Mutex<Vec<Option<Result<(), Failure>>>>);

impl Outcomes {
    fn of(count: usize) -> Self {
        Self(Mutex::new(vec![None; count]))
    }

    pub(crate) fn set(&self, index: usize, outcome: Result<(), Failure>) {
        if let Some(slot) = lock(&self.0).get_mut(index) {
            *slot = Some(outcome);
        }
    }

    /// The same for all of which nothing is known yet.
    pub(crate) fn fill(&self, failure: &Failure) {
        for slot in lock(&self.0).iter_mut().filter(|slot| slot.is_none()) {
            *slot = Some(Err(failure.clone()));
        }
    }

    fn into_inner(self) -> Vec<Option<Result<(), Failure>>> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A broker, and the connection to it.
pub(crate) struct Sink<B: Broker> {
    broker: B,
    wait: Duration,
    held: Mutex<Option<Held<B::Connection>>>,
    /// Who makes a connection holds this, so that others wait for the same one.
    connecting: tokio::sync::Mutex<()>,
    made: AtomicU64,
}

#[derive(Clone)]
struct Held<C> {
    connection: C,
    number: u64,
}

/// A call's use of a connection. One that the call has not said to be good is not used again, also where the caller
/// left.
struct Use<'a, B: Broker> {
    sink: &'a Sink<B>,
    number: u64,
    good: bool,
}

impl<B: Broker> Drop for Use<'_, B> {
    fn drop(&mut self) {
        if !self.good {
            let mut held = lock(&self.sink.held);
            if held.as_ref().is_some_and(|held| held.number == self.number) {
                *held = None;
            }
        }
    }
}

impl<B: Broker> Sink<B> {
    /// A sink none of whose calls takes longer than `wait`.
    pub(crate) fn new(broker: B, wait: Duration) -> Self {
        Self {
            broker,
            wait,
            held: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            made: AtomicU64::new(0),
        }
    }

    /// The connection that there is, or a new one; and whether it is new.
    async fn connection(&self) -> Result<(Held<B::Connection>, bool), String> {
        if let Some(held) = lock(&self.held).clone() {
            return Ok((held, false));
        }
        let _connecting = self.connecting.lock().await;
        if let Some(held) = lock(&self.held).clone() {
            return Ok((held, false));
        }
        let held = Held {
            connection: self.broker.connect().await?,
            number: self.made.fetch_add(1, Ordering::Relaxed),
        };
        *lock(&self.held) = Some(held.clone());
        Ok((held, true))
    }

    /// One attempt for each, and whether the connection was one that had been kept.
    async fn attempt(&self, deliveries: &[&Delivery], deadline: Instant) -> (Vec<Result<(), Failure>>, bool) {
        let count = deliveries.len();
        let (held, is_new) = match timeout_at(deadline, self.connection()).await {
            Ok(Ok(connected)) => connected,
            Ok(Err(what)) => return (vec![Err(Failure::unavailable(what)); count], false),
            Err(_) => return (vec![Err(self.no_answer()); count], false),
        };
        let mut using = Use {
            sink: self,
            number: held.number,
            good: false,
        };
        let outcomes = Outcomes::of(count);
        let sending = self.broker.send(held.connection, deliveries, &outcomes);
        if timeout_at(deadline, sending).await.is_err() {
            outcomes.fill(&self.no_answer());
        }
        let outcomes = outcomes.into_inner().into_iter();
        let outcomes: Vec<Result<(), Failure>> = outcomes
            .map(|outcome| outcome.unwrap_or_else(|| Err(Failure::Lost("there was no answer".to_owned()))))
            .collect();
        using.good = outcomes
            .iter()
            .all(|outcome| matches!(outcome, Ok(()) | Err(Failure::Said(_))));
        (outcomes, !is_new)
    }

    fn no_answer(&self) -> Failure {
        Failure::unavailable(format_args!("there was no answer in {:?}", self.wait))
    }

    /// The failure for the caller, without secrets and in one line.
    fn told(&self, failure: Failure) -> SinkError {
        let error = match failure {
            Failure::Said(error) | Failure::Broken(error) => error,
            Failure::Lost(what) => SinkError::unavailable(format_args!("the connection was lost: {what}")),
        };
        SinkError {
            kind: error.kind,
            what: tidy(&error.what, self.broker.secret()),
        }
    }
}

#[async_trait]
impl<B: Broker> EventSink for Sink<B> {
    fn at_once(&self) -> usize {
        B::AT_ONCE
    }

    async fn deliver(&self, deliveries: &[Delivery]) -> Vec<Result<(), SinkError>> {
        if deliveries.is_empty() {
            return Vec::new();
        }
        let deadline = Instant::now() + self.wait;
        let all: Vec<&Delivery> = deliveries.iter().collect();
        let (mut outcomes, was_kept) = self.attempt(&all, deadline).await;
        let is_lost = |outcome: &Result<(), Failure>| matches!(outcome, Err(Failure::Lost(_)));
        let lost: Vec<usize> = (0..all.len())
            .filter(|index| outcomes.get(*index).is_some_and(is_lost))
            .collect();
        // A connection that nobody used may have ended long ago, and only sending shows it.
        if was_kept && !lost.is_empty() {
            let again: Vec<&Delivery> = lost.iter().filter_map(|index| all.get(*index).copied()).collect();
            let (repeated, _) = self.attempt(&again, deadline).await;
            for (index, outcome) in lost.into_iter().zip(repeated) {
                if let Some(slot) = outcomes.get_mut(index) {
                    *slot = outcome;
                }
            }
        }
        outcomes
            .into_iter()
            .map(|outcome| outcome.map_err(|failure| self.told(failure)))
            .collect()
    }

    fn place(&self) -> String {
        self.broker.place()
    }
}

/// A peer's text in one line, not too long, and without the secret.
pub(crate) fn tidy(text: &str, secret: Option<&str>) -> String {
    let text = match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => text.replace(secret, ".."),
        None => text.to_owned(),
    };
    let line = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char });
    line.take(LONGEST_TEXT).collect::<String>().trim().to_owned()
}

/// An error and its causes, without what one repeats of another.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn what_a_peer_says_is_a_line_without_the_secret() {
        assert_eq!(tidy("no\r\nentry for s3cret", Some("s3cret")), "no  entry for ..");
        assert_eq!(tidy("as it is", Some("")), "as it is");
        assert_eq!(tidy(&"x".repeat(1000), None).len(), 300);
    }
}
