//! Events that are written while a queue is read.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::ports::{Around, AroundMetadata, MetadataStore, StoreError};

/// Writes an event before a queue is read for the second time, at a place that the first reading has passed.
struct Late {
    inner: Arc<dyn MetadataStore>,
    event: EventRow,
    scans: AtomicUsize,
}

impl Around for Late {
    async fn around<T, E>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        if method == "scan_events" && self.scans.fetch_add(1, Ordering::SeqCst) == 1 {
            self.inner.put_events(std::slice::from_ref(&self.event)).await?;
        }
        call.await
    }
}

/// All of the first page waits, so that the round goes on to the next one.
#[tokio::test]
async fn an_event_that_is_written_where_a_round_has_passed_goes_before_those_after_it() {
    let mut bed = Bed::new();
    let mut events: Vec<_> = (1..=500).map(|number| ("refused", number * 2)).collect();
    events.extend([("key", 2_000), ("other", 2_001)]);
    bed.put(&events).await;
    let late = Late {
        inner: Arc::clone(&bed.ports.metadata),
        event: event("key", 101),
        scans: AtomicUsize::new(0),
    };
    bed.ports.metadata = Arc::new(AroundMetadata::new(Arc::clone(&bed.ports.metadata), late));
    let sink = Scripted::each(10, |delivery| match delivery.key.as_str() {
        "refused" => Err(SinkError::refused("no")),
        _ => Ok(()),
    });
    let mut deliveries = bed.deliveries(&sink);
    deliveries.round().await.unwrap();
    assert_eq!(sink.tried(), own(&[("refused", 2), ("other", 2_001)]));
    bed.rounds(&mut deliveries).await;
    assert_eq!(sink.tried(), own(&[("key", 101), ("key", 2_000)]));
}
