//! Events that wait for their delivery, and the marks of the last ones of their keys.

use std::ops::Bound;

use async_trait::async_trait;
use bleepstore_core::model::{BucketId, EventMark, EventPlace, EventQueue, EventRow, ObjectKey};
use bleepstore_core::ports::{EventIndex, Page, StoreResult};
use bleepstore_core::rows::{event_lane_of, event_lanes_after, order_of_events, scan_range};
use firestore::gcloud_sdk::google::firestore::v1::{Document, Write};

use super::calls::WRITES;
use super::query::Query;
use super::schema::{self, BY_ID, EVENT};
use super::{FirestoreMetadata, rows};

/// So many that documents whose ids follow one another are not all written in one place. It never changes.
const LANES: u8 = 16;

#[async_trait]
impl EventIndex for FirestoreMetadata {
    fn event_lane(&self, bucket: BucketId, key: &ObjectKey) -> String {
        event_lane_of(bucket, key, LANES)
    }

    async fn scan_event_lanes(&self, after: Option<&str>, limit: usize) -> StoreResult<Page<String, String>> {
        Ok(event_lanes_after(after, LANES, limit))
    }

    async fn scan_events(
        &self,
        lane: &str,
        queue: &EventQueue,
        after: Option<EventPlace>,
        limit: usize,
    ) -> StoreResult<Page<EventRow, EventPlace>> {
        let of_queue = order_of_events(lane, queue);
        let start = match after {
            Some(after) => Bound::Excluded(self.documents.name(&schema::event(lane, queue, after))),
            None => Bound::Included(self.documents.name(&schema::by_id(EVENT, &of_queue))),
        };
        // Greater than any digit.
        let end = self.documents.name(&schema::by_id(EVENT, &(of_queue + "g")));
        let query = Query::of(BY_ID, None).between_names(start, Some(end));
        let read = |document: &_| rows::detail_of(document).map(Some);
        let (items, last) = scan_range(&self.documents, query, limit, read).await?;
        let next = last.and_then(|_| items.last()).map(EventRow::place);
        Ok(Page { items, next })
    }

    async fn put_events(&self, events: &[EventRow]) -> StoreResult<()> {
        for events in events.chunks(WRITES) {
            let puts = events.iter().map(|event| self.event(event));
            let puts = puts.collect::<StoreResult<_>>()?;
            self.documents.write_all(puts).await?;
        }
        Ok(())
    }

    async fn remove_events(&self, events: &[EventRow]) -> StoreResult<()> {
        for events in events.chunks(WRITES) {
            let deletions = events
                .iter()
                .map(|event| self.documents.delete(&self.place(event)));
            self.documents.write_all(deletions.collect()).await?;
        }
        Ok(())
    }
}

impl FirestoreMetadata {
    /// The write of an event.
    pub(super) fn event(&self, event: &EventRow) -> StoreResult<Write> {
        Ok(self.documents.put(&self.place(event), rows::event(event)?))
    }

    /// The write of a mark.
    pub(super) fn event_mark(&self, mark: &EventMark) -> StoreResult<Write> {
        let path = schema::event_mark(mark.bucket, &mark.key);
        Ok(self.documents.put(&path, rows::event_mark(mark)?))
    }

    fn place(&self, event: &EventRow) -> schema::Path {
        let lane = self.event_lane(event.bucket, &event.key);
        schema::event(&lane, &event.queue(), event.place())
    }
}

/// The place that a mark's document says.
pub(super) fn read_mark(document: Option<&Document>) -> StoreResult<Option<u64>> {
    let mark: Option<EventMark> = document.map(rows::detail_of).transpose()?;
    Ok(mark.map(|mark| mark.sequence))
}
