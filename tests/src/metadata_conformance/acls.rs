//! Rules of access control lists, which rows carry unless they are the private one.

use bleepstore_core::model::{Acl, Bucket, CommitId, ObjectRecord, Revision};
use bleepstore_core::ports::Edit;

use super::MetadataFixture;
use super::edits::{applied, row};
use crate::samples::key;

/// A list with grants, and the private one in its place and back.
pub async fn a_buckets_list_comes_back_and_is_replaced_with_its_row(f: MetadataFixture) {
    let granting = f.bucket().await;
    assert!(!granting.acl.is_private());
    let private = f
        .create(Bucket {
            acl: Acl::default(),
            ..f.samples.bucket()
        })
        .await;
    for bucket in [&granting, &private] {
        assert_eq!(f.store.bucket(&bucket.name).await.unwrap().as_ref(), Some(bucket));
    }
    for (bucket, acl) in [
        (granting, Acl::default()),
        (private.clone(), f.samples.acl(&private.owner)),
    ] {
        let changed = Bucket {
            acl,
            revision: Revision(2),
            ..bucket
        };
        assert!(f.store.update_bucket(&changed, Revision(1)).await.unwrap());
        let found = f.store.lookup(&changed.name, &key("a")).await.unwrap();
        assert_eq!(found.bucket, Some(changed));
    }
}

/// A list with grants, and the private one in its place and back, by swaps of the record.
pub async fn an_objects_list_comes_back_and_is_replaced_with_its_record(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let mut record = f.put(&bucket, "a").await;
    assert!(!record.description.acl.is_private());
    assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&record));
    for acl in [Acl::default(), f.samples.acl(&record.description.owner)] {
        let read = record.clone();
        record.description.acl = acl;
        record.commit_id = f.samples.id(CommitId::from_bytes);
        let swap = Edit::put(&bucket, &record, row(&read));
        assert_eq!(f.edit(&swap).await, applied(Some(&read)));
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&record));
    }
}

/// A list with grants and the private one.
pub async fn an_uploads_list_comes_back_and_goes_to_its_object(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let granting = f.samples.upload(&bucket, "a");
    assert!(!granting.description.acl.is_private());
    let mut private = f.samples.upload(&bucket, "a");
    private.description.acl = Acl::default();
    let mut displaced = None;
    for upload in [granting, private] {
        assert!(f.store.begin_upload(&upload).await.unwrap());
        let found = f.store.lookup_upload(&bucket.name, upload.id).await.unwrap();
        assert_eq!(found.upload.as_ref(), Some(&upload));
        let record = ObjectRecord {
            description: upload.description.clone(),
            ..f.samples.record(&bucket, "a")
        };
        let published = f.publish(&bucket, &upload, &record).await;
        assert_eq!(published, applied(displaced.as_ref()));
        assert_eq!(f.object(&bucket, "a").await.as_ref(), Some(&record));
        displaced = Some(record);
    }
}
