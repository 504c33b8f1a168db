//! BleepStore on one machine: its stores and its binary.

mod files;
pub mod fs_blobs;
mod group_commit;
pub mod jsonl;
#[cfg(test)]
mod sample_rows;
pub mod sqlite;
