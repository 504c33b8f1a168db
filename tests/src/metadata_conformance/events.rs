//! Rules of events: they are written with the change that they tell of, and wait until they are removed.

use std::collections::BTreeSet;
use std::time::Duration;

use bleepstore_core::model::{
    Bucket, DestinationName, EventFacts, EventId, EventName, EventQueue, EventRow, ObjectRecord, VersionName,
    Versioning, WriteCondition,
};
use bleepstore_core::ports::{Edit, EditOutcome};

use super::MetadataFixture;
use super::edits::ANY;
use super::versions::{KEY, all, changed, keeping, kept};
use crate::race::race;
use crate::samples::{key, later};

/// How many race.
const RACERS: usize = 16;

/// A destination that no other rule has.
fn destination(f: &MetadataFixture) -> DestinationName {
    f.samples.unique().parse().unwrap()
}

fn event(f: &MetadataFixture, bucket: &Bucket, name: &str, to: &DestinationName) -> EventRow {
    EventRow {
        id: f.samples.id(EventId::from_bytes),
        destination: to.clone(),
        dead: false,
        sequence: 0,
        bucket: bucket.id,
        key: key(name),
        version: None,
        name: EventName::CreatedByPut,
        retried: None,
        facts: EventFacts {
            rule: Some("rule".to_owned()),
            time: later(),
            region: "us-east-1".to_owned(),
            bucket_name: bucket.name.clone(),
            bucket_owner: bucket.owner.id.clone(),
            requester: "AWS:somebody \u{1F600}".to_owned(),
            source: Some("192.0.2.1".to_owned()),
            request_id: "0123456789ABCDEF".to_owned(),
            size: Some(12),
            etag: Some("\u{e9}tag".to_owned()),
        },
    }
}

/// All events of a queue, those of a lane in their order, in pages of that many.
async fn queue(f: &MetadataFixture, queue: &EventQueue, limit: usize) -> Vec<EventRow> {
    let (mut found, mut lanes) = (Vec::new(), Vec::new());
    let mut after: Option<String> = None;
    loop {
        let page = f.store.scan_event_lanes(after.as_deref(), 5).await.unwrap();
        lanes.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(lanes.is_sorted_by(|one, other| one < other), "{lanes:?}");
    for lane in lanes {
        let mut after = None;
        loop {
            let page = f.store.scan_events(&lane, queue, after, limit).await.unwrap();
            assert!(page.items.len() <= limit);
            for row in &page.items {
                assert_eq!(f.store.event_lane(row.bucket, &row.key), lane);
                assert_eq!(row.queue(), *queue);
            }
            assert!(page.items.is_sorted_by(|one, other| one.place() < other.place()));
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    found
}

/// What waits for a destination.
async fn waiting(f: &MetadataFixture, to: &DestinationName) -> Vec<EventRow> {
    let of = EventQueue {
        destination: to.clone(),
        dead: false,
    };
    queue(f, &of, 100).await
}

async fn tell(f: &MetadataFixture, edit: Edit<'_>, events: &[EventRow]) -> EditOutcome {
    f.edit(&edit.telling(events)).await
}

/// With every field, and the place that it was given.
pub async fn an_event_is_written_with_its_change(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    let (record, told) = (
        f.samples.record(&bucket, "a b/\u{ffff}"),
        event(&f, &bucket, "a b/\u{ffff}", &to),
    );
    let outcome = tell(&f, Edit::put(&bucket, &record, ANY), std::slice::from_ref(&told)).await;
    assert_eq!(outcome, EditOutcome::Applied { displaced: None });
    assert_eq!(f.object(&bucket, "a b/\u{ffff}").await, Some(record));
    let found = waiting(&f, &to).await;
    let [found] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(found.sequence > 0);
    assert_eq!(
        *found,
        EventRow {
            sequence: found.sequence,
            ..told
        }
    );
}

/// Each to its own destination.
pub async fn a_change_tells_several_destinations(f: MetadataFixture) {
    let (bucket, one, other) = (f.bucket().await, destination(&f), destination(&f));
    let record = f.samples.record(&bucket, "a");
    let events = [event(&f, &bucket, "a", &one), event(&f, &bucket, "a", &other)];
    tell(&f, Edit::put(&bucket, &record, ANY), &events).await;
    for (to, told) in [(&one, &events[0]), (&other, &events[1])] {
        let found = waiting(&f, to).await;
        assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [told.id]);
    }
}

/// A condition that does not hold, a row that is not there, a bucket that is gone, and nothing to remove.
pub async fn what_changes_nothing_tells_nothing(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    let held = f.put(&bucket, "a").await;
    let record = f.samples.record(&bucket, "a");
    let told = [event(&f, &bucket, "a", &to)];
    let absent = super::edits::only_if(&WriteCondition::IfAbsent);
    let outcome = tell(&f, Edit::put(&bucket, &record, absent), &told).await;
    assert!(matches!(outcome, EditOutcome::Refused { .. }), "{outcome:?}");
    assert_eq!(f.object(&bucket, "a").await, Some(held));
    let nothing = [event(&f, &bucket, "b", &to)];
    let path = key("b");
    let outcome = tell(&f, Edit::remove(&bucket, &path, ANY), &nothing).await;
    assert_eq!(outcome, EditOutcome::Applied { displaced: None });
    let gone = f.samples.bucket();
    let record = f.samples.record(&gone, "c");
    let outcome = tell(&f, Edit::put(&gone, &record, ANY), &[event(&f, &gone, "c", &to)]).await;
    assert_eq!(outcome, EditOutcome::NoSuchBucket);
    assert_eq!(waiting(&f, &to).await, []);
}

/// Also while a key is empty, where nothing of it is left but its last event's place.
pub async fn events_of_a_key_have_an_order_whatever_clocks_say(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    let at = |minutes: u64| later().minus(Duration::from_secs(60 * minutes));
    let mut ids = Vec::new();
    for (minutes, removes) in [
        (5, false),
        (9, false),
        (1, true),
        (7, false),
        (8, true),
        (9, false),
    ] {
        let told = event(&f, &bucket, "a", &to);
        let told = [EventRow {
            facts: EventFacts {
                time: at(minutes),
                ..told.facts
            },
            ..told
        }];
        ids.push(told[0].id);
        let (record, path) = (f.samples.record(&bucket, "a"), key("a"));
        let edit = match removes {
            true => Edit::remove(&bucket, &path, ANY),
            false => Edit::put(&bucket, &record, ANY),
        };
        let outcome = tell(&f, edit, &told).await;
        assert!(matches!(outcome, EditOutcome::Applied { .. }), "{outcome:?}");
        // What was delivered is no longer there to tell the order.
        if minutes == 8 {
            let found = waiting(&f, &to).await;
            assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
            f.store.remove_events(&found).await.unwrap();
            ids.clear();
            let last = found.last().unwrap().sequence;
            assert!(last > u64::try_from(at(1).millis()).unwrap() * 1_000, "{last}");
        }
    }
    let found = waiting(&f, &to).await;
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    assert!(
        found[0].sequence > u64::try_from(at(1).millis()).unwrap() * 1_000 + 1,
        "{found:?}"
    );
}

/// That one object is there, and the other is not.
pub async fn a_rename_tells_of_both_keys(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    let source = f.put(&bucket, "a").await;
    let record = f.samples.renamed(&source, "b");
    let removed = EventRow {
        name: EventName::Removed,
        ..event(&f, &bucket, "a", &to)
    };
    let events = [event(&f, &bucket, "b", &to), removed];
    let outcome = tell(&f, Edit::put(&bucket, &record, ANY).moving(&source), &events).await;
    assert_eq!(outcome, EditOutcome::Applied { displaced: None });
    let found = waiting(&f, &to).await;
    let told: BTreeSet<_> = found.iter().map(|row| (row.key.to_string(), row.id)).collect();
    let expected = events.iter().map(|row| (row.key.to_string(), row.id));
    assert_eq!(told, expected.collect());
}

/// Once, however often the upload is completed.
pub async fn an_upload_that_closes_tells_once(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    let upload = f.begin(&bucket, "a").await;
    for first in [true, false] {
        let record = f.samples.record(&bucket, "a");
        let receipt = f.samples.completed(&upload, &record);
        let told = [event(&f, &bucket, "a", &to)];
        let outcome = tell(&f, Edit::put(&bucket, &record, ANY).closing(&receipt), &told).await;
        match outcome {
            EditOutcome::Applied { .. } => assert!(first),
            EditOutcome::Closed(_) => assert!(!first),
            other => panic!("{other:?}"),
        }
        assert_eq!(waiting(&f, &to).await.len(), 1);
    }
}

/// That of what is written is the one that it was given; of those that go each is told that was there.
pub async fn events_name_versions(f: MetadataFixture) {
    let (bucket, to) = (keeping(&f).await, destination(&f));
    let record = f.samples.record(&bucket, KEY);
    let told = [event(&f, &bucket, KEY, &to)];
    let edit = Edit {
        keeps: Some(Versioning::Enabled),
        ..Edit::put(&bucket, &record, ANY)
    };
    let written = changed(&f, &edit.telling(&told)).await.written.unwrap();
    assert!(matches!(written.version_name(), VersionName::Id(_)));
    let found = waiting(&f, &to).await;
    assert_eq!(
        found.iter().map(|row| row.version).collect::<Vec<_>>(),
        [Some(written.version_name())]
    );
    let newer = kept(&f, &bucket).await;
    let names = [newer.version_name(), VersionName::Null, written.version_name()];
    let removal = |name: &VersionName| EventRow {
        version: Some(*name),
        name: EventName::Removed,
        ..event(&f, &bucket, KEY, &to)
    };
    let told: Vec<EventRow> = names.iter().map(removal).collect();
    let path = key(KEY);
    let rows = all(&f, &bucket).await;
    let retired: Vec<_> = rows.iter().map(|row| row.commit_id).collect();
    let edit = Edit::remove_versions(&bucket, &path, &names, &retired).telling(&told);
    assert_eq!(changed(&f, &edit).await.gone.len(), 2);
    let found = waiting(&f, &to).await;
    let told: Vec<_> = found[1..].iter().map(|row| row.version).collect();
    assert_eq!(told, [Some(names[0]), Some(names[2])]);
}

/// What is said of a version that is not current.
pub async fn a_change_of_a_version_that_is_not_current_is_told(f: MetadataFixture) {
    let (bucket, to) = (keeping(&f).await, destination(&f));
    kept(&f, &bucket).await;
    kept(&f, &bucket).await;
    let read = all(&f, &bucket).await[1].clone();
    let again = ObjectRecord {
        commit_id: f.samples.id(bleepstore_core::model::CommitId::from_bytes),
        ..read.clone()
    };
    let told = EventRow {
        version: Some(read.version_name()),
        name: EventName::TaggingPut,
        ..event(&f, &bucket, KEY, &to)
    };
    let edit = Edit::put_version(&bucket, &again, Some(read.tag()));
    changed(&f, &edit.telling(std::slice::from_ref(&told))).await;
    let found = waiting(&f, &to).await;
    assert_eq!(
        found.iter().map(|row| (row.id, row.version)).collect::<Vec<_>>(),
        [(told.id, told.version)]
    );
}

/// The last event tells of what is there in the end.
pub async fn racing_writes_each_tell_once_and_in_order(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    let records: Vec<ObjectRecord> = (0..RACERS).map(|_| f.samples.record(&bucket, "a")).collect();
    let told = |record: &ObjectRecord| {
        let told = event(&f, &bucket, "a", &to);
        let etag = Some(record.etag.as_str().to_owned());
        [EventRow {
            facts: EventFacts { etag, ..told.facts },
            ..told
        }]
    };
    let writes = records.iter().map(|record| {
        let events = told(record);
        f.editing(&Edit::put(&bucket, record, ANY).telling(&events))
    });
    for outcome in race(writes.collect()).await {
        assert!(matches!(outcome, EditOutcome::Applied { .. }), "{outcome:?}");
    }
    let found = waiting(&f, &to).await;
    let sequences: BTreeSet<u64> = found.iter().map(|row| row.sequence).collect();
    assert_eq!((found.len(), sequences.len()), (RACERS, RACERS));
    let last = found.last().and_then(|row| row.facts.etag.clone());
    let current = f.object(&bucket, "a").await.unwrap();
    assert_eq!(last.as_deref(), Some(current.etag.as_str()));
}

/// Those who lose tell nothing.
pub async fn of_racing_writes_of_what_is_absent_one_tells(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    let records: Vec<ObjectRecord> = (0..RACERS).map(|_| f.samples.record(&bucket, "a")).collect();
    let writes = records.iter().map(|record| {
        let events = [event(&f, &bucket, "a", &to)];
        let absent = super::edits::only_if(&WriteCondition::IfAbsent);
        f.editing(&Edit::put(&bucket, record, absent).telling(&events))
    });
    let outcomes = race(writes.collect()).await;
    let won = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, EditOutcome::Applied { .. }));
    assert_eq!(won.count(), 1);
    assert_eq!(waiting(&f, &to).await.len(), 1);
}

/// Each once, in pages of any length.
pub async fn a_queue_is_read_in_pages_without_gap_or_repeat(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    let mut ids = BTreeSet::new();
    for number in 0..23 {
        let name = format!("key {number}");
        let (record, told) = (f.samples.record(&bucket, &name), [event(&f, &bucket, &name, &to)]);
        ids.insert(told[0].id);
        tell(&f, Edit::put(&bucket, &record, ANY), &told).await;
    }
    let of = EventQueue {
        destination: to,
        dead: false,
    };
    for limit in [1, 2, 7, 23, 100] {
        let found = queue(&f, &of, limit).await;
        assert_eq!(found.len(), 23, "{limit}");
        assert_eq!(found.iter().map(|row| row.id).collect::<BTreeSet<_>>(), ids);
    }
}

/// Whatever is removed twice is gone; what is given up lies apart.
pub async fn events_stay_until_they_are_removed(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    for name in ["a", "b", "c"] {
        let (record, told) = (f.samples.record(&bucket, name), [event(&f, &bucket, name, &to)]);
        tell(&f, Edit::put(&bucket, &record, ANY), &told).await;
        f.remove(&bucket, name).await;
    }
    f.delete(&bucket).await;
    let found = waiting(&f, &to).await;
    assert_eq!(found.len(), 3);
    let dead: Vec<EventRow> = found[..2]
        .iter()
        .map(|row| EventRow {
            dead: true,
            ..row.clone()
        })
        .collect();
    f.store.put_events(&dead).await.unwrap();
    f.store.put_events(&dead).await.unwrap();
    assert_eq!(waiting(&f, &to).await, found);
    for _ in 0..2 {
        f.store.remove_events(&found[..2]).await.unwrap();
        assert_eq!(waiting(&f, &to).await, found[2..]);
    }
    f.store.remove_events(&[]).await.unwrap();
    let of = EventQueue {
        destination: to,
        dead: true,
    };
    assert_eq!(queue(&f, &of, 10).await, dead);
    f.store.remove_events(&dead).await.unwrap();
    assert_eq!(queue(&f, &of, 10).await, []);
}

/// Of more rows than a store changes at a time.
pub async fn many_events_are_put_and_removed_at_once(f: MetadataFixture) {
    let (bucket, to) = (f.bucket().await, destination(&f));
    let rows: Vec<EventRow> = (1..=130)
        .map(|number| EventRow {
            sequence: number,
            ..event(&f, &bucket, &format!("{}", number % 9), &to)
        })
        .collect();
    f.store.put_events(&rows).await.unwrap();
    let mut found = waiting(&f, &to).await;
    found.sort_by_key(EventRow::place);
    assert_eq!(found, rows);
    f.store.remove_events(&rows[..129]).await.unwrap();
    assert_eq!(waiting(&f, &to).await, rows[129..]);
}
