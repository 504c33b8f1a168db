//! What operators do to events.

use super::*;

fn dead(key: &str, number: u64) -> EventRow {
    EventRow {
        dead: true,
        ..event(key, number)
    }
}

async fn with_dead(numbers: impl Iterator<Item = u64>) -> Bed {
    let bed = Bed::new();
    let rows: Vec<_> = numbers.map(|number| dead("a", number)).collect();
    bed.ports.metadata.put_events(&rows).await.unwrap();
    bed
}

#[tokio::test]
async fn dead_letters_are_put_back_and_have_as_long_as_new_ones() {
    let bed = with_dead(1..=1_200).await;
    let count = retry_events(&bed.ports, &destination(), None).await.unwrap();
    assert_eq!(count, 1_200);
    assert!(bed.rows(true).await.is_empty());
    let now = bed.ports.clock.now();
    let rows = bed.rows(false).await;
    assert_eq!(rows.len(), 1_200);
    for (row, number) in rows.iter().zip(1..) {
        let wanted = EventRow {
            retried: Some(now),
            ..event("a", number)
        };
        assert_eq!(*row, wanted);
    }
    let sink = Scripted::each(10, |_| Err(SinkError::refused("no")));
    let mut deliveries = bed.deliveries(&sink);
    bed.clock.advance(GIVE_UP);
    let report = deliveries.round().await.unwrap();
    assert_eq!((report.given_up, report.left), (0, 1_200));
    bed.clock.advance(Duration::from_secs(1));
    let report = bed.rounds(&mut deliveries).await;
    assert_eq!((report.given_up, report.left), (1_200, 0));
}

#[tokio::test]
async fn one_dead_letter_is_put_back_by_its_id() {
    let bed = with_dead(1..=3).await;
    let retry = |number| retry_events(&bed.ports, destination_of_bed(), Some(id(number)));
    assert_eq!(retry(2).await.unwrap(), 1);
    assert_eq!(bed.numbers(true).await, [1, 3]);
    assert_eq!(bed.numbers(false).await, [2]);
    assert_eq!(retry(2).await.unwrap(), 0, "it is no dead letter any more");
    let other = "other".parse().unwrap();
    assert_eq!(retry_events(&bed.ports, &other, None).await.unwrap(), 0);
}

fn destination_of_bed() -> &'static DestinationName {
    static NAME: std::sync::LazyLock<DestinationName> = std::sync::LazyLock::new(destination);
    &NAME
}

#[tokio::test]
async fn events_are_dropped_for_good_from_one_queue() {
    let bed = with_dead(1..=3).await;
    bed.put(&[("a", 4), ("b", 5)]).await;
    let metadata = bed.ports.metadata.as_ref();
    let (waiting, given_up) = (queue(false), queue(true));
    assert_eq!(drop_events(metadata, &given_up, Some(id(4))).await.unwrap(), 0);
    assert_eq!(drop_events(metadata, &waiting, Some(id(4))).await.unwrap(), 1);
    assert_eq!(bed.numbers(false).await, [5]);
    assert_eq!(drop_events(metadata, &given_up, None).await.unwrap(), 3);
    assert_eq!(bed.numbers(true).await, Vec::<u64>::new());
    assert_eq!(bed.numbers(false).await, [5]);
}

#[tokio::test]
async fn a_backlog_is_counted_up_to_its_limit() {
    let bed = Bed::new();
    bed.put(&[("a", 1), ("b", 2)]).await;
    let oldest = Some(bed.ports.clock.now());
    bed.clock.advance(Duration::from_secs(1));
    bed.put(&[("a", 3)]).await;
    let metadata = bed.ports.metadata.as_ref();
    for (limit, events, more) in [(2, 2, true), (3, 3, false), (9, 3, false)] {
        let wanted = EventBacklog { events, oldest, more };
        assert_eq!(
            event_backlog(metadata, &queue(false), limit).await.unwrap(),
            wanted
        );
    }
    let none = event_backlog(metadata, &queue(true), 2).await.unwrap();
    assert_eq!(none, EventBacklog::default());
}
