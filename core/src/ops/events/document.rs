//! The document that tells of an event: S3's.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::model::{EventFacts, EventName, EventRow, bucket_arn};
use crate::ports::Delivery;

// What EventBridge is told of how an object was deleted.
const ON_REQUEST: (&str, &str) = ("reason", "DeleteObject");
const ON_EXPIRY: (&str, &str) = ("reason", "Lifecycle Expiration");
const FOR_GOOD: (&str, &str) = ("deletion-type", "Permanently Deleted");
const BY_MARKER: (&str, &str) = ("deletion-type", "Delete Marker Created");

/// An event as its destination receives it: a message of one record.
pub(super) fn delivery(event: &EventRow) -> Delivery {
    let EventRow { key, facts, .. } = event;
    Delivery {
        id: event.id.to_string(),
        bucket: facts.bucket_name.to_string(),
        key: key.to_string(),
        at: u64::try_from(facts.time.seconds()).unwrap_or(0),
        name: match &facts.rule {
            Some(_) => event.name.name(),
            None => bridge_names(event.name).0,
        }
        .to_owned(),
        document: match &facts.rule {
            Some(rule) => json!({ "Records": [record(event, rule)] }).to_string(),
            None => bridged(event).to_string(),
        },
    }
}

fn record(event: &EventRow, rule: &str) -> Value {
    let EventRow { facts, .. } = event;
    json!({
        "eventVersion": "2.5",
        "eventSource": "aws:s3",
        "awsRegion": facts.region,
        "eventTime": facts.time.iso_8601_millis(),
        "eventName": event.name.name(),
        "userIdentity": { "principalId": facts.requester },
        "requestParameters": { "sourceIPAddress": source(facts) },
        "responseElements": {
            "x-amz-request-id": facts.request_id,
            "x-amz-id-2": facts.host_id(),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule,
            "bucket": {
                "name": facts.bucket_name.as_str(),
                "ownerIdentity": { "principalId": facts.bucket_owner },
                "arn": bucket_arn(&facts.bucket_name, &facts.region),
            },
            "object": object(event, &form_encoded(event.key.as_str()), "eTag", "versionId"),
        },
    })
}

/// What EventBridge is told: its own names, and the key as it is.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
fn bridged(event: &EventRow) -> Value {
    let EventRow { facts, .. } = event;
    let (_, how) = bridge_names(event.name);
    let mut detail = json!({
        "version": "0",
        "bucket": { "name": facts.bucket_name.as_str() },
        "object": object(event, event.key.as_str(), "etag", "version-id"),
        "request-id": facts.request_id,
        "requester": facts.requester,
        "source-ip-address": source(facts),
    });
    if let Some(detail) = detail.as_object_mut() {
        let how = how
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()));
        detail.extend(how);
    }
    detail
}

/// What EventBridge calls an event, and what its detail says of how it came about.
fn bridge_names(name: EventName) -> (&'static str, &'static [(&'static str, &'static str)]) {
    match name {
        EventName::CreatedByPut => ("Object Created", &[("reason", "PutObject")]),
        EventName::CreatedByPost => ("Object Created", &[("reason", "POST Object")]),
        EventName::CreatedByCopy => ("Object Created", &[("reason", "CopyObject")]),
        EventName::CreatedByCompletion => ("Object Created", &[("reason", "CompleteMultipartUpload")]),
        EventName::Removed => ("Object Deleted", &[ON_REQUEST, FOR_GOOD]),
        EventName::MarkerCreated => ("Object Deleted", &[ON_REQUEST, BY_MARKER]),
        EventName::Expired => ("Object Deleted", &[ON_EXPIRY, FOR_GOOD]),
        EventName::MarkerCreatedByExpiration => ("Object Deleted", &[ON_EXPIRY, BY_MARKER]),
        EventName::TaggingPut => ("Object Tags Added", &[]),
        EventName::TaggingDeleted => ("Object Tags Deleted", &[]),
        EventName::AclPut => ("Object ACL Updated", &[]),
    }
}

fn object(event: &EventRow, key: &str, etag: &str, version: &str) -> Value {
    let mut object = Map::new();
    object.insert("key".to_owned(), key.into());
    if let Some(size) = event.facts.size {
        object.insert("size".to_owned(), size.into());
    }
    if let Some(found) = &event.facts.etag {
        object.insert(etag.to_owned(), found.as_str().into());
    }
    if let Some(found) = event.version {
        object.insert(version.to_owned(), found.to_string().into());
    }
    object.insert("sequencer".to_owned(), event.sequencer().into());
    Value::Object(object)
}

fn source(facts: &EventFacts) -> &str {
    facts.source.as_deref().unwrap_or_default()
}

/// A key as a form would have it, but for `/`, which stays.
fn form_encoded(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'*' | b'-' | b'.' | b'_' | b'/' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            // Writing to a text does not fail.
            byte => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}
