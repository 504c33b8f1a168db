//! What every store and every deployment must do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "everything here runs inside tests, which fail by panicking"
)]

pub mod http;
