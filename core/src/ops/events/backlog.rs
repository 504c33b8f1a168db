//! What waits in a queue of events, as operators see it.

use std::vec::IntoIter;

use crate::model::{EventPlace, EventQueue, EventRow, Timestamp};
use crate::ports::{MetadataStore, StoreResult};

/// How many events are read at a time.
const PAGE: usize = 500;

/// How many lanes are read at a time.
const LANES: usize = 100;

/// What waits in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventBacklog {
    /// How many events were met.
    pub events: u64,
    /// When the oldest of them happened.
    pub oldest: Option<Timestamp>,
    /// Whether there may be more of them.
    pub more: bool,
}

/// Reads the events of a queue, lane after lane, and those of a lane in their order. What was given may be removed
/// meanwhile.
pub struct EventPages<'a> {
    metadata: &'a dyn MetadataStore,
    queue: &'a EventQueue,
    /// Lanes that were read of and are to come.
    lanes: IntoIter<String>,
    /// Whether there may be lanes after those, and after which.
    more_lanes: Option<Option<String>>,
    /// The lane that is being read, and where it goes on.
    lane: Option<(String, Option<EventPlace>)>,
}

impl<'a> EventPages<'a> {
    /// All events of a queue.
    pub fn new(metadata: &'a dyn MetadataStore, queue: &'a EventQueue) -> Self {
        Self {
            metadata,
            queue,
            lanes: Vec::new().into_iter(),
            more_lanes: Some(None),
            lane: None,
        }
    }

    /// The next of them, all of one lane: one or more. `None` after the last.
    pub async fn next(&mut self) -> StoreResult<Option<Vec<EventRow>>> {
        while let Some((lane, after)) = self.place().await? {
            let page = self.metadata.scan_events(&lane, self.queue, after, PAGE).await?;
            self.lane = page.next.map(|next| (lane, Some(next)));
            if !page.items.is_empty() {
                return Ok(Some(page.items));
            }
        }
        Ok(None)
    }

    /// Where reading goes on.
    async fn place(&mut self) -> StoreResult<Option<(String, Option<EventPlace>)>> {
        loop {
            if let Some(place) = self.lane.take() {
                return Ok(Some(place));
            }
            if let Some(lane) = self.lanes.next() {
                return Ok(Some((lane, None)));
            }
            let Some(after) = &self.more_lanes else {
                return Ok(None);
            };
            let page = self.metadata.scan_event_lanes(after.as_deref(), LANES).await?;
            self.more_lanes = page.next.map(Some);
            self.lanes = page.items.into_iter();
        }
    }
}

/// What waits in a queue, as far as it is no more than `limit` events.
pub async fn event_backlog(
    metadata: &dyn MetadataStore,
    queue: &EventQueue,
    limit: u64,
) -> StoreResult<EventBacklog> {
    let mut backlog = EventBacklog::default();
    let mut pages = EventPages::new(metadata, queue);
    while let Some(page) = pages.next().await? {
        for event in page {
            if backlog.events >= limit {
                backlog.more = true;
                return Ok(backlog);
            }
            backlog.events += 1;
            backlog.oldest = backlog.oldest.into_iter().chain([event.facts.time]).min();
        }
    }
    Ok(backlog)
}
