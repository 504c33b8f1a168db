//! The core over HTTP, for the deployments that own a listening socket.
//!
//! [`serve`] runs an HTTP/1.1 server (and HTTP/2 without TLS with the feature `h2c`) until it is told to
//! stop. [`SystemClock`] and [`OsEntropy`] are the core's clock and randomness in an ordinary process.

mod ambient;
mod exchange;
mod lingering;
mod options;
mod request_body;
mod reserved;
mod server;

pub use ambient::{OsEntropy, SystemClock};
pub use exchange::Responder;
pub use options::Options;
pub use reserved::answer as answer_reserved;
pub use server::serve;
