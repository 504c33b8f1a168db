//! What is shipped, started: over imitations of its cloud on loopback that answer at once, or over emulators.

pub(crate) mod aws;
pub(crate) mod azure;
pub(crate) mod gcp;
mod loopback;
mod program;

pub(crate) use self::program::Server;
