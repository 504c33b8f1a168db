//! The destinations that the operator has listed: there are no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{DestinationName, EventRow};
use crate::ports::EventSink;

/// Called with the name of a destination for which an event was just written.
type Wake = dyn Fn(&DestinationName) + Send + Sync;

/// Destinations by their names.
#[derive(Clone, Default)]
pub struct Destinations {
    sinks: BTreeMap<DestinationName, Arc<dyn EventSink>>,
    wake: Option<Arc<Wake>>,
}

impl Destinations {
    /// These.
    pub fn new(sinks: BTreeMap<DestinationName, Arc<dyn EventSink>>) -> Self {
        Self { sinks, wake: None }
    }

    /// The same. `wake` is called each time that an event was written for one of them, right after its change was made:
    /// it returns at once.
    #[must_use]
    pub fn waking(self, wake: impl Fn(&DestinationName) + Send + Sync + 'static) -> Self {
        Self {
            wake: Some(Arc::new(wake)),
            ..self
        }
    }

    /// The destination of that name.
    pub fn get(&self, name: &DestinationName) -> Option<&Arc<dyn EventSink>> {
        self.sinks.get(name)
    }

    /// Says that these events were written.
    pub(in crate::ops) fn written(&self, events: &[EventRow]) {
        if let (Some(wake), false) = (&self.wake, events.is_empty()) {
            let names: BTreeSet<&DestinationName> = events.iter().map(|event| &event.destination).collect();
            names.into_iter().for_each(|name| wake(name));
        }
    }
}
