//! Events that wait for their delivery.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bleepstore_core::model::{BucketId, EventPlace, EventQueue, EventRow, ObjectKey};
use bleepstore_core::ports::{Edit, EventIndex, Page, StoreResult};
use bleepstore_core::rows::{EventMarks, event_lanes_after, marked_keys, order_of_event, scan_range};

use super::DynamoMetadata;
use super::objects::find;
use super::rows::{self, Item};
use super::schema::{self, EVENT_LANES, RowKey};
use super::table::Range;

#[async_trait]
impl EventIndex for DynamoMetadata {
    fn event_lane(&self, bucket: BucketId, key: &ObjectKey) -> String {
        schema::lane_of_event(bucket, key)
    }

    /// All lanes, whether they have events or not.
    async fn scan_event_lanes(&self, after: Option<&str>, limit: usize) -> StoreResult<Page<String, String>> {
        Ok(event_lanes_after(after, EVENT_LANES, limit))
    }

    async fn scan_events(
        &self,
        lane: &str,
        queue: &EventQueue,
        after: Option<EventPlace>,
        limit: usize,
    ) -> StoreResult<Page<EventRow, EventPlace>> {
        let range = Range {
            partition: schema::events(lane, queue),
            prefix: String::new(),
            after: after.map(order_of_event),
        };
        let read = |item: &Item| rows::detail_of(item).map(Some);
        let (items, last) = scan_range(&self.table, range, limit, read).await?;
        let next = items.last().map(EventRow::place).filter(|_| last.is_some());
        Ok(Page { items, next })
    }

    async fn put_events(&self, events: &[EventRow]) -> StoreResult<()> {
        // No batch may name a row twice.
        let mut items = BTreeMap::new();
        for event in events {
            items.insert(RowKey::event(event), rows::event(event)?);
        }
        self.table.put_all(items.into_values()).await
    }

    async fn remove_events(&self, events: &[EventRow]) -> StoreResult<()> {
        let keys: BTreeSet<RowKey> = events.iter().map(RowKey::event).collect();
        self.table.delete_all(&keys).await
    }
}

/// The keys of the marks that an edit has to know: its own key's, and its source's.
pub(super) fn mark_keys(edit: &Edit<'_>) -> (Option<RowKey>, Option<RowKey>) {
    let (key, source) = marked_keys(edit);
    let mark = |key| RowKey::event_mark(edit.bucket.id, key);
    (key.map(mark), source.map(mark))
}

/// What the marks say that were found.
pub(super) fn read_marks(
    found: &[Item],
    (key, source): (Option<&RowKey>, Option<&RowKey>),
) -> StoreResult<EventMarks> {
    let read = |key: Option<&RowKey>| {
        let item = key.and_then(|key| find(found, key));
        item.map(rows::read_event_mark).transpose()
    };
    Ok(EventMarks {
        key: read(key)?,
        source: read(source)?,
    })
}
