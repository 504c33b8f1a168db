//! What tests of every deployment share: the conformance suites of the two ports, stores that can be
//! counted, broken and held, and time and randomness that tests control.

pub mod blob_conformance;
pub mod clock;
pub mod decorators;
pub mod deployment;
pub mod entropy;
pub mod metadata_conformance;
pub mod race;
pub mod samples;
mod suite;

#[doc(hidden)]
pub use tokio;
