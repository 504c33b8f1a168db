//! Clients that change the same few objects at once, and whether what they were told can be explained: by a store that
//! loses, doubles and mixes nothing, whose actions each happened at one moment between request and answer. That is, the
//! history is linearizable, key by key.
//!
//! The server may be killed and started again meanwhile: what it left unanswered has happened before its death, or never.

mod client;
mod record;
mod search;
mod uploads;
mod versions;
mod world;

pub use client::Client;
pub use record::{Action, History, Value, Version};
pub use world::{CYCLED_KEYS, KEPT_KEYS, KEYS, World};
