//! BleepStore on one machine: its stores and its binary.

pub mod checked_blobs;
pub mod data_dir;
pub mod events;
mod files;
pub mod fs_blobs;
pub mod garbage;
mod group_commit;
pub mod jsonl;
pub mod metrics;
#[cfg(test)]
mod sample_rows;
pub mod scrub;
pub mod sqlite;
pub mod stores;
pub mod tool_stores;
pub mod trust;
