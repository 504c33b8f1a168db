//! What is delivered, in which order, and what is removed.

use std::collections::HashSet;

use super::*;

#[tokio::test]
async fn all_that_waits_is_delivered_once_in_the_order_of_each_key_and_removed() {
    let bed = Bed::new();
    bed.put(&[("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5), ("b", 6)])
        .await;
    let sink = Scripted::willing(10);
    let mut deliveries = bed.deliveries(&sink);
    let report = deliveries.round().await.unwrap();
    assert_eq!(
        report,
        DeliveryReport {
            delivered: 6,
            ..DeliveryReport::default()
        }
    );
    let turns: Vec<Vec<u64>> = sink
        .calls()
        .iter()
        .map(|call| call.iter().map(number_of).collect())
        .collect();
    assert_eq!(turns, [vec![1, 2, 4], vec![3, 6], vec![5]]);
    assert_eq!(bed.numbers(false).await, Vec::<u64>::new());
    assert_eq!(
        deliveries.round().await.unwrap(),
        DeliveryReport::default(),
        "nothing is left"
    );
    assert!(sink.calls().is_empty());
}

#[tokio::test]
async fn more_than_a_page_is_delivered_and_no_call_has_two_events_of_a_key_or_too_many() {
    let bed = Bed::new();
    let keys = ["a", "b", "c", "d", "e", "f", "g"];
    let events: Vec<_> = (0..1_234)
        .map(|number| (keys[number % keys.len()], number as u64))
        .collect();
    bed.put(&events).await;
    let sink = Scripted::willing(5);
    let report = bed.rounds(&mut bed.deliveries(&sink)).await;
    assert_eq!((report.delivered, report.left), (1_234, 0));
    let calls = sink.calls();
    for call in &calls {
        let distinct: HashSet<_> = call.iter().map(Delivery::group).collect();
        assert!(distinct.len() == call.len() && call.len() <= 5, "{call:?}");
    }
    for key in keys {
        let of_key = calls.iter().flatten().filter(|delivery| delivery.key == key);
        let numbers: Vec<u64> = of_key.map(number_of).collect();
        let wanted: Vec<u64> = events
            .iter()
            .filter(|(other, _)| *other == key)
            .map(|(_, n)| *n)
            .collect();
        assert_eq!(numbers, wanted, "{key}");
    }
    assert!(bed.rows(false).await.is_empty());
}

#[tokio::test]
async fn keys_of_two_buckets_have_orders_of_their_own() {
    let bed = Bed::new();
    let mut other = event("a", 2);
    other.bucket = BucketId::from_bytes([2; 16]);
    let rows = [event("a", 1), other];
    bed.ports.metadata.put_events(&rows).await.unwrap();
    let sink = Scripted::willing(10);
    bed.deliveries(&sink).round().await.unwrap();
    assert_eq!(sink.calls().len(), 1);
}

#[tokio::test]
async fn a_refused_event_holds_back_those_of_its_key_alone() {
    let bed = Bed::new();
    bed.put(&[("a", 1), ("b", 2), ("a", 3), ("b", 4)]).await;
    let sink = Scripted::each(10, |delivery| match delivery.key.as_str() {
        "a" => Err(SinkError::refused("no")),
        _ => Ok(()),
    });
    let mut deliveries = bed.deliveries(&sink);
    let report = deliveries.round().await.unwrap();
    assert_eq!(sink.tried(), own(&[("a", 1), ("b", 2), ("b", 4)]));
    assert_eq!((report.delivered, report.failed, report.left), (2, 1, 2));
    assert_eq!(report.oldest, Some(bed.ports.clock.now()));
    assert!(!report.unavailable);
    assert_eq!(bed.numbers(false).await, [1, 3]);
    // Before its wait is over, it is left alone, and what others wait for is not.
    bed.put(&[("a", 5), ("c", 6)]).await;
    let report = deliveries.round().await.unwrap();
    assert_eq!(sink.tried(), own(&[("c", 6)]));
    assert_eq!((report.delivered, report.failed, report.left), (1, 0, 3));
    bed.pass(report.next.unwrap());
    sink.answers(|deliveries| deliveries.iter().map(|_| Ok(())).collect());
    assert_eq!(deliveries.round().await.unwrap().delivered, 3);
    assert_eq!(sink.tried(), own(&[("a", 1), ("a", 3), ("a", 5)]));
    assert!(bed.rows(false).await.is_empty());
}

#[tokio::test]
async fn a_refusal_in_one_page_holds_back_the_key_in_the_next() {
    let bed = Bed::new();
    let mut events: Vec<_> = (1..=500).map(|number| ("b", number)).collect();
    events[0].0 = "a";
    events.extend([("a", 501), ("c", 502)]);
    bed.put(&events).await;
    let sink = Scripted::each(10, |delivery| match delivery.key.as_str() {
        "a" => Err(SinkError::refused("no")),
        _ => Ok(()),
    });
    bed.rounds(&mut bed.deliveries(&sink)).await;
    assert_eq!(bed.numbers(false).await, [1, 501]);
}

#[tokio::test]
async fn the_wait_of_a_refused_event_doubles_to_five_minutes() {
    let bed = Bed::new();
    bed.put(&[("a", 1)]).await;
    let sink = Scripted::each(10, |_| Err(SinkError::refused("no")));
    let mut deliveries = bed.deliveries(&sink);
    for longest in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        let longest = Duration::from_secs(longest);
        let wait = deliveries.round().await.unwrap().next.unwrap();
        assert!(wait >= longest / 2 && wait <= longest, "{wait:?} of {longest:?}");
        assert_eq!(sink.tried(), own(&[("a", 1)]));
        bed.clock.advance(wait - Duration::from_millis(2));
        let next = deliveries.round().await.unwrap().next;
        assert_eq!(sink.tried(), []);
        bed.pass(next.unwrap());
    }
}

#[tokio::test]
async fn the_wait_of_a_key_is_forgotten_once_its_event_is_taken() {
    let bed = Bed::new();
    bed.put(&[("a", 1), ("a", 2)]).await;
    let sink = Scripted::each(10, |_| Err(SinkError::refused("no")));
    let mut deliveries = bed.deliveries(&sink);
    for _ in 0..4 {
        bed.pass(deliveries.round().await.unwrap().next.unwrap());
    }
    sink.answers(|deliveries| {
        let refused = |delivery: &Delivery| match number_of(delivery) {
            1 => Ok(()),
            _ => Err(SinkError::refused("no")),
        };
        deliveries.iter().map(refused).collect()
    });
    let report = deliveries.round().await.unwrap();
    assert_eq!((report.delivered, report.left), (1, 1));
    assert!(report.next.unwrap() <= Duration::from_secs(1), "{report:?}");
}

#[tokio::test]
async fn a_key_whose_refused_event_is_gone_makes_no_rounds_without_a_wait() {
    let bed = Bed::new();
    bed.put(&[("a", 1)]).await;
    let sink = Scripted::each(10, |_| Err(SinkError::refused("no")));
    let mut deliveries = bed.deliveries(&sink);
    let wait = deliveries.round().await.unwrap().next.unwrap();
    drop_events(bed.ports.metadata.as_ref(), &queue(false), None)
        .await
        .unwrap();
    bed.pass(wait);
    bed.put(&[("b", 2)]).await;
    let next = deliveries.round().await.unwrap().next.unwrap();
    assert!(next >= Duration::from_millis(500), "{next:?}");
}
