//! What the load generator and the micro-benchmarks share.

pub mod endpoint;
pub mod operations;
pub mod records;
pub mod signer;
