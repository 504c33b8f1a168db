//! BleepStore on one machine: its stores and its binary.

pub mod fs_blobs;
pub mod metrics;
pub mod sqlite;
