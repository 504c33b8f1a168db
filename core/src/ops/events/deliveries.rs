//! The way of events from the store to a destination.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::document::delivery;
use crate::model::{BucketId, DestinationName, EventPlace, EventQueue, EventRow, ObjectKey, Timestamp};
use crate::ports::{Delivery, EventSink, Ports, SinkError, SinkErrorKind, StoreResult};

/// How many events are read at a time.
const PAGE: usize = 500;

/// How many lanes are read at a time.
const LANES: usize = 100;

/// How long nothing is tried again that was refused.
const PAUSE: Duration = Duration::from_millis(500);

/// How many keys are remembered whose events a destination refused.
const MOST_HELD: usize = 10_000;

/// How long the first wait for a destination is that takes nothing, and the longest.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));

/// How long the first wait of a key is whose event was refused, and the longest.
const HOLD: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// What has one order.
type Key = (BucketId, ObjectKey);

/// Several.
type Keys = HashSet<Key>;

/// Deliveries to one destination. One holder of it delivers at a time: order is kept by that.
pub struct Deliveries {
    name: DestinationName,
    sink: Arc<dyn EventSink>,
    ports: Ports,
    /// How old an event becomes before it is given up.
    give_up: Duration,
    held: HashMap<Key, Held>,
    /// How often in a row the destination took nothing.
    failures: u32,
    /// What was delivered, and could not be removed: it is not delivered again before it is.
    delivered: Vec<EventRow>,
}

/// A key whose events wait, since the first of them was refused.
struct Held {
    until: Duration,
    refusals: u32,
}

/// What a round of deliveries came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Events that the destination acknowledged.
    pub delivered: u64,
    /// Deliveries that failed.
    pub failed: u64,
    /// Events that were given up.
    pub given_up: u64,
    /// Events that were met and stay.
    pub left: u64,
    /// When the oldest of them happened.
    pub oldest: Option<Timestamp>,
    /// Whether the destination takes nothing now: the next round waits, whatever happens.
    pub unavailable: bool,
    /// Whether there may be more than the round has met.
    pub more: bool,
    /// When the next round is due, if nothing new happens; without it nothing is left.
    pub next: Option<Duration>,
}

/// What is done with events of one page.
#[derive(Default)]
struct Sorted {
    delivered: Vec<EventRow>,
    given_up: Vec<EventRow>,
    /// Why the destination takes nothing.
    unavailable: Option<SinkError>,
}

impl Deliveries {
    /// To this destination, over these stores.
    pub fn new(name: DestinationName, sink: Arc<dyn EventSink>, ports: Ports, give_up: Duration) -> Self {
        Self {
            name,
            sink,
            ports,
            give_up,
            held: HashMap::new(),
            failures: 0,
            delivered: Vec::new(),
        }
    }

    /// Delivers what waits, those of a key in their order: of each lane a page, and all where it has no more. What the
    /// destination refuses waits, with all later events of its key, and the other keys go on. Where it takes nothing, the
    /// round ends.
    pub async fn round(&mut self) -> StoreResult<DeliveryReport> {
        if !self.delivered.is_empty() {
            self.ports.metadata.remove_events(&self.delivered).await?;
            self.delivered.clear();
        }
        let mut report = DeliveryReport::default();
        let began = self.ports.clock.elapsed();
        let held = self.held.iter().filter(|(_, held)| held.until > began);
        let mut waiting: Keys = held.map(|(key, _)| key.clone()).collect();
        let mut unavailable = None;
        let mut after: Option<String> = None;
        'lanes: loop {
            let lanes = self
                .ports
                .metadata
                .scan_event_lanes(after.as_deref(), LANES)
                .await?;
            for lane in &lanes.items {
                unavailable = self.lane(lane, &mut waiting, &mut report).await?;
                if unavailable.is_some() {
                    break 'lanes;
                }
            }
            after = lanes.next;
            if after.is_none() {
                break;
            }
        }
        report.unavailable = unavailable.is_some();
        if report.delivered > 0 || unavailable.is_none() {
            self.failures = 0;
        }
        report.next = match unavailable {
            Some(error) => Some(self.failed(&error)),
            None if report.more => Some(Duration::ZERO),
            None => {
                // All whose wait was over had their turn. What is still known of one is that its events are gone.
                self.held.retain(|_, held| held.until > began);
                let now = self.ports.clock.elapsed();
                let due = self.held.values().map(|held| held.until.saturating_sub(now));
                due.min().map(|due| due.max(PAUSE)).filter(|_| report.left > 0)
            }
        };
        Ok(report)
    }

    /// Delivers what waits in a lane, up to the end of the first page of which something was delivered: a change that was
    /// made meanwhile may have put an event before that end, and later ones of its key after it. Returns why the
    /// destination takes nothing, if that is so.
    async fn lane(
        &mut self,
        lane: &str,
        waiting: &mut Keys,
        report: &mut DeliveryReport,
    ) -> StoreResult<Option<SinkError>> {
        let queue = EventQueue {
            destination: self.name.clone(),
            dead: false,
        };
        let mut after = None;
        loop {
            let metadata = &self.ports.metadata;
            let page = metadata.scan_events(lane, &queue, after, PAGE).await?;
            let (rows, next) = (page.items, page.next);
            if let Some(before) = after
                && rows.iter().any(|row| !waiting.contains(&key_of(row)))
            {
                self.wait_for_earlier(lane, &queue, before, waiting).await?;
            }
            let sorted = self.page(&rows, waiting, report).await;
            self.settle(&rows, &sorted, report).await?;
            if sorted.unavailable.is_some() {
                return Ok(sorted.unavailable);
            }
            let moved = !sorted.delivered.is_empty() || !sorted.given_up.is_empty();
            report.more |= moved && next.is_some();
            after = next;
            if moved || after.is_none() {
                return Ok(None);
            }
        }
    }

    /// Lets the keys wait of all events up to this place, of which some may have been written after it was passed.
    async fn wait_for_earlier(
        &self,
        lane: &str,
        queue: &EventQueue,
        until: EventPlace,
        waiting: &mut Keys,
    ) -> StoreResult<()> {
        let mut after = None;
        loop {
            let page = self.ports.metadata.scan_events(lane, queue, after, PAGE).await?;
            for row in page.items {
                if row.place() > until {
                    return Ok(());
                }
                waiting.insert(key_of(&row));
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Delivers what may be delivered of a page: in turns, in each the first event of every key that does not wait.
    async fn page(&mut self, rows: &[EventRow], waiting: &mut Keys, report: &mut DeliveryReport) -> Sorted {
        let mut sorted = Sorted::default();
        let mut rest: Vec<&EventRow> = rows.iter().collect();
        while !rest.is_empty() && sorted.unavailable.is_none() {
            let (turn, later) = turn(rest, waiting, self.sink.at_once());
            if turn.is_empty() {
                break;
            }
            let deliveries: Vec<Delivery> = turn.iter().map(|row| delivery(row)).collect();
            let outcomes = self.sink.deliver(&deliveries).await;
            // One that takes others does not take this.
            let takes_some = outcomes.iter().any(Result::is_ok);
            for (number, row) in turn.into_iter().enumerate() {
                let missing = || {
                    Err(SinkError::unavailable(
                        "the destination says nothing of this event",
                    ))
                };
                match outcomes.get(number).cloned().unwrap_or_else(missing) {
                    Ok(()) => {
                        self.held.remove(&key_of(row));
                        sorted.delivered.push(row.clone());
                    }
                    Err(mut error) => {
                        if takes_some {
                            error.kind = SinkErrorKind::Refused;
                        }
                        report.failed += 1;
                        if !self.gives_up(row, &error, &mut sorted) {
                            waiting.insert(key_of(row));
                            self.waits(row, error, &mut sorted);
                        }
                    }
                }
            }
            rest = later;
        }
        sorted
    }

    /// Gives an event up that was not delivered, if it is old: those of its key after it go on.
    fn gives_up(&mut self, row: &EventRow, error: &SinkError, sorted: &mut Sorted) -> bool {
        if !self.is_old(row) {
            return false;
        }
        tracing::error!(
            destination = %self.name, event = %row.id, bucket = %row.facts.bucket_name, error = %error,
            "an event is given up: it is a dead letter now"
        );
        self.held.remove(&key_of(row));
        sorted.given_up.push(row.clone());
        if error.kind == SinkErrorKind::Unavailable {
            sorted.unavailable.get_or_insert_with(|| error.clone());
        }
        true
    }

    /// Lets an event wait that was not delivered, and those of its key after it, or all events.
    fn waits(&mut self, row: &EventRow, error: SinkError, sorted: &mut Sorted) {
        let key = key_of(row);
        let is_one_too_many = self.held.len() >= MOST_HELD && !self.held.contains_key(&key);
        if error.kind == SinkErrorKind::Unavailable || is_one_too_many {
            sorted.unavailable.get_or_insert(error);
            return;
        }
        let jitter = self.jitter();
        let now = self.ports.clock.elapsed();
        let held = self.held.entry(key).or_insert(Held {
            until: now,
            refusals: 0,
        });
        held.until = now + doubled(HOLD, held.refusals).mul_f64(jitter);
        held.refusals = held.refusals.saturating_add(1);
        let refusals = held.refusals;
        tracing::warn!(
            destination = %self.name, event = %row.id, bucket = %row.facts.bucket_name, error = %error, refusals,
            "an event was refused: it is delivered again later, and those of its key after it"
        );
    }

    /// Removes what was delivered, and puts what was given up aside. Where the destination takes nothing, that is all of
    /// the page that is old enough.
    async fn settle(
        &mut self,
        rows: &[EventRow],
        sorted: &Sorted,
        report: &mut DeliveryReport,
    ) -> StoreResult<()> {
        let stays = |row: &&EventRow| sorted.delivered.iter().all(|other| other.id != row.id);
        let left: Vec<&EventRow> = rows.iter().filter(stays).collect();
        let goes = |row: &&&EventRow| match &sorted.unavailable {
            Some(_) => self.is_old(row),
            None => sorted.given_up.iter().any(|other| other.id == row.id),
        };
        let given_up: Vec<EventRow> = left.iter().filter(goes).map(|row| (*row).clone()).collect();
        let dead: Vec<EventRow> = given_up
            .iter()
            .map(|row| EventRow {
                dead: true,
                ..row.clone()
            })
            .collect();
        let metadata = &self.ports.metadata;
        if !dead.is_empty() {
            metadata.put_events(&dead).await?;
        }
        let gone = [sorted.delivered.as_slice(), given_up.as_slice()].concat();
        if !gone.is_empty()
            && let Err(error) = metadata.remove_events(&gone).await
        {
            self.delivered.extend_from_slice(&sorted.delivered);
            return Err(error);
        }
        report.delivered += sorted.delivered.len() as u64;
        report.given_up += dead.len() as u64;
        report.left += (left.len() - dead.len()) as u64;
        let stay = left
            .iter()
            .filter(|row| dead.iter().all(|other| other.id != row.id));
        let oldest = stay.map(|row| row.facts.time).min();
        report.oldest = report.oldest.into_iter().chain(oldest).min();
        Ok(())
    }

    /// How long to wait for a destination that takes nothing.
    fn failed(&mut self, error: &SinkError) -> Duration {
        let wait = doubled(WAIT, self.failures).mul_f64(self.jitter());
        self.failures = self.failures.saturating_add(1);
        tracing::warn!(
            destination = %self.name, place = self.sink.place(), error = %error, failures = self.failures,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "a destination takes no events"
        );
        wait
    }

    /// Whether an event has waited for long enough: since it happened, or since the operator put it back.
    fn is_old(&self, row: &EventRow) -> bool {
        let since = row
            .retried
            .map_or(row.facts.time, |time| time.max(row.facts.time));
        self.ports.clock.now().since(since) > self.give_up
    }

    /// Between a half and one.
    fn jitter(&self) -> f64 {
        let mut byte = [0; 1];
        self.ports.entropy.fill(&mut byte);
        0.5 + f64::from(byte[0]) / 510.0
    }
}

fn key_of(row: &EventRow) -> Key {
    (row.bucket, row.key.clone())
}

/// The first of these, doubled that often, and at most the second.
fn doubled((first, longest): (Duration, Duration), times: u32) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(longest)
}

/// The first events of keys that do not wait, at most `limit`, and what may be delivered after them.
fn turn<'r>(rows: Vec<&'r EventRow>, waiting: &Keys, limit: usize) -> (Vec<&'r EventRow>, Vec<&'r EventRow>) {
    let mut keys = HashSet::new();
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for row in rows.into_iter().filter(|row| !waiting.contains(&key_of(row))) {
        match first.len() < limit && keys.insert((row.bucket, &row.key)) {
            true => first.push(row),
            false => later.push(row),
        }
    }
    (first, later)
}
