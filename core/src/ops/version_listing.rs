//! ListObjectVersions: the rows that are current, in the order of their keys, and after each the versions that are not.

use futures_util::{StreamExt, stream};

use super::listing::{Listed, Listing, ListingPosition, Shape};
use super::page_reads::{PageReads, Read};
use super::{Caller, Context};
use crate::model::{Bucket, ObjectKey, ObjectRecord, Operation, S3Error, Sequence, VersionName};
use crate::ports::{KeyRange, KeyStart, KeyVersions, StoreError, StoreResult, VersionRange};

/// How many keys' versions are read at the same time.
const KEYS_AT_ONCE: usize = 16;

/// How many versions of one key are read at the same time. Their rows may have bodies in them.
const VERSIONS_AT_ONCE: usize = 64;

/// A version as a listing shows it: an object or a delete marker, its inline body left out or included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The version.
    pub record: ObjectRecord,
    /// Whether it is current.
    pub is_latest: bool,
}

/// Lists versions and delete markers: by key, and the newest of a key first. `after` is the version to go on after, of
/// the key that the listing starts after; without one it starts after all of that key.
///
/// A version that is there all the while is shown once. What is made or deleted meanwhile may be shown or not. Where
/// `null` ends a page, its name is all that the next one knows of its place: if it was replaced or removed by then,
/// versions of that key may be shown again, and none is left out.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>
pub async fn list_object_versions(
    context: &Context,
    caller: &Caller,
    input: Listing,
    after: Option<VersionName>,
) -> Result<Listed<ListedVersion>, S3Error> {
    let operation = Operation::ListObjectVersions;
    let bucket = caller.bucket(context, operation, &input.bucket).await?;
    let mut page = VersionsPage {
        context,
        bucket: &bucket,
        shape: Shape::of(&input),
        listed: Listed::nothing(),
        last: None,
    };
    if input.limit > 0 {
        let start = input.start.as_ref().map(|start| page.shape.start(start));
        page.fill(start, after).await?;
    }
    Ok(page.listed)
}

struct VersionsPage<'a> {
    context: &'a Context,
    bucket: &'a Bucket,
    shape: Shape<'a>,
    listed: Listed<ListedVersion>,
    /// What was shown last.
    last: Option<ListingPosition>,
}

impl VersionsPage<'_> {
    async fn fill(&mut self, start: Option<ListingPosition>, after: Option<VersionName>) -> StoreResult<()> {
        if let (Some(ListingPosition::Key(key)), Some(after)) = (&start, after)
            && key.starts_with(self.shape.prefix)
            && let Ok(key) = ObjectKey::new(key)
            && !self.take_rest(&key, after).await?
        {
            return Ok(());
        }
        let mut reads = PageReads::new(self.shape.folds());
        let mut next = Some(match start {
            None => KeyStart::Beginning,
            Some(ListingPosition::Prefix(prefix)) => KeyStart::AfterPrefix(prefix),
            Some(other) => KeyStart::After(other.text().to_owned()),
        });
        while let Some(start) = next.take() {
            let asked = reads.size(self.shape.limit + 1 - self.listed.shown());
            let range = KeyRange {
                prefix: self.shape.prefix.to_owned(),
                start,
                delimiter: self.shape.delimiter.to_owned(),
            };
            let metadata = &self.context.ports.metadata;
            let page = metadata.scan_records(self.bucket, &range, asked).await?;
            let (told, before) = (page.items.len(), self.listed.shown());
            let last = page.items.last().map(|head| head.key.clone());
            if !self.take_heads(page.items).await? {
                return Ok(());
            }
            let under = last
                .as_ref()
                .and_then(|key| self.shape.common_prefix(key.as_str()));
            next = page.next.map(|next| match (next, under) {
                (KeyStart::After(key), Some(prefix)) if key.starts_with(prefix) => {
                    KeyStart::AfterPrefix(prefix.to_owned())
                }
                (next, _) => next,
            });
            reads.note(Read {
                asked,
                told,
                shown: self.listed.shown() - before,
                skips: under.is_some(),
            });
        }
        Ok(())
    }

    /// Shows keys of which these rows are current. Returns false where the page is full before all are shown.
    async fn take_heads(&mut self, heads: Vec<ObjectRecord>) -> StoreResult<bool> {
        let (context, bucket, limit) = (self.context, self.bucket, self.room().min(VERSIONS_AT_ONCE));
        let has_more = |head: &ObjectRecord| head.as_version().newest.is_some();
        let shape = self.shape;
        let keys: Vec<_> = heads
            .into_iter()
            .map(|head| async move {
                let folded = shape.common_prefix(head.key.as_str()).is_some();
                if folded || !has_more(&head) {
                    return Ok::<_, StoreError>((head.key.clone(), vec![latest(head)], None));
                }
                let key = head.key.clone();
                let metadata = &context.ports.metadata;
                let range = VersionRange::newest(bucket, &key, limit);
                let (versions, more) = metadata.versions_below(range).await?;
                let newest = versions.first().map(ObjectRecord::sequence);
                let found = match newest == head.as_version().newest {
                    true => KeyVersions {
                        head: Some(head),
                        versions,
                        more,
                    },
                    // What was current when the page was read is so no more, or the next one has gone.
                    false => metadata.key_versions(range).await?,
                };
                let before = found
                    .more
                    .then(|| found.versions.last().map(ObjectRecord::sequence))
                    .flatten();
                let shown = found.head.map(latest).into_iter();
                let shown = shown.chain(found.versions.into_iter().map(noncurrent)).collect();
                Ok((key, shown, before))
            })
            .collect();
        let mut keys = stream::iter(keys).buffered(KEYS_AT_ONCE);
        while let Some(found) = keys.next().await {
            let (key, shown, before): (ObjectKey, Vec<ListedVersion>, Option<Sequence>) = found?;
            for version in shown {
                if !self.take(version) {
                    return Ok(false);
                }
            }
            if let Some(before) = before
                && !self.take_older(&key, Some(before)).await?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many entries the page has room for, and one more, which tells that it ends.
    fn room(&self) -> usize {
        self.shape.limit + 1 - self.listed.shown()
    }

    /// Shows the versions of a key after the one of that name: all of them, where there is no `null` any more.
    async fn take_rest(&mut self, key: &ObjectKey, after: VersionName) -> StoreResult<bool> {
        let place = match after {
            VersionName::Id(id) => Some(id.sequence()),
            VersionName::Null => self.place_of_null(key).await?,
        };
        self.take_older(key, place).await
    }

    async fn place_of_null(&self, key: &ObjectKey) -> StoreResult<Option<Sequence>> {
        let metadata = &self.context.ports.metadata;
        let found = metadata.lookup(&self.bucket.name, key).await?;
        let head = found.object.filter(|head| head.bucket == self.bucket.id);
        Ok(head.and_then(|head| match head.version_name() {
            VersionName::Null => Some(head.sequence()),
            VersionName::Id(_) => head.as_version().null,
        }))
    }

    /// Shows the versions of a key that are older than that place, if there is one.
    async fn take_older(&mut self, key: &ObjectKey, before: Option<Sequence>) -> StoreResult<bool> {
        let is_older = |head: &ObjectRecord, before: Option<Sequence>| {
            before.is_none_or(|before| head.sequence() < before)
        };
        let mut next = Some(before);
        while let Some(before) = next {
            let limit = self.room().min(VERSIONS_AT_ONCE);
            let metadata = &self.context.ports.metadata;
            let range = VersionRange {
                before,
                ..VersionRange::newest(self.bucket, key, limit)
            };
            let found = metadata.key_versions(range).await?;
            let last = found.versions.last().map(ObjectRecord::sequence);
            next = last.filter(|_| found.more).map(Some);
            // Where all that was shown is gone by now, an older version is current.
            let head = found.head.filter(|head| is_older(head, before)).map(latest);
            for version in head.into_iter().chain(found.versions.into_iter().map(noncurrent)) {
                if !self.take(version) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Shows one entry, or the prefix that it is folded into. Returns false where the page is full.
    fn take(&mut self, version: ListedVersion) -> bool {
        let key = version.record.key.as_str();
        let prefix = self.shape.common_prefix(key).map(str::to_owned);
        if prefix.is_some() && prefix.as_ref() == self.listed.common_prefixes.last() {
            return true;
        }
        if self.listed.shown() == self.shape.limit {
            self.listed.next = self.last.take();
            return false;
        }
        match prefix {
            Some(prefix) => {
                self.last = Some(ListingPosition::Prefix(prefix.clone()));
                self.listed.common_prefixes.push(prefix);
            }
            None => {
                let name = version.record.version_name();
                self.last = Some(ListingPosition::Version(key.to_owned(), name));
                self.listed.items.push(version);
            }
        }
        true
    }
}

fn latest(record: ObjectRecord) -> ListedVersion {
    ListedVersion {
        record,
        is_latest: true,
    }
}

fn noncurrent(record: ObjectRecord) -> ListedVersion {
    ListedVersion {
        record,
        is_latest: false,
    }
}
