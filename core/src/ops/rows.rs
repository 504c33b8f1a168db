//! All rows of a store, page by page: what garbage collection marks from, and what the operator's tools read.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use crate::model::{
    Bucket, Credential, Manifest, ObjectKind, ObjectRecord, Part, RetiredManifest, Timestamp, Upload,
};
use crate::ports::{Page, Ports, StoreResult, UploadRange, UploadStart};

/// How many rows one read asks for.
pub(super) const PAGE: usize = 1_000;

/// How many inline bodies are read at the same time.
const BODIES: usize = 16;

/// Pages of rows in the order of their scan. Some may be empty. Nothing follows an error.
pub(super) type Pages<T> = BoxStream<'static, StoreResult<Vec<T>>>;

/// Pages of all buckets.
pub(super) fn buckets(ports: &Ports) -> Pages<Bucket> {
    let metadata = Arc::clone(&ports.metadata);
    pages(move |after: Option<String>| {
        let metadata = Arc::clone(&metadata);
        async move { metadata.scan_buckets(None, "", after.as_deref(), PAGE).await }.boxed()
    })
}

/// All buckets at once: their number is what an account of S3 may have.
pub(super) async fn all_buckets(ports: &Ports) -> StoreResult<Vec<Bucket>> {
    buckets(ports).try_concat().await
}

/// Pages of all records of a bucket, as [`ObjectIndex::scan_records`](crate::ports::ObjectIndex::scan_records) shows
/// them.
pub(super) fn records(ports: &Ports, bucket: &Bucket) -> Pages<ObjectRecord> {
    let (metadata, bucket) = (Arc::clone(&ports.metadata), bucket.clone());
    pages(move |after: Option<String>| {
        let (metadata, bucket) = (Arc::clone(&metadata), bucket.clone());
        async move { metadata.scan_records(&bucket, after.as_deref(), PAGE).await }.boxed()
    })
}

/// Records of a page with their inline bodies, which scans may leave out. One that was deleted meanwhile is not among them;
/// where it was replaced, the new one is.
pub(super) fn with_bodies(
    ports: &Ports,
    bucket: &Bucket,
    page: Vec<ObjectRecord>,
) -> BoxStream<'static, StoreResult<ObjectRecord>> {
    let whole: Vec<_> = page
        .into_iter()
        .map(|record| with_body(ports.clone(), bucket.clone(), record))
        .collect();
    stream::iter(whole)
        .buffered(BODIES)
        .try_filter_map(|record| async move { Ok(record) })
        .boxed()
}

async fn with_body(ports: Ports, bucket: Bucket, record: ObjectRecord) -> StoreResult<Option<ObjectRecord>> {
    let left_out = record.kind == ObjectKind::Object
        && record.size > 0
        && matches!(&record.manifest, Manifest::Inline(body) if body.is_empty());
    if !left_out {
        return Ok(Some(record));
    }
    let found = ports.metadata.lookup(&bucket.name, &record.key).await?;
    Ok(found.object.filter(|object| object.bucket == bucket.id))
}

/// Pages of the uploads of a bucket that have not ended.
pub(super) fn uploads(ports: &Ports, bucket: &Bucket) -> Pages<Upload> {
    let (metadata, bucket) = (Arc::clone(&ports.metadata), bucket.clone());
    pages(move |start: Option<UploadStart>| {
        let (metadata, bucket) = (Arc::clone(&metadata), bucket.clone());
        let range = UploadRange {
            prefix: String::new(),
            start: start.unwrap_or_default(),
        };
        async move { metadata.scan_uploads(&bucket, &range, PAGE).await }.boxed()
    })
}

/// Pages of the parts of an upload.
pub(super) fn parts(ports: &Ports, upload: &Upload) -> Pages<Part> {
    let (metadata, upload) = (Arc::clone(&ports.metadata), upload.clone());
    pages(move |after| {
        let (metadata, upload) = (Arc::clone(&metadata), upload.clone());
        async move { metadata.scan_parts(&upload, after, PAGE).await }.boxed()
    })
}

/// Pages of the retired manifests that have not expired at `now`.
pub(super) fn retired(ports: &Ports, now: Timestamp) -> Pages<RetiredManifest> {
    let metadata = Arc::clone(&ports.metadata);
    pages(move |after| {
        let metadata = Arc::clone(&metadata);
        async move { metadata.scan_retired(after, now, PAGE).await }.boxed()
    })
}

/// Pages of all credentials.
pub(super) fn credentials(ports: &Ports) -> Pages<Credential> {
    let metadata = Arc::clone(&ports.metadata);
    pages(move |after: Option<String>| {
        let metadata = Arc::clone(&metadata);
        async move { metadata.scan_credentials(after.as_deref(), PAGE).await }.boxed()
    })
}

/// Reads page after page, each from where the one before it ended.
fn pages<T, S, F>(read: F) -> Pages<T>
where
    T: Send + 'static,
    S: Send + 'static,
    F: Fn(Option<S>) -> BoxFuture<'static, StoreResult<Page<T, S>>> + Send + 'static,
{
    stream::try_unfold(Some(None), move |position: Option<Option<S>>| {
        let page = position.map(&read);
        async move {
            let Some(page) = page else { return Ok(None) };
            let page = page.await?;
            Ok(Some((page.items, page.next.map(Some))))
        }
    })
    .boxed()
}
