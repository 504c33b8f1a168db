//! Rows that an index names in order, in a store where index and rows are not changed in one step. A name may
//! stand for a creation that was never made or is gone, and twice for one that was made again.

use async_trait::async_trait;

use crate::ports::{Page, StoreResult, UploadStart};

/// An index of names, and the rows that it names.
#[async_trait]
pub trait NamedRows<Row: Send>: Send + Sync {
    /// Up to `limit` names in the index that start with `prefix` and are greater than `after`, ascending, some
    /// perhaps twice, and whether there may be more.
    async fn names(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<(Vec<String>, bool)>;

    /// The rows of these names, which differ, in their order; those that are absent are left out.
    async fn read_named(&self, names: &[String]) -> StoreResult<Vec<Row>>;
}

/// A page of the rows of at most `limit` names that start with `prefix` and are greater than `after`, as far as there are
/// rows that `admits` admits. `next` is the name to go on after.
pub async fn scan_named<Row: Send>(
    rows: &impl NamedRows<Row>,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    admits: impl Fn(&Row) -> bool + Send + Sync,
) -> StoreResult<Page<Row, String>> {
    let (mut names, more) = rows.names(prefix, after, limit).await?;
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
