//! What operators do to events that wait or were given up.

use super::backlog::EventPages;
use crate::model::{DestinationName, EventId, EventQueue, EventRow};
use crate::ports::{MetadataStore, Ports, StoreResult};

/// Puts dead letters of a destination back among the events that wait: all of them, or the one of that id. They have as
/// long as new ones until they are given up again. Returns how many there were.
///
/// Each waits again before it is a dead letter no more: after an error it may be both, and is lost in no case.
pub async fn retry_events(
    ports: &Ports,
    destination: &DestinationName,
    only: Option<EventId>,
) -> StoreResult<u64> {
    let (metadata, now) = (ports.metadata.as_ref(), ports.clock.now());
    let queue = EventQueue {
        destination: destination.clone(),
        dead: true,
    };
    let mut chosen = Chosen::new(metadata, &queue, only);
    let mut count = 0;
    while let Some(dead) = chosen.next().await? {
        let put_back = |row: &EventRow| EventRow {
            dead: false,
            retried: Some(now),
            ..row.clone()
        };
        let waiting: Vec<EventRow> = dead.iter().map(put_back).collect();
        metadata.put_events(&waiting).await?;
        metadata.remove_events(&dead).await?;
        count += dead.len() as u64;
    }
    Ok(count)
}

/// Removes events of a queue for good: all of them, or the one of that id. Returns how many there were. What a delivery
/// has in hand may arrive all the same.
pub async fn drop_events(
    metadata: &dyn MetadataStore,
    queue: &EventQueue,
    only: Option<EventId>,
) -> StoreResult<u64> {
    let mut chosen = Chosen::new(metadata, queue, only);
    let mut count = 0;
    while let Some(events) = chosen.next().await? {
        metadata.remove_events(&events).await?;
        count += events.len() as u64;
    }
    Ok(count)
}

/// All events of a queue, or the one of an id.
struct Chosen<'a> {
    pages: EventPages<'a>,
    only: Option<EventId>,
    is_found: bool,
}

impl<'a> Chosen<'a> {
    fn new(metadata: &'a dyn MetadataStore, queue: &'a EventQueue, only: Option<EventId>) -> Self {
        Self {
            pages: EventPages::new(metadata, queue),
            only,
            is_found: false,
        }
    }

    /// The next of them: one or more.
    async fn next(&mut self) -> StoreResult<Option<Vec<EventRow>>> {
        while !self.is_found
            && let Some(mut page) = self.pages.next().await?
        {
            if let Some(id) = self.only {
                page.retain(|event| event.id == id);
                self.is_found = !page.is_empty();
            }
            if !page.is_empty() {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }
}
