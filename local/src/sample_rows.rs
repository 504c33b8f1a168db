//! Rows for the tests of the stores, and the calls that most of them make.

use bleepstore_core::model::{
    Acl, Bucket, BucketDocuments, BucketId, BucketLayout, BucketName, BucketState, CommitId, Description,
    ETag, EventFacts, EventId, EventName, EventRow, Manifest, ObjectHeaders, ObjectKey, ObjectKind,
    ObjectRecord, Owner, Revision, Timestamp, WriteCondition,
};
use bleepstore_core::ports::{Edit, EditOutcome, Expect, ObjectIndex, StoreResult};
use bytes::Bytes;

pub(crate) fn bucket() -> Bucket {
    Bucket {
        name: BucketName::new("pictures").unwrap(),
        id: BucketId::from_bytes([1; 16]),
        owner: Owner::root(),
        acl: Acl::default(),
        region: "us-east-1".into(),
        created: Timestamp::from_seconds(1),
        state: BucketState::Active,
        revision: Revision(1),
        layout: BucketLayout::FIRST,
        documents: BucketDocuments::default(),
        versioning: None,
    }
}

pub(crate) fn object(key: &str, manifest: Manifest) -> ObjectRecord {
    ObjectRecord {
        bucket: bucket().id,
        key: ObjectKey::new(key).unwrap(),
        commit_id: CommitId::from_bytes([9; 16]),
        kind: ObjectKind::Object,
        etag: ETag::from_md5([3; 16]),
        size: 5,
        last_modified: Timestamp::from_seconds(2),
        description: Description {
            headers: ObjectHeaders {
                user_metadata: vec![("colour".into(), "blå".into())],
                ..ObjectHeaders::default()
            },
            ..Description::of(Owner::root())
        },
        checksum: None,
        shared: false,
        manifest,
        version: None,
    }
}

pub(crate) fn inline(key: &str, body: &'static [u8]) -> ObjectRecord {
    object(key, Manifest::Inline(Bytes::from_static(body)))
}

/// What is told of a record that is put, before it has its place.
pub(crate) fn event(record: &ObjectRecord, id: u8) -> EventRow {
    EventRow {
        id: EventId::from_bytes([id; 16]),
        destination: "queue".parse().unwrap(),
        dead: false,
        retried: None,
        sequence: 0,
        bucket: record.bucket,
        key: record.key.clone(),
        version: None,
        name: EventName::CreatedByPut,
        facts: EventFacts {
            rule: Some("all".into()),
            time: record.last_modified,
            region: "us-east-1".into(),
            bucket_name: bucket().name,
            bucket_owner: "owner".into(),
            requester: "caller".into(),
            source: None,
            request_id: "request".into(),
            size: Some(record.size),
            etag: Some(record.etag.as_str().to_owned()),
        },
    }
}

/// Puts a record, and tells of it.
pub(crate) async fn put_and_tell(store: &impl ObjectIndex, record: &ObjectRecord, events: &[EventRow]) {
    let bucket = bucket();
    let edit = Edit::put(&bucket, record, Expect::ANYTHING).telling(events);
    let outcome = store.edit(&edit).await.unwrap();
    assert!(matches!(outcome, EditOutcome::Applied { .. }), "{outcome:?}");
}

pub(crate) async fn put(store: &impl ObjectIndex, record: &ObjectRecord) -> Option<ObjectRecord> {
    match put_if(store, record, &WriteCondition::Any).await.unwrap() {
        EditOutcome::Applied { displaced } => displaced.map(|row| *row),
        other => panic!("not put: {other:?}"),
    }
}

pub(crate) async fn put_if(
    store: &impl ObjectIndex,
    record: &ObjectRecord,
    condition: &WriteCondition,
) -> StoreResult<EditOutcome> {
    let expect = Expect::Condition {
        condition,
        retired: None,
    };
    store.edit(&Edit::put(&bucket(), record, expect)).await
}

pub(crate) async fn remove(store: &impl ObjectIndex, key: &str) -> StoreResult<EditOutcome> {
    let expect = Expect::Condition {
        condition: &WriteCondition::Any,
        retired: None,
    };
    let key = ObjectKey::new(key).unwrap();
    store.edit(&Edit::remove(&bucket(), &key, expect)).await
}

pub(crate) async fn get(store: &impl ObjectIndex, key: &str) -> Option<ObjectRecord> {
    let key = ObjectKey::new(key).unwrap();
    store.lookup(&bucket().name, &key).await.unwrap().object
}
