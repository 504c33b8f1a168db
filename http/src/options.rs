//! Limits of the server.

use std::time::Duration;

use crate::clients::{Front, TrustedProxies};

/// How long the server waits and how much it takes. Every wait on a client is bounded.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many connections are held at a time; further ones wait to be accepted. Fewer than the process may have
    /// files open, since requests open files too.
    pub max_connections: usize,
    /// How many of them one client may have: an address of IPv4, or a network of 64 bits of IPv6. More are answered `503`.
    pub max_connections_per_client: Option<usize>,
    /// What stands before the server on its platform.
    pub front: Front,
    /// The proxies that are believed about whom they speak for.
    pub trusted_proxies: TrustedProxies,
    /// Whether HTTP/2 without TLS is spoken beside HTTP/1.1, to clients that begin with its preface.
    pub h2c: bool,
    /// How many requests may be under way on one HTTP/2 connection; clients hold back further ones.
    pub max_streams: u32,
    /// How long a client has for sending a request's head, and how long an idle connection is kept.
    pub header_read: Duration,
    /// How many header fields a request may have; more get `431`.
    pub max_headers: usize,
    /// How long a request's head may be in bytes; longer ones get `431`.
    pub max_header_bytes: usize,
    /// How long a client may pause within a request's body, and within reading a response.
    pub idle: Duration,
    /// How long a request may take in all, its body and its response included. Garbage collection trusts that no
    /// request lives half as long as its grace of 24 hours.
    pub life: Duration,
    /// How many bytes of an unread body are read so that the connection can be used again.
    pub drain_bytes: u64,
    /// How long that may take.
    pub drain: Duration,
    /// How long bytes are still taken from a client after its connection was closed for writing, so that
    /// it reads the answer before it sees a reset.
    pub linger: Duration,
    /// How long requests in flight are waited for at the end.
    pub shutdown: Duration,
    /// Domains below which hosts name buckets, in lower case: those of virtual-hosted-style requests and those of
    /// websites. There `/_bleepstore/` is an ordinary key.
    pub base_domains: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: 512,
            max_connections_per_client: None,
            front: Front::None,
            trusted_proxies: TrustedProxies::default(),
            h2c: false,
            max_streams: 128,
            header_read: Duration::from_secs(30),
            max_headers: 200,
            max_header_bytes: 64 * 1024,
            idle: Duration::from_secs(60),
            life: Duration::from_secs(11 * 60 * 60),
            drain_bytes: 1024 * 1024,
            drain: Duration::from_secs(2),
            linger: Duration::from_secs(5),
            shutdown: Duration::from_secs(30),
            base_domains: Vec::new(),
        }
    }
}
