//! What the port of event sinks promises, of each kind of destination, with servers of its own.

#![allow(clippy::unwrap_used, clippy::panic)]

mod amqp;
mod kafka;
mod nats;
mod peers;
mod redis;
mod servers;
mod suite;
mod urls;
mod webhook;
