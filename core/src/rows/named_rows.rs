//! Rows that an index names in order, in a store where index and rows are not changed in one step. A name may
//! stand for a creation that was never made or is gone, and twice for one that was made again.

use async_trait::async_trait;

use crate::ports::{Page, StoreResult, UploadStart};

/// A row's name in an index. It belongs to one creation, which has its own id, so that no creation and no
/// removal of the same name get in each other's way. It is written before its row and removed after it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexEntry {
    /// The name.
    pub text: String,
    /// 32 hex digits.
    pub id: String,
}

impl IndexEntry {
    /// The entry of the creation `id` of this name.
    pub fn new(text: &str, id: impl ToString) -> Self {
        Self {
            text: text.to_owned(),
            id: id.to_string(),
        }
    }
}

/// Indexes, whose entries are in the order of a text and then of an id.
#[async_trait]
pub trait NameIndex: Send + Sync {
    /// Writes an entry, which may be there already.
    async fn put_entry(&self, index: &str, entry: &IndexEntry) -> StoreResult<()>;

    /// Removes an entry, if it is there.
    async fn remove_entry(&self, index: &str, entry: &IndexEntry) -> StoreResult<()>;

    /// Up to `limit` entries whose texts start with `prefix`, from `start` on, in order, and whether there may be
    /// more.
    async fn entries(
        &self,
        index: &str,
        prefix: &str,
        start: &EntryStart,
        limit: usize,
    ) -> StoreResult<(Vec<IndexEntry>, bool)>;
}

/// Removes an entry whose row is gone. One that stays counts for nothing.
pub async fn drop_entry(rows: &impl NameIndex, index: &str, entry: &IndexEntry) {
    if let Err(error) = rows.remove_entry(index, entry).await {
        tracing::warn!(index, name = entry.text, %error, "an entry without a row stays in its index");
    }
}

/// Rows that an index names.
#[async_trait]
pub trait NamedRows<Row: Send>: NameIndex {
    /// The index.
    const INDEX: &'static str;

    /// The rows of these names, which differ, in their order; those that are absent are left out.
    async fn read_named(&self, names: &[String]) -> StoreResult<Vec<Row>>;
}

/// A page of the rows of at most `limit` names that start with `prefix` and are greater than `after`, as far as there are
/// rows that `admits` admits. `next` is the name to go on after.
pub async fn scan_named<Row: Send, R: NamedRows<Row>>(
    rows: &R,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    admits: impl Fn(&Row) -> bool + Send + Sync,
) -> StoreResult<Page<Row, String>> {
    let start = after.map_or(EntryStart::Beginning, |after| {
        EntryStart::AfterText(after.to_owned())
    });
    let (entries, more) = rows.entries(R::INDEX, prefix, &start, limit).await?;
    let mut names: Vec<String> = entries.into_iter().map(|entry| entry.text).collect();
    // Of a name that is there twice, one may be on the next page: it is read with this one's row.
    names.dedup();
    let mut items = rows.read_named(&names).await?;
    items.retain(admits);
    let next = names.pop().filter(|_| more);
    Ok(Page { items, next })
}

/// Where a range of an index starts, whose entries are in the order of a text and then of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryStart {
    /// At the first entry.
    Beginning,
    /// After all entries of this text.
    AfterText(String),
    /// After the entry of this text and this id.
    After(String, String),
    /// After every text that starts with this.
    AfterPrefix(String),
}

impl EntryStart {
    /// Whether `entry` lies after this place.
    pub fn admits(&self, entry: &IndexEntry) -> bool {
        let text = entry.text.as_str();
        match self {
            Self::Beginning => true,
            Self::AfterText(last) => text > last.as_str(),
            Self::After(last, id) => (text, entry.id.as_str()) > (last.as_str(), id.as_str()),
            Self::AfterPrefix(prefix) => text > prefix.as_str() && !text.starts_with(prefix.as_str()),
        }
    }
}

/// Entries of uploads are in the order of the key and then of the upload's id.
impl From<&UploadStart> for EntryStart {
    fn from(start: &UploadStart) -> Self {
        match start {
            UploadStart::Beginning => Self::Beginning,
            UploadStart::AfterKey(key) => Self::AfterText(key.clone()),
            UploadStart::After(key, id) => Self::After(key.clone(), id.to_string()),
            UploadStart::AfterPrefix(prefix) => Self::AfterPrefix(prefix.clone()),
        }
    }
}
