//! BleepStore on AWS: its stores, and the translation of Lambda events.

pub mod dynamo;
