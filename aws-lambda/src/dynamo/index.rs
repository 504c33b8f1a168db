//! Partitions that name rows in the order of a text and then of an id: buckets, credentials, and the
//! uploads of a bucket.
//!
//! An entry belongs to one creation, which has its own id, so that no creation and no removal of the same
//! name get in each other's way. It is written before its row and removed after it: a row always has its
//! entry, and an entry without its row counts for nothing.
//!
//! An entry's sort key is the text with U+0000 and U+0001 escaped, U+0000, and the id. Where that does not
//! fit, the text is cut at a fixed length and followed by U+10FFFF and the id: such entries lie together,
//! after all shorter texts that start with the same cut, and are sorted by the whole text, which the
//! entry then carries, when they are read. They lie in the right place because a character that did not fit
//! has more bytes than any that would have, and so is greater.

use async_trait::async_trait;
use bleepstore_core::ports::{StoreError, StoreResult};
use bleepstore_core::rows::{EntryStart, IndexEntry, NameIndex};

use super::DynamoMetadata;
use super::rows::{self, Item};
use super::schema::{RowKey, SORT_KEY, SORT_KEY_BYTES, attribute};
use super::table::Range;

const END: char = '\u{0}';
const LAST: char = '\u{10ffff}';
/// Digits of an id.
const ID: usize = 32;
/// The longest escaped text that stands in a sort key whole.
const WHOLE: usize = SORT_KEY_BYTES - ID - LAST.len_utf8();
/// The shortest that a cut text is: a character of four bytes may not have fitted by one.
const CUT: usize = WHOLE - 3;
/// Rows that one query reads.
const PAGE: usize = 1_000;

/// How an entry is written as a row.
trait EntryRow: Sized {
    fn key(&self, partition: &str) -> RowKey;
    fn item(&self, partition: &str) -> Item;
    /// The entry in a row, and the cut that it shares with others where its text did not fit.
    fn read(item: &Item) -> StoreResult<(Self, Option<String>)>;
}

impl EntryRow for IndexEntry {
    fn key(&self, partition: &str) -> RowKey {
        let escaped = escape(&self.text);
        let sort_key = if escaped.len() <= WHOLE {
            format!("{escaped}{END}{}", self.id)
        } else {
            format!("{}{LAST}{}", cut(&escaped, WHOLE), self.id)
        };
        RowKey::new(partition, sort_key)
    }

    fn item(&self, partition: &str) -> Item {
        let mut item = rows::key(&self.key(partition));
        if escape(&self.text).len() > WHOLE {
            item.insert(attribute::TEXT.to_owned(), rows::text(&self.text));
        }
        item
    }

    fn read(item: &Item) -> StoreResult<(Self, Option<String>)> {
        let sort_key = rows::text_of(item, SORT_KEY)?;
        let broken = || StoreError::corrupt("an entry of an index has no id");
        let (stem, id) = sort_key
            .len()
            .checked_sub(ID)
            .and_then(|at| sort_key.split_at_checked(at))
            .ok_or_else(broken)?;
        if let Some(escaped) = stem.strip_suffix(END) {
            return Ok((Self::new(&unescape(escaped), id), None));
        }
        let stem = stem.strip_suffix(LAST).ok_or_else(broken)?;
        let text = rows::text_of(item, attribute::TEXT)?;
        Ok((Self::new(text, id), Some(stem.to_owned())))
    }
}

/// Keeps order and prefixes, and leaves no U+0000 in the text.
fn escape(text: &str) -> String {
    text.replace('\u{1}', "\u{1}\u{2}").replace('\u{0}', "\u{1}\u{1}")
}

fn unescape(text: &str) -> String {
    text.replace("\u{1}\u{1}", "\u{0}").replace("\u{1}\u{2}", "\u{1}")
}

/// At most `bytes` bytes of whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The rows that hold all entries with `prefix` after `start`, and perhaps some before; `None` when there
/// can be none.
fn range(partition: &str, prefix: &str, start: &EntryStart) -> Option<Range> {
    let prefix = escape(prefix);
    let after = match start {
        EntryStart::Beginning => None,
        EntryStart::AfterText(text) => Some(position(text, &format!("{END}~"))),
        EntryStart::After(text, id) => Some(position(text, &format!("{END}{id}"))),
        EntryStart::AfterPrefix(text) => Some(position(text, &LAST.to_string())),
    };
    let prefix = cut(&prefix, CUT).to_owned();
    let after = after.filter(|after| *after > prefix);
    if after.as_ref().is_some_and(|after| !after.starts_with(&prefix)) {
        return None;
    }
    Some(Range {
        partition: partition.to_owned(),
        prefix,
        after,
    })
}

/// A sort key after which everything lies that comes after `text` and `suffix`.
fn position(text: &str, suffix: &str) -> String {
    let escaped = escape(text);
    if escaped.len() < CUT {
        escaped + suffix
    } else {
        cut(&escaped, CUT - 1).to_owned()
    }
}

#[async_trait]
impl NameIndex for DynamoMetadata {
    async fn put_entry(&self, index: &str, entry: &IndexEntry) -> StoreResult<()> {
        self.table.put(entry.item(index), None).await?;
        Ok(())
    }

    async fn remove_entry(&self, index: &str, entry: &IndexEntry) -> StoreResult<()> {
        self.table.delete(&entry.key(index), None).await?;
        Ok(())
    }

    async fn entries(
        &self,
        index: &str,
        prefix: &str,
        start: &EntryStart,
        limit: usize,
    ) -> StoreResult<(Vec<IndexEntry>, bool)> {
        let Some(mut range) = range(index, prefix, start) else {
            return Ok((Vec::new(), false));
        };
        let mut found: Vec<IndexEntry> = Vec::new();
        // Where in `found` the entries begin that share this cut, which are not in order yet.
        let mut cluster: Option<(String, usize)> = None;
        loop {
            let rows = self.table.query(&range, limit.min(PAGE)).await?;
            for item in &rows.items {
                let (entry, stem) = IndexEntry::read(item)?;
                let same = cluster.as_ref().map(|(stem, _)| stem) == stem.as_ref();
                if !same {
                    if let Some((_, begin)) = cluster.take() {
                        found[begin..].sort();
                    }
                    if found.len() >= limit {
                        found.truncate(limit);
                        return Ok((found, true));
                    }
                    cluster = stem.map(|stem| (stem, found.len()));
                } else if cluster.is_none() && found.len() >= limit {
                    return Ok((found, true));
                }
                if entry.text.starts_with(prefix) && start.admits(&entry) {
                    found.push(entry);
                }
                // Of a large cluster only the first ones can be in the page.
                if let Some((_, begin)) = &cluster
                    && found.len() >= limit.saturating_mul(2).saturating_add(PAGE)
                {
                    found[*begin..].sort();
                    found.truncate(limit.saturating_add(1));
                }
            }
            range.after = rows.last;
            if range.after.is_none() || (cluster.is_none() && found.len() >= limit) {
                break;
            }
        }
        if let Some((_, begin)) = cluster {
            found[begin..].sort();
        }
        let more = range.after.is_some() || found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_fits_and_reads_back_whatever_its_text() {
        let id = "0123456789abcdef0123456789abcdef";
        let texts = [
            "a".to_owned(),
            "\u{0}\u{1}\u{2}\u{1}\u{0}\u{0}\u{1}".to_owned(),
            "\u{10ffff}".repeat(256),
            "\u{0}".repeat(1024),
            "é".repeat(512),
            "k".repeat(WHOLE),
            "k".repeat(WHOLE + 1),
        ];
        for text in texts {
            let entry = IndexEntry::new(&text, id);
            assert!(entry.key("P").sk.len() <= SORT_KEY_BYTES, "{text:?}");
            assert_eq!(IndexEntry::read(&entry.item("P")).unwrap().0, entry);
        }
    }

    #[test]
    fn sort_keys_keep_the_order_of_texts_but_among_those_with_the_same_cut() {
        let stems = ["k".repeat(WHOLE - 4), "k".repeat(WHOLE - 2), "k".repeat(WHOLE)];
        let tails = [
            "",
            "\u{0}",
            "\u{1}",
            "\u{2}",
            "a",
            "é",
            "中",
            "\u{ffff}",
            "\u{10000}",
            "\u{10ffff}",
        ];
        let mut entries: Vec<IndexEntry> = [
            "a",
            "a\u{0}",
            "a\u{0}b",
            "a\u{1}",
            "a\u{2}",
            "a/",
            "b",
            "\u{10ffff}",
        ]
        .map(|text| IndexEntry::new(text, "0".repeat(ID)))
        .to_vec();
        for stem in &stems {
            for (one, two) in tails
                .iter()
                .flat_map(|one| tails.iter().map(move |two| (one, two)))
            {
                entries.push(IndexEntry::new(&format!("{stem}{one}{two}"), "0".repeat(ID)));
            }
        }
        entries.sort();
        entries.dedup();
        let mut last: Option<(String, Option<String>)> = None;
        for entry in &entries {
            let sort_key = entry.key("P").sk;
            let stem = IndexEntry::read(&entry.item("P")).unwrap().1;
            if let Some((before, stem_before)) = &last {
                let clustered = stem.is_some() && stem == *stem_before;
                assert!(clustered || *before < sort_key, "{entry:?}");
            }
            last = Some((sort_key, stem));
        }
    }

    #[test]
    fn a_range_starts_within_its_prefix() {
        let starts = [
            EntryStart::AfterText("a".to_owned()),
            EntryStart::AfterPrefix("a/".to_owned()),
            EntryStart::After("b".to_owned(), "0".to_owned()),
            EntryStart::Beginning,
        ];
        for prefix in ["", "a", "a/", "a/b", "b"] {
            for start in &starts {
                if let Some(Range {
                    prefix,
                    after: Some(after),
                    ..
                }) = range("P", prefix, start)
                {
                    assert!(after.starts_with(&prefix), "{prefix:?} {start:?}");
                }
            }
        }
        assert!(range("P", "a", &EntryStart::AfterText("b".to_owned())).is_none());
        assert!(range("P", "a/b", &EntryStart::AfterPrefix("a/".to_owned())).is_none());
    }
}
