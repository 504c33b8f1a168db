//! Commands of `cargo xtask` on a machine where the programs that they run are stand-ins.
#![allow(clippy::unwrap_used)]

mod deploy;
mod machine;
mod package;
mod verify;
