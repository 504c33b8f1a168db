//! The binary `bleepstore-gcp` itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod google_cloud;
mod keys;
mod running;
