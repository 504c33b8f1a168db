//! The documents, as AWS writes them.

use serde_json::{Value, json};

use super::*;
use crate::model::{CommitId, Sequence, VersionId, VersionName};
use crate::ops::events::document::delivery;

fn document(event: &EventRow) -> Value {
    serde_json::from_str(&delivery(event).document).unwrap()
}

fn version() -> VersionName {
    VersionName::Id(VersionId::new(Sequence(7), CommitId::from_bytes([7; 16])))
}

#[test]
fn an_event_is_a_message_of_one_record() {
    let event = event("red flower.jpg", 0x0055_AED6_DCD9_0281);
    let wanted = json!({ "Records": [{
        "eventVersion": "2.5",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "1970-01-01T00:00:01.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": { "principalId": "AWS:somebody" },
        "requestParameters": { "sourceIPAddress": "192.0.2.1" },
        "responseElements": {
            "x-amz-request-id": "0123456789ABCDEF",
            "x-amz-id-2": "bleepstore-0123456789abcdef",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "rule",
            "bucket": {
                "name": "bucket",
                "ownerIdentity": { "principalId": "b".repeat(64) },
                "arn": "arn:aws:s3:::bucket",
            },
            "object": {
                "key": "red+flower.jpg",
                "size": 12,
                "eTag": "tag",
                "sequencer": "0055AED6DCD90281",
            },
        },
    }] });
    assert_eq!(document(&event), wanted);
    let delivery = delivery(&event);
    assert_eq!((delivery.name.as_str(), delivery.at), ("ObjectCreated:Put", 1));
    assert_eq!(delivery.id, event.id.to_string());
    assert_eq!(delivery.group(), "bucket/red flower.jpg");
}

#[test]
fn keys_are_encoded_as_in_forms_but_for_slashes() {
    for (key, wanted) in [
        ("a/b c", "a/b+c"),
        ("a+b", "a%2Bb"),
        ("50%", "50%25"),
        ("\u{e9}/\u{1F600}", "%C3%A9/%F0%9F%98%80"),
        ("a-b_c.d*e", "a-b_c.d*e"),
        ("a&b=c?\"~", "a%26b%3Dc%3F%22%7E"),
        ("line\nend", "line%0Aend"),
    ] {
        let object = &document(&event(key, 1))["Records"][0]["s3"]["object"];
        assert_eq!(object["key"], wanted, "{key}");
    }
}

#[test]
fn what_is_gone_has_no_size_and_tag_and_a_version_is_named_where_there_is_one() {
    let mut removed = event("key", 1);
    removed.name = EventName::Removed;
    (removed.facts.size, removed.facts.etag) = (None, None);
    let object = json!({ "key": "key", "sequencer": "0000000000000001" });
    assert_eq!(document(&removed)["Records"][0]["s3"]["object"], object);
    removed.version = Some(version());
    let object = json!({ "key": "key", "versionId": version().to_string(), "sequencer": "0000000000000001" });
    assert_eq!(document(&removed)["Records"][0]["s3"]["object"], object);
}

#[test]
fn event_bridge_is_told_in_its_own_words() {
    let mut event = event("red flower.jpg", 1);
    event.facts.rule = None;
    event.version = Some(version());
    let wanted = json!({
        "version": "0",
        "bucket": { "name": "bucket" },
        "object": {
            "key": "red flower.jpg",
            "size": 12,
            "etag": "tag",
            "version-id": version().to_string(),
            "sequencer": "0000000000000001",
        },
        "request-id": "0123456789ABCDEF",
        "requester": "AWS:somebody",
        "source-ip-address": "192.0.2.1",
        "reason": "PutObject",
    });
    assert_eq!(document(&event), wanted);
    assert_eq!(delivery(&event).name, "Object Created");
}

#[test]
fn event_bridge_is_told_how_it_came_about() {
    let told = |name| {
        let mut event = event("key", 1);
        (event.name, event.facts.rule) = (name, None);
        let document = document(&event);
        let said = |member: &str| document.get(member).and_then(Value::as_str).map(str::to_owned);
        (delivery(&event).name, said("reason"), said("deletion-type"))
    };
    let wanted = |name: &str, reason: Option<&str>, kind: Option<&str>| {
        (
            name.to_owned(),
            reason.map(str::to_owned),
            kind.map(str::to_owned),
        )
    };
    let marker = Some("Delete Marker Created");
    for (name, said) in [
        (
            EventName::CreatedByCompletion,
            wanted("Object Created", Some("CompleteMultipartUpload"), None),
        ),
        (
            EventName::Removed,
            wanted(
                "Object Deleted",
                Some("DeleteObject"),
                Some("Permanently Deleted"),
            ),
        ),
        (
            EventName::MarkerCreated,
            wanted("Object Deleted", Some("DeleteObject"), marker),
        ),
        (
            EventName::MarkerCreatedByExpiration,
            wanted("Object Deleted", Some("Lifecycle Expiration"), marker),
        ),
        (EventName::TaggingPut, wanted("Object Tags Added", None, None)),
        (
            EventName::TaggingDeleted,
            wanted("Object Tags Deleted", None, None),
        ),
        (EventName::AclPut, wanted("Object ACL Updated", None, None)),
    ] {
        assert_eq!(told(name), said, "{name:?}");
    }
}
