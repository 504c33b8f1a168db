//! All rows of a store, page by page: what garbage collection marks from, and what the operator's tools read.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use crate::model::{
    Bucket, Credential, Manifest, ObjectKind, ObjectRecord, Part, PartNumber, RetiredManifest, Timestamp,
    Upload,
};
use crate::ports::{BucketRange, KeyRange, KeyStart, Page, Ports, StoreResult, UploadRange, UploadStart};

/// How many rows one read asks for.
pub(super) const PAGE: usize = 1_000;

/// How many parts one read asks for: one that is a copy may list a thousand extents, which are some hundred kilobytes.
const PARTS_PAGE: usize = 100;

/// How many inline bodies are read at the same time.
const BODIES: usize = 16;

/// Pages of rows in the order of their scan. Some may be empty. Nothing follows an error.
pub(super) type Pages<T> = BoxStream<'static, StoreResult<Vec<T>>>;

/// Pages of all buckets.
pub(super) fn buckets(ports: &Ports) -> Pages<Bucket> {
    let metadata = Arc::clone(&ports.metadata);
    pages(move |after: Option<String>| {
        let metadata = Arc::clone(&metadata);
        async move {
            let range = BucketRange {
                after: after.as_deref(),
                ..BucketRange::default()
            };
            metadata.scan_buckets(range, PAGE).await
        }
        .boxed()
    })
}

/// All buckets, of which a page at a time is held. Each that is there throughout is among them, and of those that are
/// created or deleted meanwhile some: as with pages of any other rows.
pub(super) fn each_bucket(ports: &Ports) -> BoxStream<'static, StoreResult<Bucket>> {
    one_by_one(buckets(ports))
}

/// The rows of the pages.
pub(super) fn one_by_one<T: Send + 'static>(pages: Pages<T>) -> BoxStream<'static, StoreResult<T>> {
    pages
        .map_ok(|page| stream::iter(page.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
}

/// Pages of all records of a bucket, as [`ObjectIndex::scan_records`](crate::ports::ObjectIndex::scan_records) shows
/// them.
pub(super) fn records(ports: &Ports, bucket: &Bucket) -> Pages<ObjectRecord> {
    records_under(ports, bucket, "")
}

/// The same of keys that start with `prefix`.
pub(super) fn records_under(ports: &Ports, bucket: &Bucket, prefix: &str) -> Pages<ObjectRecord> {
    let (metadata, bucket, prefix) = (Arc::clone(&ports.metadata), bucket.clone(), prefix.to_owned());
    pages(move |start: Option<KeyStart>| {
        let (metadata, bucket) = (Arc::clone(&metadata), bucket.clone());
        let range = KeyRange {
            prefix: prefix.clone(),
            ..KeyRange::from(start.unwrap_or_default())
        };
        async move { metadata.scan_records(&bucket, &range, PAGE).await }.boxed()
    })
}

/// Pages of the versions of a bucket that are not current.
pub(super) fn versions(ports: &Ports, bucket: &Bucket) -> Pages<ObjectRecord> {
    let (metadata, bucket) = (Arc::clone(&ports.metadata), bucket.clone());
    pages(move |after: Option<String>| {
        let (metadata, bucket) = (Arc::clone(&metadata), bucket.clone());
        async move { metadata.scan_versions(&bucket, after.as_deref(), PAGE).await }.boxed()
    })
}

/// Records of a page with their inline bodies, which scans may leave out. One that was deleted meanwhile is not among
/// them; where it was replaced, the new one is.
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
    let metadata = &ports.metadata;
    let name = record.version_name();
    let found = metadata.lookup_version(&bucket.name, &record.key, name).await?;
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
    parts_after(ports, upload, None)
}

/// Pages of the parts of an upload with greater numbers than `after`.
pub(super) fn parts_after(ports: &Ports, upload: &Upload, after: Option<PartNumber>) -> Pages<Part> {
    let (metadata, upload) = (Arc::clone(&ports.metadata), upload.clone());
    pages_from(after, move |after| {
        let (metadata, upload) = (Arc::clone(&metadata), upload.clone());
        async move { metadata.scan_parts(&upload, after, PARTS_PAGE).await }.boxed()
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
    pages_from(None, read)
}

/// As [`pages`], the first one from `start`.
fn pages_from<T, S, F>(start: Option<S>, read: F) -> Pages<T>
where
    T: Send + 'static,
    S: Send + 'static,
    F: Fn(Option<S>) -> BoxFuture<'static, StoreResult<Page<T, S>>> + Send + 'static,
{
    stream::try_unfold(Some(start), move |position: Option<Option<S>>| {
        let page = position.map(&read);
        async move {
            let Some(page) = page else { return Ok(None) };
            let page = page.await?;
            Ok(Some((page.items, page.next.map(Some))))
        }
    })
    .boxed()
}
