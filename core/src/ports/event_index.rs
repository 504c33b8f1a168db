//! Events that wait for their delivery: the outbox.

use async_trait::async_trait;

use super::StoreResult;
use super::ranges::Page;
use crate::model::{BucketId, EventPlace, EventQueue, EventRow, ObjectKey};

/// Events, from the [edit](super::Edit::events) that writes them until they are removed. They outlive their objects and
/// their bucket.
///
/// They lie in **lanes**. All events of one key are in one lane, and in a lane each queue is read in the order of the
/// places: so those of a key come in their order.
#[async_trait]
pub trait EventIndex: Send + Sync {
    /// The lane of a key's events: the same at all times.
    fn event_lane(&self, bucket: BucketId, key: &ObjectKey) -> String;

    /// The lanes greater than `after` that may have events, in ascending order, at most `limit` (1 or more).
    async fn scan_event_lanes(&self, after: Option<&str>, limit: usize) -> StoreResult<Page<String, String>>;

    /// The events of a queue in a lane with places greater than `after`, in ascending order, at most `limit` (1 or more).
    async fn scan_events(
        &self,
        lane: &str,
        queue: &EventQueue,
        after: Option<EventPlace>,
        limit: usize,
    ) -> StoreResult<Page<EventRow, EventPlace>>;

    /// Puts these rows, each over any of its queue, place and key.
    async fn put_events(&self, events: &[EventRow]) -> StoreResult<()>;

    /// Removes these rows, some of which may be gone already. Once it returns they are gone for ever; after an error,
    /// some may be.
    async fn remove_events(&self, events: &[EventRow]) -> StoreResult<()>;
}
