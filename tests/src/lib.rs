//! What tests of every deployment share: the conformance suites of the two ports, stores that can be
//! counted, broken and held, time and randomness that tests control, and an S3 client over real sockets.

pub mod billing;
pub mod blob_conformance;
pub mod clock;
pub mod decorators;
pub mod deployment;
pub mod emulators;
pub mod entropy;
pub mod fuzz;
pub mod history;
pub mod http;
pub mod local_server;
pub mod metadata_conformance;
pub mod race;
pub mod samples;
#[doc(hidden)]
pub mod suite;
pub mod variables;

#[doc(hidden)]
pub use tokio;
