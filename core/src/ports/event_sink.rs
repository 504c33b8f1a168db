//! Where events go.

use std::fmt;

use async_trait::async_trait;

/// An event on its way to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The same each time that the event is delivered, and no other event's: 32 hexadecimal digits.
    pub id: String,
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, as it is. Events of one bucket and key have an order.
    pub key: String,
    /// When it happened, in seconds since 1970.
    pub at: u64,
    /// What happened, such as `ObjectCreated:Put`: the name without `s3:`. To EventBridge, what it calls the event.
    pub name: String,
    /// What the destination receives: JSON, as S3 writes it.
    pub document: String,
}

impl Delivery {
    /// What has one order: `bucket/key`.
    pub fn group(&self) -> String {
        format!("{}/{}", self.bucket, self.key)
    }
}

/// A destination. One is shared by all that deliver to it, and keeps its connection between calls.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// How many deliveries one call takes at most; 1 or more.
    fn at_once(&self) -> usize;

    /// Delivers these, no two of which are of one bucket and key, and says in their order what became of each. `Ok` is
    /// said of what the destination has acknowledged, and is as durable there as the destination is. After an error the
    /// event may have arrived all the same. It takes no longer than half a minute, whatever the destination does, and
    /// tries nothing again by itself but what the loss of an idle connection cost.
    async fn deliver(&self, deliveries: &[Delivery]) -> Vec<Result<(), SinkError>>;

    /// Where it is, in words without secrets: a scheme, a host and a place there.
    fn place(&self) -> String;
}

/// Why an event was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SinkError {
    /// Whether another event may well be taken.
    pub kind: SinkErrorKind,
    /// What the destination said, without secrets.
    pub what: String,
}

/// What a failure says of the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkErrorKind {
    /// It cannot be reached, or takes nothing now.
    Unavailable,
    /// It does not take this event.
    Refused,
}

impl SinkError {
    /// The destination takes nothing now.
    pub fn unavailable(what: impl fmt::Display) -> Self {
        Self {
            kind: SinkErrorKind::Unavailable,
            what: what.to_string(),
        }
    }

    /// The destination does not take this event.
    pub fn refused(what: impl fmt::Display) -> Self {
        Self {
            kind: SinkErrorKind::Refused,
            what: what.to_string(),
        }
    }
}
