//! Listings: one fold over ordered range reads, for objects and for uploads.
//!
//! A common prefix is emitted once and then skipped over: the next read starts after all keys that share it. So the
//! cost of a listing follows what it shows, not how many keys lie under its prefixes.

use std::future::Future;

use super::access::Action;
use super::{Caller, Context};
use crate::model::{Bucket, BucketName, ObjectSummary, S3Error, Upload, UploadId};
use crate::ports::{
    KeyRange, KeyStart, MetadataStore, Page, StoreResult, UploadRange, UploadStart, common_prefix,
};

/// How many rows the first read asks for, when there is a delimiter, and the first one after a skip. Doubled while the
/// listing shows every row that is read.
const FIRST_READ: usize = 8;

/// How many rows the first read after a skip asks for at least. Where one prefix filled the reads before, one row tells
/// the next prefix; two more tell whether it is as large, or whether small ones follow, of which a read covers several.
const SMALLEST_READ: usize = 3;

/// How many rows one read asks for at most: a page of 1,000 and one more to see whether it is the last.
const LARGEST_READ: usize = 1_001;

/// The last thing that a page of a listing showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingPosition {
    /// A key.
    Key(String),
    /// An upload of a key.
    Upload(String, UploadId),
    /// A common prefix.
    Prefix(String),
}

/// Where a client asks a listing to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingStart {
    /// After this and nothing else: a token of the page before, or `start-after`.
    After(ListingPosition),
    /// After a marker: where it lies in a group that the listing folds, after all of the group.
    Marker(ListingPosition),
}

/// What ListObjects and ListObjectsV2 are asked.
#[derive(Clone, Debug)]
pub struct ListObjects {
    /// The bucket.
    pub bucket: BucketName,
    /// Only keys that start with this.
    pub prefix: String,
    /// Fold keys up to the first occurrence of this after the prefix; empty for none.
    pub delimiter: String,
    /// Where to start.
    pub start: Option<ListingStart>,
    /// At most this many keys and common prefixes, 0 to 1,000.
    pub limit: usize,
}

/// What ListObjects and ListObjectsV2 answer.
#[derive(Clone, Debug)]
pub struct ListObjectsOutput {
    /// Objects in ascending byte order of their keys.
    pub objects: Vec<ObjectSummary>,
    /// Common prefixes in ascending byte order.
    pub common_prefixes: Vec<String>,
    /// The last thing shown, where there is more after it.
    pub next: Option<ListingPosition>,
}

/// What ListMultipartUploads is asked.
#[derive(Clone, Debug)]
pub struct ListUploads {
    /// The bucket.
    pub bucket: BucketName,
    /// Only keys that start with this.
    pub prefix: String,
    /// Fold keys up to the first occurrence of this after the prefix; empty for none.
    pub delimiter: String,
    /// Start after this marker; a key means all its uploads.
    pub marker: Option<ListingPosition>,
    /// At most this many uploads and common prefixes, 0 to 1,000.
    pub limit: usize,
}

/// What ListMultipartUploads answers.
#[derive(Clone, Debug)]
pub struct ListUploadsOutput {
    /// Uploads ordered by key and then by initiation.
    pub uploads: Vec<Upload>,
    /// Common prefixes in ascending byte order.
    pub common_prefixes: Vec<String>,
    /// The last thing shown, where there is more after it.
    pub next: Option<ListingPosition>,
}

/// Lists objects.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub async fn list_objects(
    context: &Context,
    caller: &Caller,
    input: ListObjects,
) -> Result<ListObjectsOutput, S3Error> {
    let bucket = caller.bucket(context, Action::ListObjects, &input.bucket).await?;
    let shape = Shape {
        prefix: &input.prefix,
        delimiter: &input.delimiter,
        limit: input.limit,
    };
    let start = match shape.start(input.start) {
        None => KeyStart::Beginning,
        Some(ListingPosition::Prefix(prefix)) => KeyStart::AfterPrefix(prefix),
        Some(ListingPosition::Key(key) | ListingPosition::Upload(key, _)) => KeyStart::After(key),
    };
    let source = Objects {
        metadata: context.ports.metadata.as_ref(),
        bucket: &bucket,
        prefix: &input.prefix,
        delimiter: &input.delimiter,
    };
    let folded = fold(&source, &shape, start).await?;
    Ok(ListObjectsOutput {
        objects: folded.items,
        common_prefixes: folded.prefixes,
        next: folded.next,
    })
}

/// Lists uploads that have not ended.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
pub async fn list_multipart_uploads(
    context: &Context,
    caller: &Caller,
    input: ListUploads,
) -> Result<ListUploadsOutput, S3Error> {
    let bucket = bucket_of_uploads(context, caller, &input).await?;
    let shape = Shape {
        prefix: &input.prefix,
        delimiter: &input.delimiter,
        limit: input.limit,
    };
    let start = match shape.start(input.marker.map(ListingStart::Marker)) {
        None => UploadStart::Beginning,
        Some(ListingPosition::Prefix(prefix)) => UploadStart::AfterPrefix(prefix),
        Some(ListingPosition::Key(key)) => UploadStart::AfterKey(key),
        Some(ListingPosition::Upload(key, upload)) => UploadStart::After(key, upload),
    };
    let source = Uploads {
        metadata: context.ports.metadata.as_ref(),
        bucket: &bucket,
        prefix: &input.prefix,
    };
    let folded = fold(&source, &shape, start).await?;
    Ok(ListUploadsOutput {
        uploads: folded.items,
        common_prefixes: folded.prefixes,
        next: folded.next,
    })
}

/// The bucket, looked up together with the upload that the marker names: one that is of another key is no marker. One that
/// has ended since the page before may not be found any more, and still tells where to go on.
async fn bucket_of_uploads(
    context: &Context,
    caller: &Caller,
    input: &ListUploads,
) -> Result<Bucket, S3Error> {
    let action = Action::ListMultipartUploads;
    let Some(ListingPosition::Upload(key, id)) = &input.marker else {
        return caller.bucket(context, action, &input.bucket).await;
    };
    let found = context.ports.metadata.lookup_upload(&input.bucket, *id).await?;
    let bucket = caller.open(action, &input.bucket, found.bucket)?;
    match found.upload {
        Some(upload) if upload.key.as_str() != key => Err(S3Error::invalid_argument(
            "Invalid uploadId marker",
            "upload-id-marker",
            id,
        )),
        _ => Ok(bucket),
    }
}

/// Where ordered items come from.
trait Source {
    type Item;
    type Start;
    fn read(
        &self,
        start: Self::Start,
        limit: usize,
    ) -> impl Future<Output = StoreResult<Page<Self::Item, Self::Start>>> + Send;
    fn key(item: &Self::Item) -> &str;
    fn position(item: &Self::Item) -> ListingPosition;
    fn after_prefix(prefix: String) -> Self::Start;
}

struct Objects<'a> {
    metadata: &'a dyn MetadataStore,
    bucket: &'a Bucket,
    prefix: &'a str,
    delimiter: &'a str,
}

impl Source for Objects<'_> {
    type Item = ObjectSummary;
    type Start = KeyStart;

    async fn read(&self, start: KeyStart, limit: usize) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let range = KeyRange {
            prefix: self.prefix.to_owned(),
            start,
            delimiter: self.delimiter.to_owned(),
        };
        self.metadata.scan_objects(self.bucket, &range, limit).await
    }

    fn key(item: &ObjectSummary) -> &str {
        item.key.as_str()
    }

    fn position(item: &ObjectSummary) -> ListingPosition {
        ListingPosition::Key(item.key.to_string())
    }

    fn after_prefix(prefix: String) -> KeyStart {
        KeyStart::AfterPrefix(prefix)
    }
}

struct Uploads<'a> {
    metadata: &'a dyn MetadataStore,
    bucket: &'a Bucket,
    prefix: &'a str,
}

impl Source for Uploads<'_> {
    type Item = Upload;
    type Start = UploadStart;

    async fn read(&self, start: UploadStart, limit: usize) -> StoreResult<Page<Upload, UploadStart>> {
        let range = UploadRange {
            prefix: self.prefix.to_owned(),
            start,
        };
        self.metadata.scan_uploads(self.bucket, &range, limit).await
    }

    fn key(item: &Upload) -> &str {
        item.key.as_str()
    }

    fn position(item: &Upload) -> ListingPosition {
        ListingPosition::Upload(item.key.to_string(), item.id)
    }

    fn after_prefix(prefix: String) -> UploadStart {
        UploadStart::AfterPrefix(prefix)
    }
}

struct Shape<'a> {
    prefix: &'a str,
    delimiter: &'a str,
    limit: usize,
}

impl Shape<'_> {
    /// The common prefix that `key` is folded into.
    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        common_prefix(key, self.prefix, self.delimiter)
    }

    /// The position to start after. A key that is itself a common prefix stands for all the keys under it, and so does a
    /// marker anywhere under one: the page before showed the group.
    fn start(&self, start: Option<ListingStart>) -> Option<ListingPosition> {
        let (position, is_marker) = match start? {
            ListingStart::After(position) => (position, false),
            ListingStart::Marker(position) => (position, true),
        };
        let (ListingPosition::Key(key) | ListingPosition::Upload(key, _)) = &position else {
            return Some(position);
        };
        match self.common_prefix(key) {
            Some(prefix) if is_marker || prefix == key => Some(ListingPosition::Prefix(prefix.to_owned())),
            _ => Some(position),
        }
    }
}

struct Folded<T> {
    items: Vec<T>,
    prefixes: Vec<String>,
    last: Option<ListingPosition>,
    next: Option<ListingPosition>,
}

impl<T> Folded<T> {
    /// How much the listing shows so far.
    fn shown(&self) -> usize {
        self.items.len() + self.prefixes.len()
    }
}

async fn fold<S: Source>(source: &S, shape: &Shape<'_>, start: S::Start) -> StoreResult<Folded<S::Item>> {
    let mut folded = Folded {
        items: Vec::new(),
        prefixes: Vec::new(),
        last: None,
        next: None,
    };
    if shape.limit == 0 {
        return Ok(folded);
    }
    let mut next = Some(start);
    let (mut after_skip, mut read) = (FIRST_READ, FIRST_READ);
    while let Some(start) = next.take() {
        let wanted = shape.limit + 1 - folded.shown();
        let limit = if shape.delimiter.is_empty() {
            wanted
        } else {
            wanted.min(read)
        };
        let page = source.read(start, limit.min(LARGEST_READ)).await?;
        let mut under = None;
        let (rows, shown) = (page.items.len(), folded.shown());
        for item in page.items {
            let prefix = shape.common_prefix(S::key(&item)).map(str::to_owned);
            if prefix.is_some() && prefix.as_ref() == folded.prefixes.last() {
                under = prefix;
                continue;
            }
            if folded.shown() == shape.limit {
                folded.next = folded.last;
                folded.last = None;
                return Ok(folded);
            }
            under.clone_from(&prefix);
            match prefix {
                Some(prefix) => {
                    folded.last = Some(ListingPosition::Prefix(prefix.clone()));
                    folded.prefixes.push(prefix);
                }
                None => {
                    folded.last = Some(S::position(&item));
                    folded.items.push(item);
                }
            }
        }
        next = page.next;
        let shown = folded.shown() - shown;
        if let (Some(prefix), true) = (under, next.is_some()) {
            next = Some(S::after_prefix(prefix));
            if shown < rows {
                // One prefix filled the read, or the last of several went on after it.
                let halved = if shown == 1 { after_skip / 2 } else { FIRST_READ };
                after_skip = halved.max(SMALLEST_READ);
                read = after_skip;
                continue;
            }
        }
        read = read.saturating_mul(2);
    }
    Ok(folded)
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
