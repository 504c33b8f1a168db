//! The core over HTTP, for the deployments that own a listening socket.
//!
//! [`serve`] runs an HTTP/1.1 server (and HTTP/2 without TLS with the feature `h2c`) until it is told to
//! stop. [`SystemClock`] and [`OsEntropy`] are the core's clock and randomness in an ordinary process, and
//! [`start_log`] starts its log.

mod ambient;
mod exchange;
mod lingering;
mod logging;
mod options;
mod request_body;
mod reserved;
mod server;

pub use ambient::{OsEntropy, SystemClock};
pub use exchange::Responder;
pub use logging::{LOG_VARIABLE, LogError, LogFormat, start_log};
pub use options::Options;
pub use server::serve;
