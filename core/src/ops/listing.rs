//! Listings: one fold over ordered range reads, for objects and for uploads.
//!
//! A common prefix is emitted once and then skipped over: the next read starts after all keys that share it. So the
//! cost of a listing follows what it shows, not how many keys lie under its prefixes.
//!
//! Rows that show nothing (delete markers, uploads that have ended) cannot be skipped over. A page ends after a number of
//! them, and says where to go on: see [`super::page_reads`].

use std::future::Future;

use super::access::Opened;
use super::page_reads::{PageReads, Read};
use super::{Caller, Context};
use crate::model::{Bucket, BucketName, ObjectSummary, Operation, S3Error, Upload, UploadId, VersionName};
use crate::ports::{
    KeyRange, KeyStart, MetadataStore, Page, StoreResult, UploadRange, UploadStart, common_prefix,
};

/// What a page of a listing says to go on after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingPosition {
    /// A key.
    Key(String),
    /// An upload of a key.
    Upload(String, UploadId),
    /// A version of a key.
    Version(String, VersionName),
    /// A common prefix, and all keys that are folded into it.
    Prefix(String),
}

impl ListingPosition {
    /// The key or the prefix.
    pub fn text(&self) -> &str {
        match self {
            Self::Key(text) | Self::Upload(text, _) | Self::Version(text, _) | Self::Prefix(text) => text,
        }
    }
}

/// Where a client asks a listing to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingStart {
    /// Exactly where the page before said to go on.
    Next(ListingPosition),
    /// After this key; where it is a common prefix, after all keys that are folded into it.
    StartAfter(String),
    /// After this key; where it lies in a group that the listing folds, after all of the group.
    Marker(String),
}

/// What is asked of a listing of a bucket, whatever it lists.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The bucket.
    pub bucket: BucketName,
    /// Only keys that start with this.
    pub prefix: String,
    /// Fold keys up to the first occurrence of this after the prefix; empty for none.
    pub delimiter: String,
    /// Where to start.
    pub start: Option<ListingStart>,
    /// At most this many items and common prefixes, 0 to 1,000.
    pub limit: usize,
}

/// A page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// What is listed, in ascending byte order of the keys; uploads of one key in the order in which they began.
    pub items: Vec<T>,
    /// Common prefixes in ascending byte order.
    pub common_prefixes: Vec<String>,
    /// Where to go on, if there is more: after the last thing shown, or further on, where rows that show nothing were read
    /// after it. A page may show less than was asked for, or nothing, and say where to go on.
    pub next: Option<ListingPosition>,
}

impl<T> Listed<T> {
    pub(super) const fn nothing() -> Self {
        Self {
            items: Vec::new(),
            common_prefixes: Vec::new(),
            next: None,
        }
    }

    /// How much the page shows so far.
    pub(super) fn shown(&self) -> usize {
        self.items.len() + self.common_prefixes.len()
    }
}

/// Lists objects.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub async fn list_objects(
    context: &Context,
    caller: &Caller,
    input: Listing,
) -> Result<Listed<ObjectSummary>, S3Error> {
    let bucket = caller
        .bucket(context, Operation::ListObjects, &input.bucket)
        .await?;
    let shape = Shape::of(&input);
    let source = Objects {
        metadata: context.ports.metadata.as_ref(),
        bucket: &bucket,
        prefix: &input.prefix,
        delimiter: &input.delimiter,
    };
    Ok(fold(&source, &shape, input.start.as_ref()).await?)
}

/// Lists uploads that have not ended.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
pub async fn list_multipart_uploads(
    context: &Context,
    caller: &Caller,
    input: Listing,
) -> Result<Listed<Upload>, S3Error> {
    let bucket = bucket_of_uploads(context, caller, &input).await?;
    let shape = Shape::of(&input);
    let source = Uploads {
        metadata: context.ports.metadata.as_ref(),
        bucket: &bucket,
        prefix: &input.prefix,
    };
    Ok(fold(&source, &shape, input.start.as_ref()).await?)
}

/// The bucket, looked up together with the upload that the marker names: one that is of another key is no marker. One that
/// has ended since the page before may not be found any more, and still tells where to go on.
async fn bucket_of_uploads(context: &Context, caller: &Caller, input: &Listing) -> Result<Opened, S3Error> {
    let operation = Operation::ListMultipartUploads;
    let Some(ListingStart::Next(ListingPosition::Upload(key, id))) = &input.start else {
        return caller.bucket(context, operation, &input.bucket).await;
    };
    let found = context.ports.metadata.lookup_upload(&input.bucket, *id).await?;
    let bucket = caller
        .open(context, operation, &input.bucket, found.bucket)
        .await?;
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
    /// Reads at most `limit` rows.
    fn read(
        &self,
        start: Self::Start,
        limit: usize,
    ) -> impl Future<Output = StoreResult<Page<Self::Item, Self::Start>>> + Send;
    fn key(item: &Self::Item) -> &str;
    fn position(item: &Self::Item) -> ListingPosition;
    /// Where reads begin; `None` is the beginning.
    fn start(position: Option<ListingPosition>) -> Self::Start;
    /// The position that a read begins at.
    fn resume(start: Self::Start) -> ListingPosition;
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

    fn start(position: Option<ListingPosition>) -> KeyStart {
        match position {
            None => KeyStart::Beginning,
            Some(ListingPosition::Prefix(prefix)) => KeyStart::AfterPrefix(prefix),
            Some(other) => KeyStart::After(other.text().to_owned()),
        }
    }

    fn resume(start: KeyStart) -> ListingPosition {
        match start {
            // No key is empty.
            KeyStart::Beginning => ListingPosition::Key(String::new()),
            KeyStart::After(key) => ListingPosition::Key(key),
            KeyStart::AfterPrefix(prefix) => ListingPosition::Prefix(prefix),
        }
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

    fn start(position: Option<ListingPosition>) -> UploadStart {
        match position {
            None => UploadStart::Beginning,
            Some(ListingPosition::Prefix(prefix)) => UploadStart::AfterPrefix(prefix),
            Some(ListingPosition::Key(key) | ListingPosition::Version(key, _)) => UploadStart::AfterKey(key),
            Some(ListingPosition::Upload(key, upload)) => UploadStart::After(key, upload),
        }
    }

    /// A key alone would be a marker, which may lie in a group that is not shown yet. So it comes with an id, after which
    /// none comes.
    fn resume(start: UploadStart) -> ListingPosition {
        match start {
            UploadStart::Beginning => ListingPosition::Key(String::new()),
            UploadStart::AfterKey(key) => ListingPosition::Upload(key, UploadId::from_bytes([u8::MAX; 16])),
            UploadStart::After(key, upload) => ListingPosition::Upload(key, upload),
            UploadStart::AfterPrefix(prefix) => ListingPosition::Prefix(prefix),
        }
    }
}

/// What a listing shows of the keys that it meets.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: &'a str,
    pub(super) limit: usize,
}

impl<'a> Shape<'a> {
    pub(super) fn of(input: &'a Listing) -> Self {
        Self {
            prefix: &input.prefix,
            delimiter: &input.delimiter,
            limit: input.limit,
        }
    }

    pub(super) const fn folds(&self) -> bool {
        !self.delimiter.is_empty()
    }

    /// The common prefix that `key` is folded into.
    pub(super) fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        common_prefix(key, self.prefix, self.delimiter)
    }

    /// The position to start after. A key that is itself a common prefix stands for all the keys under it, and so does a
    /// marker anywhere under one: the page before showed the group.
    pub(super) fn start(&self, start: &ListingStart) -> ListingPosition {
        let (key, group) = match start {
            ListingStart::Next(position) => return position.clone(),
            ListingStart::StartAfter(key) => (key, self.common_prefix(key).filter(|group| group == key)),
            ListingStart::Marker(key) => (key, self.common_prefix(key)),
        };
        match group {
            Some(group) => ListingPosition::Prefix(group.to_owned()),
            None => ListingPosition::Key(key.clone()),
        }
    }
}

async fn fold<S: Source>(
    source: &S,
    shape: &Shape<'_>,
    start: Option<&ListingStart>,
) -> StoreResult<Listed<S::Item>> {
    let mut listed = Listed::nothing();
    if shape.limit == 0 {
        return Ok(listed);
    }
    let mut reads = PageReads::new(shape.folds());
    let mut last = None;
    let mut next = Some(start.map(|start| shape.start(start)));
    while let Some(position) = next.take() {
        if reads.are_spent() {
            listed.next = position;
            break;
        }
        let asked = reads.size(shape.limit + 1 - listed.shown());
        let page = source.read(S::start(position), asked).await?;
        let (told, before) = (page.items.len(), listed.shown());
        let mut under = None;
        for item in page.items {
            let prefix = shape.common_prefix(S::key(&item)).map(str::to_owned);
            if prefix.is_some() && prefix.as_ref() == listed.common_prefixes.last() {
                under = prefix;
                continue;
            }
            if listed.shown() == shape.limit {
                listed.next = last;
                return Ok(listed);
            }
            under.clone_from(&prefix);
            match prefix {
                Some(prefix) => {
                    last = Some(ListingPosition::Prefix(prefix.clone()));
                    listed.common_prefixes.push(prefix);
                }
                None => {
                    last = Some(S::position(&item));
                    listed.items.push(item);
                }
            }
        }
        let Some(resume) = page.next.map(S::resume) else {
            break;
        };
        // Rows that show nothing may have taken the read beyond the prefix.
        let skipped = under.filter(|prefix| resume.text().starts_with(prefix.as_str()));
        let shown = listed.shown() - before;
        reads.note(Read {
            asked,
            told,
            shown,
            skips: skipped.is_some(),
        });
        next = Some(Some(skipped.map_or(resume, ListingPosition::Prefix)));
    }
    Ok(listed)
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
