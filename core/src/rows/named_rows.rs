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

/// A page of at most `limit` rows that `admits` admits, whose names start with `prefix` and are greater than
/// `after`. `next` is the name to go on after.
pub async fn scan_named<Row: Send>(
    rows: &impl NamedRows<Row>,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
    admits: impl Fn(&Row) -> bool + Send + Sync,
) -> StoreResult<Page<Row, String>> {
    let mut items = Vec::new();
    let mut after = after.map(str::to_owned);
    loop {
        let wanted = limit - items.len();
        let (mut names, more) = rows.names(prefix, after.as_deref(), wanted).await?;
        // Of a name that is there twice, one may be on the next page: it is read with this one's row.
        names.dedup();
        let found = rows.read_named(&names).await?;
        items.extend(found.into_iter().filter(&admits));
        let last = names.pop();
        if !more || items.len() >= limit {
            let next = last.filter(|_| more);
            return Ok(Page { items, next });
        }
        after = last.or(after);
    }
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
