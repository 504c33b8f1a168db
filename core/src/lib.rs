//! S3 over two ports: a metadata store and a blob store.
//!
//! The dependency direction is `model <- ports <- rows <- ops <- api <- service`; `protocol` and `policy` know only
//! `model`. `remote` is for stores alone.
//! `ARCHITECTURE.md` at the root of the repository is the map.

mod api;
pub mod body;
pub mod config;
pub mod digest;
pub mod memory;
pub mod model;
pub mod ops;
pub mod policy;
pub mod ports;
pub mod protocol;
pub mod remote;
pub mod rows;
pub mod served;
pub mod service;

pub use body::Body;
pub use config::{Limits, Settings};
pub use ports::Ports;
pub use service::Service;
