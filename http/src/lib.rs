//! The core over HTTP, for the deployments that own a listening socket, and what else the deployments share.
//!
//! [`serve`] runs an HTTP/1.1 server, and HTTP/2 without TLS beside it where [`Options::h2c`] says so, until it
//! is told to stop; [`serve_until_signal`] does so for a whole process. [`SystemClock`] and [`OsEntropy`] are the core's
//! clock and randomness in an ordinary process, [`Environment`] reads its settings, [`start_log`] starts its log, and [`ScheduledCollection`] collects garbage
//! collection for a platform's schedule.

mod activity;
mod ambient;
mod clients;
mod cloud_logging;
mod collection;
mod environment;
mod exchange;
mod head_guard;
mod http2;
mod lingering;
mod logging;
mod options;
mod outliving;
mod process;
mod request_body;
mod reserved;
mod server;
mod trace;
mod web_roles;

pub use ambient::{OsEntropy, SystemClock};
pub use clients::{Front, InvalidProxies, TrustedProxies};
pub use collection::{CollectionError, ScheduledCollection};
pub use environment::{Environment, PREVIOUS_SECRET_KEY, SECRET_KEY};
pub use exchange::Responder;
pub use logging::{LOG_VARIABLE, LogError, LogFormat, start_log};
pub use options::Options;
pub use process::{ended, serve_until_signal, start_runtime};
pub use reserved::{answer as answer_reserved, bare as bare_response, document as reserved_document};
pub use server::serve;
pub use web_roles::{OIDC, is_json, web_roles};
