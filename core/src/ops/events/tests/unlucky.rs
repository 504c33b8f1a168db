//! Destinations that take nothing, events that are given up, and stores that fail.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::ports::{Around, AroundMetadata, StoreError};

fn down(deliveries: &[Delivery]) -> Vec<Result<(), SinkError>> {
    deliveries
        .iter()
        .map(|_| Err(SinkError::unavailable("down")))
        .collect()
}

fn up(deliveries: &[Delivery]) -> Vec<Result<(), SinkError>> {
    deliveries.iter().map(|_| Ok(())).collect()
}

#[tokio::test]
async fn a_destination_that_takes_nothing_ends_the_round_and_loses_nothing() {
    let bed = Bed::new();
    let events: Vec<_> = (1..=600).map(|number| ("a", number)).collect();
    bed.put(&events).await;
    let sink = Scripted::new(10, down);
    let mut deliveries = bed.deliveries(&sink);
    let report = deliveries.round().await.unwrap();
    assert!(report.unavailable && report.next.is_some());
    assert_eq!((report.delivered, report.failed, report.given_up), (0, 1, 0));
    assert_eq!(sink.tried(), own(&[("a", 1)]));
    assert_eq!(bed.rows(false).await.len(), 600);
    sink.answers(up);
    let report = bed.rounds(&mut deliveries).await;
    assert_eq!((report.delivered, report.next), (600, None));
}

#[tokio::test]
async fn its_wait_grows_to_a_minute_and_is_forgotten_after_a_success() {
    let bed = Bed::new();
    bed.put(&[("a", 1), ("a", 2)]).await;
    let sink = Scripted::new(10, down);
    let mut deliveries = bed.deliveries(&sink);
    let mut longest = Duration::from_millis(100);
    for _ in 0..20 {
        let wait = deliveries.round().await.unwrap().next.unwrap();
        assert!(wait >= longest / 2 && wait <= longest, "{wait:?} of {longest:?}");
        longest = (longest * 2).min(Duration::from_secs(60));
        bed.pass(wait);
    }
    // It takes one event, and then nothing again.
    sink.answers(|deliveries| match number_of(&deliveries[0]) {
        1 => up(deliveries),
        _ => down(deliveries),
    });
    let report = deliveries.round().await.unwrap();
    assert_eq!((report.delivered, report.unavailable), (1, true));
    assert!(report.next.unwrap() <= Duration::from_millis(100), "{report:?}");
}

#[tokio::test]
async fn waits_differ() {
    let bed = Bed::new();
    bed.put(&[("a", 1)]).await;
    let sink = Scripted::new(10, down);
    let mut waits = Vec::new();
    for _ in 0..4 {
        let mut deliveries = bed.deliveries(&sink);
        waits.push(deliveries.round().await.unwrap().next.unwrap());
    }
    waits.sort_unstable();
    waits.dedup();
    assert_eq!(waits.len(), 4);
}

#[tokio::test]
async fn what_a_destination_says_nothing_of_was_not_delivered() {
    let bed = Bed::new();
    bed.put(&[("a", 1), ("b", 2), ("c", 3)]).await;
    let sink = Scripted::new(10, |_| vec![Ok(())]);
    let mut deliveries = bed.deliveries(&sink);
    let report = deliveries.round().await.unwrap();
    // It takes others.
    assert!(!report.unavailable && report.next.is_some());
    assert_eq!((report.delivered, report.failed, report.left), (1, 2, 2));
    assert_eq!(bed.numbers(false).await, [2, 3]);
}

#[tokio::test]
async fn an_event_that_is_refused_for_too_long_is_given_up_and_those_after_it_go_on_at_once() {
    let bed = Bed::new();
    bed.put(&[("a", 1)]).await;
    bed.clock.advance(GIVE_UP);
    bed.put(&[("a", 2), ("b", 3)]).await;
    let sink = Scripted::each(10, |delivery| match number_of(delivery) {
        1 => Err(SinkError::refused("no")),
        _ => Ok(()),
    });
    let mut deliveries = bed.deliveries(&sink);
    let report = deliveries.round().await.unwrap();
    assert_eq!((report.given_up, report.left), (0, 2), "not older than it may be");
    bed.pass(report.next.unwrap());
    let report = deliveries.round().await.unwrap();
    assert_eq!((report.delivered, report.failed, report.given_up), (1, 1, 1));
    assert_eq!((report.left, report.next), (0, None));
    assert_eq!(sink.tried(), own(&[("a", 1), ("b", 3), ("a", 1), ("a", 2)]));
    assert!(bed.rows(false).await.is_empty());
    let dead = bed.rows(true).await;
    assert_eq!(
        (dead.len(), dead[0].sequence, dead[0].id, dead[0].dead),
        (1, 1, id(1), true)
    );
    // Nobody delivers it again.
    deliveries.round().await.unwrap();
    assert!(sink.calls().is_empty());
}

#[tokio::test]
async fn what_waits_for_too_long_for_a_destination_that_takes_nothing_is_given_up() {
    let bed = Bed::new();
    bed.put(&[("a", 1), ("b", 2), ("a", 3)]).await;
    bed.clock.advance(GIVE_UP + Duration::from_secs(1));
    bed.put(&[("b", 4)]).await;
    let sink = Scripted::new(1, down);
    let report = bed.deliveries(&sink).round().await.unwrap();
    assert!(report.unavailable);
    assert_eq!((report.failed, report.given_up, report.left), (1, 3, 1));
    assert_eq!(bed.numbers(true).await, [1, 2, 3]);
    assert_eq!(bed.numbers(false).await, [4]);
}

/// Fails a removal of events, once it has been told to.
#[derive(Clone)]
struct Failing(Arc<AtomicBool>);

impl Around for Failing {
    async fn around<T, E>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        if method == "remove_events" && self.0.load(Ordering::SeqCst) {
            return Err(StoreError::internal("a disk").into());
        }
        call.await
    }
}

#[tokio::test]
async fn what_cannot_be_removed_is_removed_before_anything_is_delivered() {
    let mut bed = Bed::new();
    let fails = Arc::new(AtomicBool::new(true));
    let metadata = AroundMetadata::new(bed.ports.metadata.clone(), Failing(fails.clone()));
    bed.ports.metadata = Arc::new(metadata);
    bed.put(&[("a", 1), ("b", 2)]).await;
    let sink = Scripted::willing(10);
    let mut deliveries = bed.deliveries(&sink);
    assert!(deliveries.round().await.is_err());
    assert_eq!(sink.calls().len(), 1);
    assert!(deliveries.round().await.is_err());
    fails.store(false, Ordering::SeqCst);
    assert_eq!(deliveries.round().await.unwrap(), DeliveryReport::default());
    assert!(sink.calls().is_empty());
    assert!(bed.rows(false).await.is_empty());
}
