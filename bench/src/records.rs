//! Records of the metadata store, as they are made here without going through S3.

use bleepstore_core::model::{
    Bucket, BucketDocuments, BucketId, BucketLayout, BucketName, BucketState, CommitId, Description, ETag,
    Manifest, ObjectKey, ObjectKind, ObjectRecord, Owner, Revision, S3Error, Timestamp,
};

/// When they say that they were created: 2026-01-01T00:00:00Z.
pub const CREATED: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// The MD5 of nothing.
const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// A bucket of the store's owner.
pub fn bucket(name: &str, id: u8) -> Result<Bucket, S3Error> {
    Ok(Bucket {
        name: BucketName::new(name)?,
        id: BucketId::from_bytes([id; 16]),
        owner: Owner::root(),
        acl: Default::default(),
        region: "us-east-1".to_owned(),
        created: CREATED,
        state: BucketState::Active,
        revision: Revision(1),
        layout: BucketLayout::FIRST,
        documents: BucketDocuments::default(),
        versioning: None,
    })
}

/// An object of the store's owner.
pub fn object(bucket: &Bucket, key: String, manifest: Manifest, size: u64) -> Result<ObjectRecord, S3Error> {
    let mut commit = [0; 16];
    // As many bytes of the key as there is room for, from its end, where keys differ.
    for (place, byte) in commit.iter_mut().rev().zip(key.bytes().rev()) {
        *place = byte;
    }
    Ok(ObjectRecord {
        bucket: bucket.id,
        key: ObjectKey::new(key)?,
        commit_id: CommitId::from_bytes(commit),
        kind: ObjectKind::Object,
        etag: ETag::from_client(ETAG),
        size,
        last_modified: CREATED,
        description: Description::of(Owner::root()),
        checksum: None,
        shared: false,
        manifest,
        version: None,
    })
}
