//! Rows for the tests of the stores, and the two calls that most of them make.

use bleepstore_core::model::{
    Acl, Bucket, BucketId, BucketLayout, BucketName, BucketState, CommitId, Description, ETag, Manifest,
    ObjectHeaders, ObjectKey, ObjectKind, ObjectRecord, Owner, Revision, Timestamp, WriteCondition,
};
use bleepstore_core::ports::{CommitOutcome, ObjectIndex};
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
        states_ownership: false,
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
    }
}

pub(crate) fn inline(key: &str, body: &'static [u8]) -> ObjectRecord {
    object(key, Manifest::Inline(Bytes::from_static(body)))
}

pub(crate) async fn put(store: &impl ObjectIndex, record: &ObjectRecord) -> Option<ObjectRecord> {
    let outcome = store.commit(&bucket(), record, &WriteCondition::Any, None).await;
    match outcome.unwrap() {
        CommitOutcome::Committed { superseded } => superseded,
        other => panic!("not committed: {other:?}"),
    }
}

pub(crate) async fn get(store: &impl ObjectIndex, key: &str) -> Option<ObjectRecord> {
    let key = ObjectKey::new(key).unwrap();
    store.lookup(&bucket().name, &key).await.unwrap().object
}
