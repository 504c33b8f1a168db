//! The metadata and blob ports in memory: the executable specification of both.
//!
//! Every method locks the whole store and does its work in one step, so that what it does can be read off
//! its body. Stores with real machinery are compared with these. Nothing survives the process.

mod blobs;
mod buckets;
mod credentials;
mod metadata;
mod objects;
mod store;
mod uploads;

pub use blobs::MemoryBlobs;
pub use metadata::MemoryMetadata;
