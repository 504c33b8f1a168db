//! Destinations of events outside of the store: brokers, and webhooks.
//!
//! A destination is a URL; its scheme says what is spoken there. What an acknowledgement is worth is the destination's
//! to say:
//!
//! | Scheme | Acknowledged is | So it outlives a crash there |
//! |---|---|---|
//! | `redis`, `rediss` | what Redis has in memory | as its `appendfsync` says; replicas receive it later |
//! | `amqp`, `amqps` | what the broker confirms | where the queue is durable: messages are persistent |
//! | `kafka`, `kafkas` | what all replicas in sync have (`acks=all`) | with `min.insync.replicas` of 2 or more |
//! | `nats`, `tls` | what JetStream stored | where the stream's storage is `file`, and with its replicas |
//! | `https`, `http` | what the receiver answered with 2xx | as the receiver does |
//!
//! Every event may arrive more than once, with the same id each time: as the field `id` (a stream of Redis; its lists
//! hold the document alone), the property `message-id` (AMQP), the header `id` (Kafka), `Nats-Msg-Id` (NATS, which
//! drops a second one itself within the stream's window) or `webhook-id`.

mod addresses;
mod amqp;
mod connect;
mod kafka;
mod kept;
mod murmur2;
mod nats;
mod options;
mod redis;
mod tls;
mod url;
mod webhook;

use std::sync::Arc;

use bleepstore_core::model::DestinationName;
use bleepstore_core::ports::EventSink;

use crate::kept::Sink;
use crate::tls::Tls;
use crate::url::Url;

pub use crate::options::Options;

/// Why a destination cannot be one. It repeats nothing of the URL that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the destination {name}: {what}")]
pub struct InvalidDestination {
    /// What the operator calls it.
    pub name: String,
    /// What is wrong.
    pub what: String,
}

/// The destination at a URL. Nothing is connected before the first event is delivered.
///
/// - `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]?stream=NAME[&maxlen=N]` adds to a stream, which is cut to about
///   `N` entries; `?list=NAME` instead appends to a list.
/// - `amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST]?exchange=NAME&routing_key=KEY` publishes persistent messages. Without
///   an exchange the key is a queue's name. A message that reaches no queue is refused.
/// - `kafka://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/TOPIC[?sasl=plain|scram-sha-256|scram-sha-512]`. The record's
///   key is `bucket/key`, and its partition the one that Kafka's own client takes.
/// - `nats://[USER:PASSWORD@ or TOKEN@]HOST[:PORT]/SUBJECT` publishes to the JetStream stream that has the subject.
/// - `https://HOST[:PORT]/…` is a webhook as <https://www.standardwebhooks.com/> has them, signed with
///   [`Options::webhook_secret`]. `http` is taken only with [`Options::private_addresses`].
///
/// `rediss`, `amqps`, `kafkas` and `tls` (for NATS) are the same over TLS.
pub fn sink(
    name: &DestinationName,
    url: &str,
    options: &Options,
) -> Result<Arc<dyn EventSink>, InvalidDestination> {
    of_url(url, options).map_err(|what| InvalidDestination {
        name: name.to_string(),
        what,
    })
}

fn of_url(url: &str, options: &Options) -> Result<Arc<dyn EventSink>, String> {
    let mut url = Url::parse(url)?;
    if let Some(password) = &options.password {
        url.password = Some(password.clone());
    }
    let tls = Tls::of(options.certificates.clone());
    let wait = options.wait();
    Ok(match url.scheme.as_str() {
        "redis" => Arc::new(Sink::new(redis::Redis::new(url, None)?, wait)),
        "rediss" => Arc::new(Sink::new(redis::Redis::new(url, Some(tls))?, wait)),
        "amqp" => Arc::new(Sink::new(amqp::Amqp::new(url, None)?, wait)),
        "amqps" => Arc::new(Sink::new(amqp::Amqp::new(url, Some(tls))?, wait)),
        "kafka" => Arc::new(Sink::new(kafka::Kafka::new(url, None)?, wait)),
        "kafkas" => Arc::new(Sink::new(kafka::Kafka::new(url, Some(tls))?, wait)),
        "nats" => Arc::new(Sink::new(nats::Nats::new(url, None, wait)?, wait)),
        "tls" => Arc::new(Sink::new(nats::Nats::new(url, Some(tls), wait)?, wait)),
        "http" => Arc::new(webhook::Webhook::new(url, None, options)?),
        "https" => Arc::new(webhook::Webhook::new(url, Some(tls), options)?),
        _ => {
            return Err(
                "its scheme is none of redis, rediss, amqp, amqps, kafka, kafkas, nats, tls, https and http"
                    .to_owned(),
            );
        }
    })
}
