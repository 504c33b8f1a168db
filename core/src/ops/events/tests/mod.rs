//! Events over stores in memory.

mod deliveries;
mod documents;
mod late;
mod stage;
mod told;
mod unlucky;
mod upkeep;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::model::{
    BucketId, BucketName, DestinationName, EventFacts, EventId, EventName, EventQueue, EventRow, ObjectKey,
};
use crate::ops::tests::stand_ins::{self, Hands};
use crate::ports::{Delivery, EventSink, Ports, SinkError};

/// What a destination says to a call.
type Answer = dyn FnMut(&[Delivery]) -> Vec<Result<(), SinkError>> + Send;

/// A destination that says what a test has it say, and notes what it was given.
struct Scripted {
    at_once: usize,
    answer: Mutex<Box<Answer>>,
    calls: Mutex<Vec<Vec<Delivery>>>,
}

impl Scripted {
    fn new(
        at_once: usize,
        answer: impl FnMut(&[Delivery]) -> Vec<Result<(), SinkError>> + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            at_once,
            answer: Mutex::new(Box::new(answer)),
            calls: Mutex::default(),
        })
    }

    /// One that takes everything.
    fn willing(at_once: usize) -> Arc<Self> {
        Self::new(at_once, |deliveries| deliveries.iter().map(|_| Ok(())).collect())
    }

    /// One that decides on each delivery by itself.
    fn each(
        at_once: usize,
        mut decide: impl FnMut(&Delivery) -> Result<(), SinkError> + Send + 'static,
    ) -> Arc<Self> {
        Self::new(at_once, move |deliveries| {
            deliveries.iter().map(&mut decide).collect()
        })
    }

    fn answers(&self, answer: impl FnMut(&[Delivery]) -> Vec<Result<(), SinkError>> + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// The calls since they were last asked for.
    fn calls(&self) -> Vec<Vec<Delivery>> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// The keys and numbers of what was tried since then.
    fn tried(&self) -> Vec<(String, u64)> {
        let calls = self.calls();
        let tried = calls.iter().flatten();
        tried
            .map(|delivery| (delivery.key.clone(), number_of(delivery)))
            .collect()
    }
}

#[async_trait]
impl EventSink for Scripted {
    fn at_once(&self) -> usize {
        self.at_once
    }

    async fn deliver(&self, deliveries: &[Delivery]) -> Vec<Result<(), SinkError>> {
        self.calls.lock().unwrap().push(deliveries.to_vec());
        (self.answer.lock().unwrap())(deliveries)
    }

    fn place(&self) -> String {
        "a test".to_owned()
    }
}

/// A store and its clock.
struct Bed {
    ports: Ports,
    clock: Arc<Hands>,
}

/// How old an event becomes.
const GIVE_UP: Duration = Duration::from_secs(3_600);

impl Bed {
    fn new() -> Self {
        let clock = Arc::new(Hands::default());
        clock.advance(Duration::from_secs(1_000_000));
        let mut ports = stand_ins::ports(100);
        ports.clock = clock.clone();
        Self { ports, clock }
    }

    fn deliveries(&self, sink: &Arc<Scripted>) -> Deliveries {
        Deliveries::new(destination(), sink.clone(), self.ports.clone(), GIVE_UP)
    }

    /// As many rounds as it takes until no more is to be met, as one.
    async fn rounds(&self, deliveries: &mut Deliveries) -> DeliveryReport {
        let mut all = deliveries.round().await.unwrap();
        while all.more {
            let next = deliveries.round().await.unwrap();
            all = DeliveryReport {
                delivered: all.delivered + next.delivered,
                failed: all.failed + next.failed,
                given_up: all.given_up + next.given_up,
                ..next
            };
        }
        all
    }

    /// Writes these events, which happen now.
    async fn put(&self, events: &[(&str, u64)]) {
        let now = self.ports.clock.now();
        let rows: Vec<_> = events
            .iter()
            .map(|(key, number)| {
                let mut row = event(key, *number);
                row.facts.time = now;
                row
            })
            .collect();
        self.ports.metadata.put_events(&rows).await.unwrap();
    }

    /// Lets a wait pass, on a clock that shows whole milliseconds.
    fn pass(&self, wait: Duration) {
        self.clock.advance(wait + Duration::from_millis(1));
    }

    async fn rows(&self, dead: bool) -> Vec<EventRow> {
        let (queue, mut rows) = (queue(dead), Vec::new());
        let mut pages = EventPages::new(self.ports.metadata.as_ref(), &queue);
        while let Some(page) = pages.next().await.unwrap() {
            rows.extend(page);
        }
        rows
    }

    /// The numbers of what waits, or was given up.
    async fn numbers(&self, dead: bool) -> Vec<u64> {
        self.rows(dead).await.iter().map(|row| row.sequence).collect()
    }
}

fn destination() -> DestinationName {
    "queue".parse().unwrap()
}

fn queue(dead: bool) -> EventQueue {
    EventQueue {
        destination: destination(),
        dead,
    }
}

fn id(number: u64) -> EventId {
    EventId::from_bytes(u128::from(number).to_be_bytes())
}

fn number_of(delivery: &Delivery) -> u64 {
    u64::from_str_radix(&delivery.id, 16).unwrap()
}

/// The event of that number of a key: numbers are sequences, and make ids.
fn event(key: &str, number: u64) -> EventRow {
    EventRow {
        id: id(number),
        destination: destination(),
        dead: false,
        sequence: number,
        bucket: BucketId::from_bytes([1; 16]),
        key: ObjectKey::new(key).unwrap(),
        version: None,
        name: EventName::CreatedByPut,
        retried: None,
        facts: EventFacts {
            rule: Some("rule".to_owned()),
            time: crate::model::Timestamp::from_millis(1_000),
            region: "us-east-1".to_owned(),
            bucket_name: BucketName::new("bucket").unwrap(),
            bucket_owner: "b".repeat(64),
            requester: "AWS:somebody".to_owned(),
            source: Some("192.0.2.1".to_owned()),
            request_id: "0123456789ABCDEF".to_owned(),
            size: Some(12),
            etag: Some("tag".to_owned()),
        },
    }
}

fn own(tried: &[(&str, u64)]) -> Vec<(String, u64)> {
    tried
        .iter()
        .map(|(key, number)| ((*key).to_owned(), *number))
        .collect()
}
