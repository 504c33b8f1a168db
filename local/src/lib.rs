//! BleepStore on one machine: its stores and its binary.

pub mod data_dir;
pub mod fs_blobs;
pub mod garbage;
pub mod operated;
pub mod sqlite;
pub mod stores;
