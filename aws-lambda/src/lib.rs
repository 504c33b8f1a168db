//! BleepStore on AWS: its stores, and the translation of Lambda events. The binary `bootstrap` runs on Lambda, and as an
//! HTTP server everywhere else.

pub mod answer;
pub mod dynamo;
pub mod event;
pub mod s3_blobs;
pub mod sdk;
pub mod stores;
