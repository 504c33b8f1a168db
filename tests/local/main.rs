//! The binary `bleepstore` as a whole: what it tells its operator, and what survives it.

mod access_log;
mod linearizability;
mod memory;
mod metrics;
