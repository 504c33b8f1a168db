//! Rust's storage crates against the local server: the tests that they have for every store.

mod object_store;
