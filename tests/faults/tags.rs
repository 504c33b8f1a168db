//! The first tags and the first redirect in a bucket, which raise its layout, where stores fail and requests meet.

use std::sync::Arc;

use bleepstore_core::model::{
    BucketLayout, CannedAcl, ErrorCode, ObjectHeaders, Operation, RequestedAcl, S3Error, Tagged, Tags,
    WriteCondition,
};
use bleepstore_core::ops::{self, PutObject};
use bleepstore_core::ports::StoreErrorKind;
use bleepstore_tests::decorators::{CallCounter, Verdict};
use bleepstore_tests::deployment::{Deployment, incoming, target};
use bytes::Bytes;

use super::{NEW, Two, code};

fn tags() -> Tags {
    Tags::new(vec![("a".to_owned(), "1".to_owned())], Tagged::Object).unwrap()
}

/// PutObject with a tag.
async fn put(store: &Deployment, key: &str) -> Result<(), S3Error> {
    put_with(store, key, ObjectHeaders::default(), tags()).await
}

async fn put_with(store: &Deployment, key: &str, headers: ObjectHeaders, tags: Tags) -> Result<(), S3Error> {
    let input = PutObject {
        operation: Operation::PutObject,
        target: target("bucket", key),
        headers,
        acl: RequestedAcl::default(),
        tags,
        body: incoming(Bytes::from_static(NEW)),
        condition: WriteCondition::Any,
    };
    ops::put_object(&store.context, &store.caller, input)
        .await
        .map(drop)
}

async fn layout(two: &Two) -> BucketLayout {
    two.other.bucket_row("bucket").await.unwrap().layout
}

#[tokio::test]
async fn raise_it_once_and_never_again() {
    let counter = Arc::new(CallCounter::default());
    let two = Two::new(Arc::clone(&counter) as Arc<_>).await;
    two.disturbed.put("bucket", "plain", NEW).await.unwrap();
    assert_eq!(layout(&two).await, BucketLayout::FIRST);
    for key in ["a", "b"] {
        put(&two.disturbed, key).await.unwrap();
        assert_eq!(layout(&two).await, BucketLayout::TAGS);
    }
    assert_eq!(counter.count("update_bucket"), 1);
    let object = two.other.object("bucket", "a").await.unwrap();
    assert_eq!(object.description.tags, tags());
}

#[tokio::test]
async fn are_followed_by_the_first_redirect_which_raises_it_once_more() {
    let counter = Arc::new(CallCounter::default());
    let two = Two::new(Arc::clone(&counter) as Arc<_>).await;
    put(&two.disturbed, "a").await.unwrap();
    let headers = ObjectHeaders {
        website_redirect: Some("/a".to_owned()),
        ..ObjectHeaders::default()
    };
    for key in ["b", "c"] {
        put_with(&two.disturbed, key, headers.clone(), Tags::default())
            .await
            .unwrap();
        assert_eq!(layout(&two).await, BucketLayout::REDIRECTS);
    }
    put(&two.disturbed, "d").await.unwrap();
    assert_eq!(layout(&two).await, BucketLayout::REDIRECTS);
    assert_eq!(counter.count("update_bucket"), 2);
    let object = two.other.object("bucket", "c").await.unwrap();
    assert_eq!(object.description.headers, headers);
}

#[tokio::test]
async fn that_meet_a_change_of_the_bucket_undo_nothing_of_it() {
    const PUBLIC: RequestedAcl = RequestedAcl::Canned(CannedAcl::PublicRead);
    let (two, gate) = Two::with_gate().await;
    let mut raise = gate.hold("update_bucket");
    let held = two.start(async |store| put(&store, "a").await);
    raise.arrived().await;
    two.other.put_bucket_acl("bucket", PUBLIC).await.unwrap();
    raise.release();
    held.await.unwrap().unwrap();
    let bucket = two.other.bucket_row("bucket").await.unwrap();
    assert_eq!(bucket.layout, BucketLayout::TAGS);
    assert_eq!(bucket.acl, PUBLIC.of_bucket(&bucket.owner));
}

#[tokio::test]
async fn are_not_stored_where_it_cannot_be_raised() {
    let two = Two::with_fault("update_bucket", Verdict::Fail(StoreErrorKind::Throttled)).await;
    assert_eq!(code(put(&two.disturbed, "a").await), ErrorCode::SlowDown);
    two.assert_no_object().await;
    two.assert_blobs(0).await;
    assert_eq!(layout(&two).await, BucketLayout::FIRST);
}

#[tokio::test]
async fn that_meet_the_deletion_of_the_bucket_find_none() {
    let (two, gate) = Two::with_gate().await;
    let mut raise = gate.hold("update_bucket");
    let held = two.start(async |store| put(&store, "a").await);
    raise.arrived().await;
    two.other.delete_bucket("bucket").await.unwrap();
    raise.release();
    assert_eq!(code(held.await.unwrap()), ErrorCode::NoSuchBucket);
    two.assert_blobs(0).await;
}
