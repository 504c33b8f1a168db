//! Objects.

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, BucketId, BucketName, ObjectKey, ObjectRecord};
use bleepstore_core::ports::{
    Edit, EditOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, StoreResult, check_edit,
};
use bleepstore_core::rows::{edit_in_steps, scan_range};

use super::DynamoMetadata;
use super::buckets::{belongs_to, is_at};
use super::rows::{self, Item};
use super::schema::{self, RowKey, SORT_KEY_BYTES};
use super::table::Range;

#[async_trait]
impl ObjectIndex for DynamoMetadata {
    async fn lookup(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<ObjectLookup> {
        let keys = [RowKey::bucket(bucket), RowKey::object(bucket, key)];
        let found = self.table.get_many(&keys).await?;
        let bucket = find(&found, &keys[0]).map(rows::read_bucket).transpose()?;
        let object = find(&found, &keys[1]).map(rows::read_object).transpose()?;
        let object = object.filter(|object| bucket.as_ref().is_some_and(|bucket| bucket.id == object.bucket));
        Ok(ObjectLookup { bucket, object })
    }

    async fn edit(&self, edit: &Edit<'_>) -> StoreResult<EditOutcome> {
        check_edit(self, edit)?;
        match edit.is_of_one_key() && !edit.is_of_versions() {
            true => self.edit_row(edit).await,
            false => edit_in_steps(self, edit).await,
        }
    }

    async fn scan_records(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, KeyStart>> {
        let Some(rows) = rows_of(&bucket.name, range) else {
            return Ok(Page::default());
        };
        let read = |item: &Item| {
            let record = read_own(Some(item), bucket.id)?;
            Ok(record.filter(|record| range.admits(record.key.as_str())))
        };
        let (items, last) = scan_range(&self.table, rows, limit, read).await?;
        let next = last.map(KeyStart::After);
        Ok(Page { items, next })
    }
}

/// The row under that key.
pub(super) fn find<'a>(found: &'a [Item], key: &RowKey) -> Option<&'a Item> {
    found.iter().find(|item| is_at(item, key))
}

/// The record in a row, unless it is of another creation of the bucket.
pub(super) fn read_own(item: Option<&Item>, bucket: BucketId) -> StoreResult<Option<ObjectRecord>> {
    match item {
        Some(item) if belongs_to(item, bucket)? => rows::read_object(item).map(Some),
        _ => Ok(None),
    }
}

/// The greatest sort key that starts with `prefix`, which is not longer than one. A scan that ends after any smaller one would
/// go on among keys under the prefix.
fn greatest_under(prefix: &str) -> String {
    let mut greatest = prefix[..prefix.floor_char_boundary(SORT_KEY_BYTES)].to_owned();
    for last in [char::MAX, '\u{ffff}', '\u{7ff}', '\u{7f}'] {
        while greatest.len() + last.len_utf8() <= SORT_KEY_BYTES {
            greatest.push(last);
        }
    }
    greatest
}

/// The rows that hold all keys of `range`, and perhaps some that it does not admit; `None` when no key can
/// lie in it. DynamoDB refuses to start outside of the prefix, and sort keys that are too long.
fn rows_of(bucket: &BucketName, range: &KeyRange) -> Option<Range> {
    if range.prefix.len() > SORT_KEY_BYTES {
        return None;
    }
    let after = match &range.start {
        KeyStart::Beginning => None,
        KeyStart::After(last) => Some(last[..last.floor_char_boundary(SORT_KEY_BYTES)].to_owned()),
        KeyStart::AfterPrefix(prefix) if range.prefix.starts_with(prefix.as_str()) => return None,
        KeyStart::AfterPrefix(prefix) => Some(greatest_under(prefix)),
    };
    let after = after.filter(|after| *after > range.prefix || *after == range.prefix && !after.is_empty());
    if after
        .as_ref()
        .is_some_and(|after| !after.starts_with(&range.prefix))
    {
        return None;
    }
    Some(Range {
        partition: schema::objects(bucket),
        prefix: range.prefix.clone(),
        after,
    })
}
