//! The metadata and blob ports in memory: the executable specification of both.
//!
//! Every method locks the whole store and does its work in one step, so that what it does can be read off
//! its body. Stores with real machinery are compared with these. Nothing of [`MemoryMetadata`] and
//! [`MemoryBlobs`] survives the process; a [`Journal`] of its own makes a store that does of the same logic.

mod blobs;
mod buckets;
mod change;
mod credentials;
mod events;
mod journal;
mod metadata;
mod objects;
mod rows;
#[cfg(test)]
mod rows_tests;
mod store;
mod uploads;
mod walk;

pub use blobs::MemoryBlobs;
pub use change::Change;
pub use journal::{Journal, RowLimits, Transaction};
pub use metadata::MemoryMetadata;
pub use rows::Rows;
