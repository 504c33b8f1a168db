//! Partitions that name rows in the order of a text and then of an id: buckets, credentials, and the
//! uploads of a bucket.
//!
//! An entry belongs to one creation, which has its own id, so that no creation and no removal of the same
//! name get in each other's way. It is written before its row and removed after it: a row always has its
//! entry, and an entry without its row counts for nothing.
//!
//! An entry is ordered by the hex of its text, a slash, which is less than any hex digit, and the id.

use async_trait::async_trait;
use bleepstore_core::model::hex;
use bleepstore_core::ports::{StoreError, StoreResult};
use bleepstore_core::rows::{EntryStart, IndexEntry, NameIndex, scan_range};

use super::CosmosMetadata;
use super::container::Range;
use super::rows::Item;
use super::schema::{RowKey, digest, unhex};

/// How an entry is written as a row.
trait EntryRow: Sized {
    fn order(&self) -> String;
    fn key(&self, partition: &str) -> RowKey;
    fn item(&self, partition: &str) -> Item;
    fn read(item: &Item) -> StoreResult<Self>;
}

impl EntryRow for IndexEntry {
    fn order(&self) -> String {
        format!("{}/{}", hex(&self.text), self.id)
    }

    fn key(&self, partition: &str) -> RowKey {
        RowKey::new(partition, digest(&self.order()))
    }

    fn item(&self, partition: &str) -> Item {
        Item::without_detail(self.key(partition)).ordered_by(self.order())
    }

    fn read(item: &Item) -> StoreResult<Self> {
        let broken = || StoreError::corrupt("an entry of an index has no text and id");
        let (text, id) = item.order()?.split_once('/').ok_or_else(broken)?;
        Ok(Self::new(&unhex(text).ok_or_else(broken)?, id))
    }
}

/// The rows that hold the entries whose texts start with `prefix`, from `start` on.
fn range(partition: &str, prefix: &str, start: &EntryStart) -> Range {
    let range = Range::of_prefix(partition, prefix);
    match start {
        EntryStart::Beginning => range,
        // After the slash, and before any longer text.
        EntryStart::AfterText(text) => range.from(hex(text) + "0"),
        EntryStart::After(text, id) => range.after(&format!("{}/{id}", hex(text))),
        EntryStart::AfterPrefix(text) => range.after_prefix(text),
    }
}

#[async_trait]
impl NameIndex for CosmosMetadata {
    async fn put_entry(&self, index: &str, entry: &IndexEntry) -> StoreResult<()> {
        self.container.put(&entry.item(index)).await
    }

    async fn remove_entry(&self, index: &str, entry: &IndexEntry) -> StoreResult<()> {
        self.container.delete(&entry.key(index), None).await?;
        Ok(())
    }

    async fn entries(
        &self,
        index: &str,
        prefix: &str,
        start: &EntryStart,
        limit: usize,
    ) -> StoreResult<(Vec<IndexEntry>, bool)> {
        let read = |item: &Item| IndexEntry::read(item).map(Some);
        let range = range(index, prefix, start);
        let (entries, more) = scan_range(&self.container, range, limit, read).await?;
        Ok((entries, more.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 2] = [
        "00000000000000000000000000000000",
        "ffffffffffffffffffffffffffffffff",
    ];

    #[test]
    fn entries_are_ordered_by_text_and_then_by_id() {
        let texts = ["", "\u{0}", "a", "a\u{0}", "a/", "aa", "\u{ffff}", "\u{10000}"];
        let mut last = String::new();
        for text in texts {
            for id in IDS {
                let entry = IndexEntry::new(text, id);
                let item = entry.item("P");
                assert!(last.as_str() < item.order().unwrap(), "{entry:?}");
                assert_eq!(IndexEntry::read(&item).unwrap(), entry);
                last = item.order().unwrap().to_owned();
            }
        }
    }

    #[test]
    fn a_range_of_entries_holds_what_lies_after_its_start() {
        let entries: Vec<IndexEntry> = ["a", "a\u{0}", "a/", "a/b", "aé", "b"]
            .iter()
            .flat_map(|text| IDS.map(|id| IndexEntry::new(text, id)))
            .collect();
        let held = |prefix: &str, start: EntryStart| -> Vec<(String, usize)> {
            let range = range("P", prefix, &start);
            let entries = entries.iter().filter(|entry| range.holds(&entry.order()));
            entries
                .map(|entry| (entry.text.clone(), usize::from(entry.id == IDS[1])))
                .collect()
        };
        let own = |texts: &[(&str, usize)]| -> Vec<(String, usize)> {
            texts.iter().map(|(text, id)| ((*text).to_owned(), *id)).collect()
        };
        assert_eq!(held("", EntryStart::Beginning).len(), 12);
        assert_eq!(
            held("a/", EntryStart::Beginning),
            own(&[("a/", 0), ("a/", 1), ("a/b", 0), ("a/b", 1)])
        );
        assert_eq!(
            held("a/", EntryStart::AfterText("a/".to_owned())),
            own(&[("a/b", 0), ("a/b", 1)])
        );
        assert_eq!(
            held("", EntryStart::After("aé".to_owned(), IDS[0].to_owned())),
            own(&[("aé", 1), ("b", 0), ("b", 1)])
        );
        assert_eq!(
            held("", EntryStart::AfterPrefix("a".to_owned())),
            own(&[("b", 0), ("b", 1)])
        );
        assert_eq!(held("a", EntryStart::AfterPrefix("a".to_owned())), []);
        assert_eq!(held("a", EntryStart::AfterText("b".to_owned())), []);
    }
}
