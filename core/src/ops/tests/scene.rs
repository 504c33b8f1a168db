//! Accounts and what is theirs, for unit tests that need no store.

use bytes::Bytes;

use crate::model::{
    Acl, Bucket, BucketDocuments, BucketId, BucketLayout, BucketName, BucketState, CommitId, Description,
    ETag, Manifest, ObjectKey, ObjectKind, ObjectRecord, Owner, Revision, Timestamp, Upload, UploadId,
    UploadState,
};
use crate::ops::tests::stand_ins::ports;
use crate::ops::{Caller, Context, Pairing};

/// The account whose id is that letter.
pub(in crate::ops) fn account(letter: char) -> Owner {
    Owner {
        id: letter.to_string().repeat(64),
        display_name: letter.to_string(),
    }
}

pub(in crate::ops) fn caller(owner: Owner) -> Caller {
    Caller::of(owner)
}

/// What operations work with. A layout of more entries than `layout_limit` does not lie in its record.
pub(in crate::ops) fn context(layout_limit: usize) -> Context {
    Context::new(ports(layout_limit), Pairing::Matched)
}

/// A bucket of `b` that holds an object of `d` and an upload of `e`.
pub(in crate::ops) struct Scene {
    pub(in crate::ops) bucket: Bucket,
    pub(in crate::ops) object: ObjectRecord,
    pub(in crate::ops) upload: Upload,
}

impl Scene {
    pub(in crate::ops) fn new(bucket_acl: Acl, object_acl: Acl) -> Self {
        let bucket = Bucket {
            name: BucketName::new("bucket").unwrap(),
            id: BucketId::from_bytes([1; 16]),
            owner: account('b'),
            acl: bucket_acl,
            region: String::new(),
            created: Timestamp::from_millis(0),
            state: BucketState::Active,
            revision: Revision(1),
            layout: BucketLayout::FIRST,
            documents: BucketDocuments::default(),
            versioning: None,
        };
        let object = ObjectRecord {
            bucket: bucket.id,
            key: ObjectKey::new("key").unwrap(),
            commit_id: CommitId::from_bytes([2; 16]),
            kind: ObjectKind::Object,
            etag: ETag::from_md5([3; 16]),
            size: 0,
            last_modified: Timestamp::from_millis(0),
            description: Description {
                acl: object_acl,
                ..Description::of(account('d'))
            },
            checksum: None,
            shared: false,
            manifest: Manifest::Inline(Bytes::new()),
            version: None,
        };
        let upload = Upload {
            id: UploadId::from_bytes([4; 16]),
            bucket_name: bucket.name.clone(),
            bucket: bucket.id,
            key: object.key.clone(),
            initiated: Timestamp::from_millis(0),
            description: Description::of(account('e')),
            checksum: None,
            state: UploadState::Open,
        };
        Self {
            bucket,
            object,
            upload,
        }
    }
}
