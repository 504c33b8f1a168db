//! Events as the metadata store keeps them until they are delivered.

use serde::{Deserialize, Serialize};

use super::{BucketId, BucketName, DestinationName, EventId, EventName, ObjectKey, Timestamp, VersionName};

/// Something that happened to an object, which one destination has yet to hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRow {
    /// No other event's.
    pub id: EventId,
    /// Where it goes.
    pub destination: DestinationName,
    /// Whether it was given up: it waits for the operator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dead: bool,
    /// Its place among the events of its key: a later one has a greater one.
    pub sequence: u64,
    /// The creation of the bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// The version, in a bucket that keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionName>,
    /// What happened.
    pub name: EventName,
    /// When the operator put it back last, after it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried: Option<Timestamp>,
    /// What else its document says.
    pub facts: EventFacts,
}

/// What the document of an event says beside what happened to which object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventFacts {
    /// The rule that it comes of; `None` for EventBridge's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// When it happened.
    pub time: Timestamp,
    /// The region.
    pub region: String,
    /// The bucket's name.
    pub bucket_name: BucketName,
    /// The canonical id of the bucket's owner.
    pub bucket_owner: String,
    /// Who asked for it.
    pub requester: String,
    /// The address that it was asked from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The request.
    pub request_id: String,
    /// The object's length in bytes; none of one that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The object's entity tag, without quotes; none of one that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

impl EventFacts {
    /// What the request's answer calls `x-amz-id-2`.
    pub fn host_id(&self) -> String {
        host_id(&self.request_id)
    }
}

/// What the answer to the request of that id calls `x-amz-id-2`.
pub fn host_id(request_id: &str) -> String {
    format!("bleepstore-{}", request_id.to_ascii_lowercase())
}

/// Which of a destination's events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventQueue {
    /// The destination.
    pub destination: DestinationName,
    /// Those that were given up, in place of those that wait.
    pub dead: bool,
}

/// Where an event stands in a lane of its queue, in the order in which they are read: by sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventPlace {
    /// [`EventRow::sequence`].
    pub sequence: u64,
    /// [`EventRow::id`].
    pub id: EventId,
}

/// The place of the last event of a key: the next one comes after it, whatever the clocks say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventMark {
    /// The creation of the bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// [`EventRow::sequence`] of the last one.
    pub sequence: u64,
    /// From when on it may go.
    pub expires: Timestamp,
}

impl EventRow {
    /// The queue that it is in.
    pub fn queue(&self) -> EventQueue {
        EventQueue {
            destination: self.destination.clone(),
            dead: self.dead,
        }
    }

    /// Its place among the events of its key as documents say it: of two, the later one has the greater text.
    pub fn sequencer(&self) -> String {
        format!("{:016X}", self.sequence)
    }

    /// Its place there.
    pub const fn place(&self) -> EventPlace {
        EventPlace {
            sequence: self.sequence,
            id: self.id,
        }
    }
}
