//! What is counted of events.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bleepstore_core::model::DestinationName;
use bleepstore_core::ops::EventBacklog;

use super::exposition::{Exposition, Kind};
use super::locked;
use crate::events::Observed;

/// Counts by destination: the operator's names, of which there are only so many.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<BTreeMap<DestinationName, DeliveryCounts>>);

#[derive(Default)]
struct DeliveryCounts {
    delivered: u64,
    failed: u64,
    given_up: u64,
    waiting: EventBacklog,
    dead: EventBacklog,
}

/// A number of a destination: its name, its kind, its description, and where it is.
type Family = (&'static str, Kind, &'static str, fn(&DeliveryCounts) -> u64);

const FAMILIES: [Family; 5] = [
    (
        "bleepstore_events_delivered_total",
        Kind::Counter,
        "Events that a destination acknowledged.",
        |counts| counts.delivered,
    ),
    (
        "bleepstore_events_failed_deliveries_total",
        Kind::Counter,
        "Deliveries of events that a destination did not take.",
        |counts| counts.failed,
    ),
    (
        "bleepstore_events_given_up_total",
        Kind::Counter,
        "Events that became dead letters.",
        |counts| counts.given_up,
    ),
    (
        "bleepstore_events_waiting",
        Kind::Gauge,
        "Events that wait for their delivery; 10000 where there may be more.",
        |counts| counts.waiting.events,
    ),
    (
        "bleepstore_events_dead",
        Kind::Gauge,
        "Dead letters that are kept; 10000 where there may be more.",
        |counts| counts.dead.events,
    ),
];

impl Deliveries {
    pub(super) fn note(&self, name: &DestinationName, observed: Observed<'_>) {
        let mut all = locked(&self.0);
        let counts = all.entry(name.clone()).or_default();
        match observed {
            Observed::Round(Ok(round)) => {
                counts.delivered += round.delivered;
                counts.failed += round.failed;
                counts.given_up += round.given_up;
                // A round that the destination ended has not met all that waits.
                if !round.unavailable && !round.more {
                    counts.waiting = EventBacklog {
                        events: round.left,
                        oldest: round.oldest,
                        more: false,
                    };
                }
            }
            Observed::Round(Err(_)) => {}
            Observed::Backlog(waiting, dead) => {
                counts.waiting = waiting;
                counts.dead = dead;
            }
        }
    }

    pub(super) fn render(&self, text: &mut Exposition) {
        let all = locked(&self.0);
        if all.is_empty() {
            return;
        }
        for (family, kind, help, number) in FAMILIES {
            text.family(family, kind, help);
            for (name, counts) in all.iter() {
                text.sample("", &[("destination", name.as_str())], number(counts));
            }
        }
        text.family(
            "bleepstore_events_oldest_timestamp_seconds",
            Kind::Gauge,
            "When the oldest event happened that waits; absent where none does.",
        );
        for (name, counts) in all.iter() {
            if let Some(oldest) = counts.waiting.oldest {
                text.sample("", &[("destination", name.as_str())], oldest.seconds());
            }
        }
    }
}
