//! Events in memory.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use super::metadata::page;
use super::{Change, Journal};
use crate::model::{BucketId, EventPlace, EventQueue, EventRow, ObjectKey};
use crate::ports::{EventIndex, Page, StoreResult};
use crate::rows::{ONLY_EVENT_LANE, event_lanes_after};

#[async_trait]
impl<J: Journal> EventIndex for J {
    fn event_lane(&self, _: BucketId, _: &ObjectKey) -> String {
        ONLY_EVENT_LANE.to_owned()
    }

    async fn scan_event_lanes(&self, after: Option<&str>, limit: usize) -> StoreResult<Page<String, String>> {
        Ok(event_lanes_after(after, 1, limit))
    }

    async fn scan_events(
        &self,
        lane: &str,
        queue: &EventQueue,
        after: Option<EventPlace>,
        limit: usize,
    ) -> StoreResult<Page<EventRow, EventPlace>> {
        let rows = self.rows();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let events = rows
            .events
            .get(queue)
            .filter(|_| lane == ONLY_EVENT_LANE)
            .into_iter();
        let events = events.flat_map(|events| events.range((start, Bound::Unbounded)));
        let read = page(events, limit, |(place, _)| **place);
        Ok(read.showing(|(_, event)| Some(EventRow::clone(event))))
    }

    async fn put_events(&self, events: &[EventRow]) -> StoreResult<()> {
        let events: Vec<Arc<EventRow>> = events.iter().cloned().map(Arc::new).collect();
        self.change(move |rows| {
            events
                .into_iter()
                .for_each(|event| rows.set(Change::Event(event)))
        })
        .await
    }

    async fn remove_events(&self, events: &[EventRow]) -> StoreResult<()> {
        let places: Vec<_> = events
            .iter()
            .map(|event| (event.queue(), event.place()))
            .collect();
        self.change(move |rows| {
            for (queue, place) in places {
                if rows
                    .events
                    .get(&queue)
                    .is_some_and(|events| events.contains_key(&place))
                {
                    rows.set(Change::EventGone(queue, place));
                }
            }
        })
        .await
    }
}
