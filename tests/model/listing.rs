//! Listings through the operations, against a fold that is too simple to be wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use bleepstore_core::model::{Timestamp, UploadId};
use bleepstore_core::ops::{self, Listed, Listing, ListingPosition, ListingStart};
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::{Deployment, name};
use proptest::prelude::*;

use super::check;

/// One line of a listing: a key with the upload of it, if uploads are listed, or a common prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Key(String, Option<UploadId>),
    Prefix(String),
}

impl Line {
    /// How a page says that it ended with this line.
    fn position(&self) -> ListingPosition {
        match self.clone() {
            Self::Key(key, None) => ListingPosition::Key(key),
            Self::Key(key, Some(upload)) => ListingPosition::Upload(key, upload),
            Self::Prefix(prefix) => ListingPosition::Prefix(prefix),
        }
    }
}

#[derive(Clone, Debug)]
struct Request {
    prefix: String,
    delimiter: String,
    marker: Option<String>,
    limit: usize,
    /// Go on from page to page as ListObjects does: by markers, the text that the last page ended with.
    by_text: bool,
}

impl Request {
    fn common_prefix(&self, key: &str) -> Option<String> {
        let rest = key.strip_prefix(&self.prefix)?;
        let (folded, _) = rest
            .split_once(&self.delimiter)
            .filter(|_| !self.delimiter.is_empty())?;
        Some(format!("{}{folded}{}", self.prefix, self.delimiter))
    }

    /// All lines, from entries in order. A marker that is no more than a place to start at does not skip the group that it
    /// lies in.
    fn expected(&self, entries: &[(String, Option<UploadId>)], skips_groups: bool) -> Vec<Line> {
        let mut lines = Vec::new();
        let marker = self.marker.as_ref();
        let group = marker.and_then(|marker| self.common_prefix(marker));
        let group = group.filter(|group| skips_groups || Some(group) == marker);
        for (key, upload) in entries {
            let prefix = self.common_prefix(key);
            let passed = marker.is_some_and(|marker| key <= marker);
            if passed || (group.is_some() && prefix == group) || !key.starts_with(&self.prefix) {
                continue;
            }
            let line = prefix.map_or(Line::Key(key.clone(), *upload), Line::Prefix);
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        lines
    }

    /// Reads all pages, checks each page's length and end, and returns all lines.
    async fn page_through(
        &self,
        expected: &[Line],
        first: fn(String) -> ListingStart,
        page: impl AsyncFn(Listing) -> (Vec<Line>, Option<ListingPosition>),
    ) {
        let mut input = Listing {
            bucket: name("bucket"),
            prefix: self.prefix.clone(),
            delimiter: self.delimiter.clone(),
            start: self.marker.clone().map(first),
            limit: self.limit,
        };
        if self.limit == 0 {
            assert_eq!(page(input).await, (Vec::new(), None));
            return;
        }
        let mut rest = expected;
        loop {
            let (shown, left) = rest.split_at(self.limit.min(rest.len()));
            let next = shown.last().filter(|_| !left.is_empty()).map(Line::position);
            assert_eq!(page(input.clone()).await, (in_two_lists(shown), next.clone()));
            rest = left;
            let Some(next) = next else { return };
            input.start = Some(match next {
                ListingPosition::Key(text) | ListingPosition::Prefix(text) if self.by_text => {
                    ListingStart::Marker(text)
                }
                next => ListingStart::Next(next),
            });
        }
    }
}

/// The lines of a page, of which each item is one, and where it says to go on.
fn lines<T>(page: Listed<T>, line: impl Fn(&T) -> Line) -> (Vec<Line>, Option<ListingPosition>) {
    let prefixes = page.common_prefixes.into_iter().map(Line::Prefix);
    (page.items.iter().map(line).chain(prefixes).collect(), page.next)
}

/// As S3 shows a page: first the keys, then the common prefixes.
fn in_two_lists(lines: &[Line]) -> Vec<Line> {
    let (keys, prefixes): (Vec<Line>, Vec<Line>) = lines
        .iter()
        .cloned()
        .partition(|line| matches!(line, Line::Key(..)));
    [keys, prefixes].concat()
}

/// Few letters, so that keys share prefixes; characters of one to four bytes, whose order in UTF-16 is another.
fn text(length: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = String> {
    let letter = prop::sample::select(vec!['a', 'b', '/', '-', 'é', '\u{ffff}', '\u{10000}']);
    prop::collection::vec(letter, length).prop_map(String::from_iter)
}

fn request() -> impl Strategy<Value = Request> {
    let marker = prop::option::of(text(1..5));
    (text(0..3), text(0..4), marker, 0_usize..8, any::<bool>()).prop_map(
        |(prefix, delimiter, marker, limit, by_text)| Request {
            prefix,
            delimiter,
            marker,
            limit,
            by_text,
        },
    )
}

/// A marker that lies among the keys: one of them, or the common prefix of one, as clients send.
fn aimed(keys: &BTreeSet<String>, mut request: Request, aim: Option<(prop::sample::Index, bool)>) -> Request {
    if let Some((index, at_prefix)) = aim {
        let key = index.get(&keys.iter().collect::<Vec<_>>()).to_string();
        let prefix = request.common_prefix(&key).filter(|_| at_prefix);
        request.marker = Some(prefix.unwrap_or(key));
    }
    request
}

fn aim() -> impl Strategy<Value = Option<(prop::sample::Index, bool)>> {
    prop::option::of(any::<(prop::sample::Index, bool)>())
}

#[test]
fn pages_of_objects_are_the_folded_keys_without_a_gap_or_a_repeat() {
    let keys = prop::collection::btree_set(text(1..6), 1..40);
    check((keys, request(), aim()), async |(keys, request, aim)| {
        let request = aimed(&keys, request, aim);
        let store = Deployment::in_memory(16, 10, Arc::new(PassThrough)).await;
        store.create_bucket("bucket").await.unwrap();
        for key in &keys {
            store.put("bucket", key, "").await.unwrap();
        }
        let entries: Vec<_> = keys.into_iter().map(|key| (key, None)).collect();
        let expected = request.expected(&entries, request.by_text);
        let first = match request.by_text {
            true => ListingStart::Marker,
            false => ListingStart::StartAfter,
        };
        let page = async |input: Listing| {
            let listed = ops::list_objects(&store.context, &store.caller, input).await;
            lines(listed.unwrap(), |object| Line::Key(object.key.to_string(), None))
        };
        request.page_through(&expected, first, page).await;
    });
}

#[test]
fn pages_of_uploads_are_the_folded_uploads_without_a_gap_or_a_repeat() {
    let uploads = prop::collection::vec((text(1..6), 0_i64..3), 1..40);
    check((uploads, request(), aim()), async |(uploads, request, aim)| {
        let keys = uploads.iter().map(|(key, _)| key.clone()).collect();
        let request = aimed(&keys, request, aim);
        let store = Deployment::in_memory(16, 10, Arc::new(PassThrough)).await;
        store.create_bucket("bucket").await.unwrap();
        let mut entries = Vec::new();
        for (key, wait) in uploads {
            let wait = Timestamp::from_seconds(wait).since(Timestamp::from_seconds(0));
            store.clock.advance(wait);
            let id = store.begin("bucket", &key).await.unwrap();
            entries.push((key, Some(id)));
        }
        entries.sort();
        let expected = request.expected(&entries, true);
        let page = async |input: Listing| {
            let listed = ops::list_multipart_uploads(&store.context, &store.caller, input).await;
            lines(listed.unwrap(), |upload| {
                Line::Key(upload.key.to_string(), Some(upload.id))
            })
        };
        request.page_through(&expected, ListingStart::Marker, page).await;
    });
}
