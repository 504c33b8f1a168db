//! Events: what a change tells, the documents that say so, and their way to the destinations.

mod backlog;
mod deliveries;
mod destinations;
mod document;
mod setup;
#[cfg(test)]
mod tests;
mod told;
mod upkeep;

pub use backlog::{EventBacklog, EventPages, event_backlog};
pub use deliveries::{Deliveries, DeliveryReport};
pub use destinations::Destinations;
pub use setup::prepare_notification;
pub(in crate::ops) use told::{Asked, Told, notifies};
pub use upkeep::{drop_events, retry_events};
