//! Which rows a scan reads, and what it finds.

use std::ops::Bound;

use crate::model::{Bucket, ObjectKey, Sequence, UploadId};

/// A page of a range read. To make it, a store reads no more rows than the limit of the scan says, whatever they show. So
/// where there is a next page, at most as many rows showed nothing as the page is shorter than the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, S> {
    /// What was found, in ascending order.
    pub items: Vec<T>,
    /// Where to go on: after the last row that was read, which may be one that shows nothing; `None` at the end of the
    /// range. A page may be empty, or shorter than the limit, and still have a next one.
    pub next: Option<S>,
}

impl<T, S> Page<T, S> {
    /// The page with what `show` makes of each item; those that it makes nothing of are left out.
    pub fn showing<U>(self, show: impl FnMut(T) -> Option<U>) -> Page<U, S> {
        Page {
            items: self.items.into_iter().filter_map(show).collect(),
            next: self.next,
        }
    }
}

/// The page of a range in which nothing lies.
impl<T, S> Default for Page<T, S> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            next: None,
        }
    }
}

/// Which buckets a scan reads. Names compare as UTF-8 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct BucketRange<'a> {
    /// Only those of the owner with this id; of all where there is none.
    pub owner: Option<&'a str>,
    /// Only names that start with this.
    pub prefix: &'a str,
    /// Only names that are greater than this.
    pub after: Option<&'a str>,
}

/// Which keys a scan of objects reads. Keys compare as UTF-8 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Only keys that start with this.
    pub prefix: String,
    /// Where the range starts.
    pub start: KeyStart,
    /// Where this is not empty, one key of those with the same common prefix is enough, and the others may be left out:
    /// by a store to which going on elsewhere costs hardly more than reading on. Others need not look at it.
    pub delimiter: String,
}

/// Where a range of keys starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyStart {
    /// At the first key.
    #[default]
    Beginning,
    /// After this key. It need not exist.
    After(String),
    /// After every key that starts with this prefix.
    AfterPrefix(String),
}

impl KeyStart {
    /// Whether `key` lies in the range that starts here.
    pub fn admits(&self, key: &str) -> bool {
        match self {
            Self::Beginning => true,
            Self::After(last) => key > last.as_str(),
            Self::AfterPrefix(prefix) => key > prefix.as_str() && !key.starts_with(prefix.as_str()),
        }
    }
}

impl KeyRange {
    /// All keys from `start` on.
    pub fn from(start: KeyStart) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    /// Whether `key` lies in this range.
    pub fn admits(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && self.start.admits(key)
    }

    /// The common prefix that a listing shows in the place of `key`: up to the first delimiter after the range's
    /// prefix.
    pub fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        common_prefix(key, &self.prefix, &self.delimiter)
    }

    /// Where an ordered read of the range begins: its keys are those from here on that still start with the
    /// prefix. `None` when no key can lie in the range.
    pub fn entry(&self) -> Option<Bound<String>> {
        let prefix = &self.prefix;
        Some(match &self.start {
            KeyStart::After(last) if last >= prefix => Bound::Excluded(last.clone()),
            KeyStart::AfterPrefix(passed) => Bound::Included(successor(passed)?.max(prefix.clone())),
            KeyStart::Beginning | KeyStart::After(_) => Bound::Included(prefix.clone()),
        })
    }
}

/// `key` up to the first delimiter after `prefix`, with the delimiter. `None` where there is none, or no delimiter.
pub fn common_prefix<'k>(key: &'k str, prefix: &str, delimiter: &str) -> Option<&'k str> {
    if delimiter.is_empty() {
        return None;
    }
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

/// The least text that is greater than every text that starts with `prefix`, so that a scan can
/// step over them; `None` when there is none.
pub fn successor(prefix: &str) -> Option<String> {
    let mut rest = prefix.chars();
    while let Some(last) = rest.next_back() {
        // A range of `char` leaves out the surrogates, which are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            return Some(format!("{}{next}", rest.as_str()));
        }
    }
    None
}

/// Which versions of a key are read that are not current: the newest first, and at most `limit` (1 or more).
#[derive(Clone, Copy, Debug)]
pub struct VersionRange<'a> {
    /// The bucket.
    pub bucket: &'a Bucket,
    /// The key.
    pub key: &'a ObjectKey,
    /// Only those older than the one at this place; all where there is none.
    pub before: Option<Sequence>,
    /// How many.
    pub limit: usize,
}

impl<'a> VersionRange<'a> {
    /// The newest ones.
    pub const fn newest(bucket: &'a Bucket, key: &'a ObjectKey, limit: usize) -> Self {
        Self {
            bucket,
            key,
            before: None,
            limit,
        }
    }
}

/// Which uploads of a bucket a scan reads. They are ordered by key, then by upload id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadRange {
    /// Only uploads whose key starts with this.
    pub prefix: String,
    /// Where the range starts.
    pub start: UploadStart,
}

/// Where a range of uploads starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UploadStart {
    /// At the first upload.
    #[default]
    Beginning,
    /// After all uploads of this key. None need exist.
    AfterKey(String),
    /// After this upload of this key. It need not exist.
    After(String, UploadId),
    /// After every upload whose key starts with this prefix.
    AfterPrefix(String),
}

impl UploadRange {
    /// Whether an upload of `key` lies in this range.
    pub fn admits(&self, key: &str, upload: UploadId) -> bool {
        key.starts_with(&self.prefix)
            && match &self.start {
                UploadStart::Beginning => true,
                UploadStart::AfterKey(last) => key > last.as_str(),
                UploadStart::After(last, last_upload) => (key, upload) > (last.as_str(), *last_upload),
                UploadStart::AfterPrefix(prefix) => {
                    key > prefix.as_str() && !key.starts_with(prefix.as_str())
                }
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_of_a_prefix_is_after_all_that_start_with_it() {
        assert_eq!(successor("a/").as_deref(), Some("a0"));
        assert_eq!(successor("\u{7f}").as_deref(), Some("\u{80}"));
        assert_eq!(successor("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(successor("a\u{10ffff}\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{10ffff}"), None);
        assert_eq!(successor(""), None);
    }
}
