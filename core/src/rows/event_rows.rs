//! Where events lie in a store that has no order of its own for them: their lanes, and their order in one. And which marks
//! an edit needs.

use sha2::{Digest, Sha256};

use crate::model::{BucketId, EventPlace, EventQueue, EventRow, ObjectKey, hex};
use crate::ports::{Edit, Page};
use crate::rows::RowChange;

/// The lane of all events in a store that has one lane.
pub const ONLY_EVENT_LANE: &str = "00";

/// Which of so many lanes, a power of two, the events of a key are in. It is the same for ever: what lies in another lane
/// would no longer be in order with what comes.
pub fn event_lane_of(bucket: BucketId, key: &ObjectKey, lanes: u8) -> String {
    let digest = Sha256::new()
        .chain_update(bucket.as_bytes())
        .chain_update(key.as_str())
        .finalize();
    lane(digest[0] & lanes.saturating_sub(1))
}

/// The lanes after one of them, out of so many.
pub fn event_lanes_after(after: Option<&str>, lanes: u8, limit: usize) -> Page<String, String> {
    let mut left = (0..lanes)
        .map(lane)
        .filter(|lane| after.is_none_or(|after| lane.as_str() > after));
    let items: Vec<String> = left.by_ref().take(limit).collect();
    let next = left.next().and_then(|_| items.last().cloned());
    Page { items, next }
}

/// What all events of a queue in a lane, and of no other, are ordered by starts with.
pub fn order_of_events(lane: &str, queue: &EventQueue) -> String {
    let state = if queue.dead { "dead" } else { "waiting" };
    format!("{lane}_{state}_{}_", queue.destination)
}

/// What an event is ordered by among those of its lane and queue.
pub fn order_of_event(place: EventPlace) -> String {
    let EventPlace { sequence, id } = place;
    format!("{sequence:016x}{id}")
}

/// Two digits, so that lanes are ordered by them.
fn lane(number: u8) -> String {
    format!("{number:02x}")
}

/// What the mark of a key's last event is called, however long the key is.
pub fn name_of_event_mark(bucket: BucketId, key: &ObjectKey) -> String {
    format!("{bucket}-{}", hex(Sha256::digest(key.as_str())))
}

/// The keys whose marks an edit has to know: its own and that of its source, if it has events about them.
pub fn marked_keys<'a>(edit: &Edit<'a>) -> (Option<&'a ObjectKey>, Option<&'a ObjectKey>) {
    let told = |key: &ObjectKey| edit.events.iter().any(|event| event.key == *key);
    let source = edit.source.map(|source| source.key);
    (
        Some(edit.key()).filter(|key| told(key)),
        source.filter(|key| told(key)),
    )
}

/// The events that these changes write.
pub(super) fn events_of(changes: &[RowChange<'_>]) -> Vec<EventRow> {
    let event = |change: &RowChange<'_>| match change {
        RowChange::Event(event) => Some(EventRow::clone(event)),
        _ => None,
    };
    changes.iter().filter_map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventId;

    #[test]
    fn a_key_stays_in_its_lane_for_ever() {
        let bucket = BucketId::from_bytes([1; 16]);
        let lane = |key| event_lane_of(bucket, &ObjectKey::new(key).unwrap(), 16);
        assert_eq!(["a", "a/b", "é", "photo.jpg"].map(lane), ["0b", "02", "0c", "03"]);
        let only = event_lane_of(bucket, &ObjectKey::new("a").unwrap(), 1);
        assert_eq!(only, ONLY_EVENT_LANE);
    }

    #[test]
    fn lanes_are_read_in_pages_that_meet_each_once() {
        let first = event_lanes_after(None, 16, 10);
        let last = event_lanes_after(first.next.as_deref(), 16, 10);
        assert_eq!((first.items.len(), last.next), (10, None));
        let all = event_lanes_after(None, 16, 16);
        assert_eq!(all.next, None);
        assert_eq!(all.items, [first.items, last.items].concat());
        assert_eq!(all.items.last().map(String::as_str), Some("0f"));
        assert_eq!(event_lanes_after(None, 1, 10).items, [ONLY_EVENT_LANE]);
    }

    #[test]
    fn events_are_ordered_by_their_places_and_no_queue_has_those_of_another() {
        let order = |sequence, id| {
            order_of_event(EventPlace {
                sequence,
                id: EventId::from_bytes([id; 16]),
            })
        };
        assert!(
            order(9, 200) < order(10, 1) && order(10, 1) < order(10, 2) && order(16, 0) < order(u64::MAX, 0)
        );
        let queue = |name: &str, dead| EventQueue {
            destination: name.parse().unwrap(),
            dead,
        };
        let queues = [
            queue("a", false),
            queue("a", true),
            queue("a-b", false),
            queue("ab", false),
        ];
        let orders: Vec<String> = queues.iter().map(|queue| order_of_events("00", queue)).collect();
        for order in &orders {
            let within = orders.iter().filter(|other| other.starts_with(order));
            assert_eq!(within.count(), 1, "{order}");
        }
    }
}
