//! The binary `bleepstore` as a whole: what it tells its operator, and what survives it.

mod access_log;
mod linearizability;
#[cfg(target_os = "linux")]
mod memory;
mod metrics;
