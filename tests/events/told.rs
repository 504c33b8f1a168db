//! What arrived, compared with what was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::redis::Redis;
use super::writer::Writer;

/// An event that arrived.
pub(crate) struct Event {
    key: String,
    name: String,
    sequencer: String,
    size: Option<usize>,
}

/// All events, each once, in the order of their first arrival, once the last of each writer is there.
pub(crate) fn until_all_of(redis: &Redis, writers: &[Writer]) -> Vec<Event> {
    let last: BTreeSet<usize> = writers
        .iter()
        .filter_map(|writer| writer.asked.last()?.length)
        .collect();
    let begun = Instant::now();
    loop {
        let found = events(redis);
        let sizes: BTreeSet<usize> = found.iter().filter_map(|event| event.size).collect();
        if last.is_subset(&sizes) && all_of(&found, writers) {
            return found;
        }
        if begun.elapsed() > Duration::from_secs(120) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether each acknowledged write is there.
fn all_of(found: &[Event], writers: &[Writer]) -> bool {
    let sizes: BTreeSet<usize> = found.iter().filter_map(|event| event.size).collect();
    let asked = writers.iter().flat_map(|writer| &writer.asked);
    asked
        .filter(|asked| asked.done)
        .filter_map(|asked| asked.length)
        .all(|length| sizes.contains(&length))
}

fn events(redis: &Redis) -> Vec<Event> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (id, document) in redis.entries() {
        // The test event of the configuration has no records.
        let Some(records) = document["Records"].as_array() else {
            continue;
        };
        assert_eq!(records.len(), 1, "{document}");
        if seen.insert(id) {
            found.push(event(&records[0]));
        }
    }
    found
}

fn event(record: &Value) -> Event {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let object = &record["s3"]["object"];
    assert_eq!(record["eventSource"], "aws:s3");
    assert_eq!(record["s3"]["configurationId"], "all");
    Event {
        key: text(&object["key"]).replace('+', " "),
        name: text(&record["eventName"]),
        sequencer: text(&object["sequencer"]),
        size: object["size"].as_u64().map(|size| usize::try_from(size).unwrap()),
    }
}

/// Everything acknowledged arrived, nothing that nobody asked for did, and the events of each key are in its order.
pub(crate) fn check(found: &[Event], writers: &[Writer]) {
    let mut by_key: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in found {
        by_key.entry(&event.key).or_default().push(event);
    }
    for writer in writers {
        let keys: BTreeSet<&str> = writer.asked.iter().map(|asked| asked.key.as_str()).collect();
        for key in keys {
            let events = by_key.remove(key).unwrap_or_default();
            assert!(
                events.is_sorted_by(|one, other| one.sequencer < other.sequencer),
                "{key} is out of order"
            );
            let mut rest = events.into_iter().peekable();
            // Whether something is under the key, as far as it is known.
            let mut there = Some(false);
            for asked in writer.asked.iter().filter(|asked| asked.key == key) {
                let is_its = |event: &&Event| match asked.length {
                    Some(length) => event.size == Some(length) && event.name == "ObjectCreated:Put",
                    None => event.size.is_none() && event.name.starts_with("ObjectRemoved:"),
                };
                let told = rest.next_if(is_its).is_some();
                let must = asked.done && (asked.length.is_some() || there == Some(true));
                assert!(
                    told || !must,
                    "no event of {key}, {:?}, acknowledged: {}",
                    asked.length,
                    asked.done
                );
                there = match (asked.length.is_some(), asked.done || told) {
                    (is_written, true) => Some(is_written),
                    (_, false) => None,
                };
            }
            let left: Vec<_> = rest.map(|event| (&event.name, event.size)).collect();
            assert!(left.is_empty(), "{key}: nobody asked for {left:?}");
        }
    }
    assert!(by_key.is_empty(), "{:?}", by_key.keys());
}
