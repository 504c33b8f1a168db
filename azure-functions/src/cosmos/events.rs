//! Events that wait for their delivery. They lie in the partition of their bucket's objects, so that one batch writes
//! them with those, and outlive the bucket there. Each bucket is a lane.
//!
//! A lane is noted before its first event is written: whoever looks for events finds all lanes that have any. Its note
//! stays for ever.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bleepstore_core::model::{BucketId, BucketName, EventPlace, EventQueue, EventRow, ObjectKey};
use bleepstore_core::ports::{EventIndex, Page, StoreResult};
use bleepstore_core::rows::{order_of_event, scan_range};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::CosmosMetadata;
use super::batch::BATCH;
use super::container::Range;
use super::rows::{self, Item, StoredLane};
use super::schema::{self, EVENT_LANES, RowKey, order_of_queue};

/// Events that are written at the same time, outside of edits.
const WRITES_AT_ONCE: usize = 8;
/// Lanes that a process remembers at most.
const REMEMBERED: usize = 10_000;

/// The lanes that are known to be noted, and the names of their buckets.
#[derive(Debug, Default)]
pub(super) struct KnownLanes(Mutex<HashMap<BucketId, BucketName>>);

impl KnownLanes {
    fn get(&self, bucket: BucketId) -> Option<BucketName> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&bucket).cloned()
    }

    fn add(&self, bucket: BucketId, name: BucketName) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(bucket, name);
    }
}

#[async_trait]
impl EventIndex for CosmosMetadata {
    fn event_lane(&self, bucket: BucketId, _: &ObjectKey) -> String {
        bucket.to_string()
    }

    async fn scan_event_lanes(&self, after: Option<&str>, limit: usize) -> StoreResult<Page<String, String>> {
        let range = Range::all(EVENT_LANES);
        let range = match after {
            Some(after) => range.after(after),
            None => range,
        };
        let read = |item: &Item| {
            let lane: StoredLane = item.detail()?;
            self.lanes.add(lane.bucket, lane.name);
            Ok(Some(lane.bucket.to_string()))
        };
        let (items, next) = scan_range(&self.container, range, limit, read).await?;
        Ok(Page { items, next })
    }

    async fn scan_events(
        &self,
        lane: &str,
        queue: &EventQueue,
        after: Option<EventPlace>,
        limit: usize,
    ) -> StoreResult<Page<EventRow, EventPlace>> {
        let Some((bucket, name)) = self.bucket_of_lane(lane).await? else {
            return Ok(Page::default());
        };
        let queue = order_of_queue(bucket, queue);
        let range = Range::of_order(schema::objects(&name), queue.clone());
        let range = match after {
            Some(after) => range.after(&(queue + &order_of_event(after))),
            None => range,
        };
        let read = |item: &Item| item.detail().map(Some);
        let (items, last) = scan_range(&self.container, range, limit, read).await?;
        let next = items.last().map(EventRow::place).filter(|_| last.is_some());
        Ok(Page { items, next })
    }

    async fn put_events(&self, events: &[EventRow]) -> StoreResult<()> {
        let mut items = Vec::with_capacity(events.len());
        for event in events {
            self.note_lane(event.bucket, &event.facts.bucket_name).await?;
            items.push(rows::event(event)?);
        }
        stream::iter(items)
            .map(|item| async move { self.container.put(&item).await })
            .buffer_unordered(WRITES_AT_ONCE)
            .try_collect()
            .await
    }

    async fn remove_events(&self, events: &[EventRow]) -> StoreResult<()> {
        let mut partitions: BTreeMap<&BucketName, BTreeSet<RowKey>> = BTreeMap::new();
        for event in events {
            let keys = partitions.entry(&event.facts.bucket_name).or_default();
            keys.insert(RowKey::event(event));
        }
        for (name, keys) in partitions {
            let keys: Vec<RowKey> = keys.into_iter().collect();
            for keys in keys.chunks(BATCH) {
                self.remove_rows(&schema::objects(name), keys).await?;
            }
        }
        Ok(())
    }
}

impl CosmosMetadata {
    /// Notes that the bucket has events, or is about to. This process does it once.
    pub(super) async fn note_lane(&self, bucket: BucketId, name: &BucketName) -> StoreResult<()> {
        if self.lanes.get(bucket).is_some() {
            return Ok(());
        }
        let name = name.clone();
        let lane = StoredLane { bucket, name };
        // One that is there says the same.
        self.container.create(&rows::lane(&lane)?).await?;
        self.lanes.add(bucket, lane.name);
        Ok(())
    }

    /// The bucket that a lane is of; `None` where it never had an event.
    async fn bucket_of_lane(&self, lane: &str) -> StoreResult<Option<(BucketId, BucketName)>> {
        let Ok(bucket) = lane.parse() else {
            return Ok(None);
        };
        if let Some(name) = self.lanes.get(bucket) {
            return Ok(Some((bucket, name)));
        }
        let Some(found) = self.container.get(&RowKey::lane(bucket)).await? else {
            return Ok(None);
        };
        let StoredLane { name, .. } = found.detail()?;
        self.lanes.add(bucket, name.clone());
        Ok(Some((bucket, name)))
    }
}

#[cfg(test)]
mod tests {
    use bleepstore_core::model::{EventFacts, EventId, EventName, Timestamp};

    use super::*;

    fn event(destination: &str, dead: bool) -> EventRow {
        EventRow {
            id: EventId::from_bytes([255; 16]),
            destination: destination.parse().unwrap(),
            dead,
            retried: None,
            sequence: u64::MAX,
            bucket: BucketId::from_bytes([1; 16]),
            key: ObjectKey::new("key").unwrap(),
            version: None,
            name: EventName::Removed,
            facts: EventFacts {
                rule: None,
                time: Timestamp::from_millis(0),
                region: "eu-north-1".to_owned(),
                bucket_name: BucketName::new("bucket").unwrap(),
                bucket_owner: "owner".to_owned(),
                requester: "AWS:somebody".to_owned(),
                source: None,
                request_id: "0123456789ABCDEF".to_owned(),
                size: None,
                etag: None,
            },
        }
    }

    #[test]
    fn an_event_is_in_the_range_of_its_queue_and_in_no_other() {
        let longest = "z".repeat(64);
        let events: Vec<EventRow> = ["q", "q-1", &longest]
            .into_iter()
            .flat_map(|destination| [false, true].map(|dead| event(destination, dead)))
            .collect();
        let mut ids = BTreeSet::new();
        for event in &events {
            let item = rows::event(event).unwrap();
            assert_eq!(item.detail::<EventRow>().unwrap(), *event);
            assert!(item.id.len() <= 1_023 && !item.id.contains(['/', '\\', '?', '#']));
            ids.insert(item.id.clone());
            let order = item.order().unwrap();
            assert!(!Range::all(item.pk.as_str()).holds(order), "{order}");
            for other in &events {
                let queue = order_of_queue(other.bucket, &other.queue());
                let holds = Range::of_order(item.pk.as_str(), queue).holds(order);
                assert_eq!(holds, event.queue() == other.queue(), "{order}");
            }
        }
        assert_eq!(ids.len(), events.len());
    }

    #[test]
    fn a_process_remembers_so_many_lanes_and_no_more() {
        let (lanes, name) = (KnownLanes::default(), BucketName::new("bucket").unwrap());
        let bucket = |number: u128| BucketId::from_bytes(number.to_be_bytes());
        for number in 0..=10_000 {
            lanes.add(bucket(number), name.clone());
        }
        assert_eq!(lanes.get(bucket(10_000)), Some(name));
        assert_eq!(lanes.get(bucket(0)), None);
    }
}
