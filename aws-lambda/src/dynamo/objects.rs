//! Objects.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, ObjectKey, ObjectKind, ObjectRecord, ObjectSummary,
    WriteCondition,
};
use bleepstore_core::ports::{
    CommitOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, RemoveOutcome, RenameOutcome,
    StoreError, StoreErrorKind, StoreResult, check_limits,
};
use bleepstore_core::rows::{
    BeforeRename, BucketRows, Rename, RenameRows, SeenRow, behind_write, check_replacement, confirm_record,
    rename_in_steps,
};

use super::DynamoMetadata;
use super::buckets::{belongs_to, is_at};
use super::condition::Condition;
use super::rows::{self, Item};
use super::schema::{self, RowKey, SORT_KEY_BYTES};
use super::table::{Change, Range, Written};

/// How often a write that meets a row which has just changed looks again.
const ATTEMPTS: u32 = 16;

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

    async fn commit(
        &self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<CommitOutcome> {
        check_limits(self, &record.manifest)?;
        let outcome = self.put_object(bucket, record, condition, retired).await?;
        let applied = matches!(outcome, CommitOutcome::Committed { .. });
        if applied && !confirm_record(self, bucket, record).await? {
            return Ok(CommitOutcome::NoSuchBucket);
        }
        Ok(outcome)
    }

    async fn remove(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<RemoveOutcome> {
        let guard = Condition::replaceable(bucket.id, condition, retired);
        let removed = self
            .table
            .delete(&RowKey::object(&bucket.name, key), Some(&guard))
            .await?;
        match removed {
            Written::Applied(old) => Ok(RemoveOutcome::Removed {
                // The row is gone, whatever it was.
                superseded: read_own(old.as_ref(), bucket.id).map_err(behind_write)?,
            }),
            Written::Refused(found) => {
                let row = read_own(found.as_ref(), bucket.id)?;
                Ok(match check_replacement(row.as_ref(), condition, retired) {
                    Err(refusal) => refusal.into(),
                    // A row of another creation is in the way, and counts as none.
                    Ok(()) => RemoveOutcome::Removed { superseded: None },
                })
            }
        }
    }

    async fn rename(
        &self,
        bucket: &Bucket,
        source: &ObjectRecord,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<RenameOutcome> {
        check_limits(self, &record.manifest)?;
        let what = Rename {
            bucket,
            source,
            record,
            condition,
            retired,
        };
        rename_in_steps(self, &what).await
    }

    async fn mark_shared(&self, bucket: &Bucket, key: &ObjectKey, expected: CommitId) -> StoreResult<bool> {
        let values = [(":yes", AttributeValue::Bool(true))];
        let marked = self
            .table
            .update(
                &RowKey::object(&bucket.name, key),
                "SET is_shared = :yes",
                values,
                &Condition::written_in(bucket.id, expected),
            )
            .await?;
        Ok(marked.is_applied())
    }

    async fn scan_objects(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let Some(rows) = rows_of(&bucket.name, range) else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        let read = |item: &Item| {
            let record = read_own(Some(item), bucket.id)?;
            let listed = record
                .filter(|record| record.kind == ObjectKind::Object && range.admits(record.key.as_str()));
            Ok(listed.map(|record| record.summary()))
        };
        let (items, last) = self.table.scan(rows, limit, read).await?;
        let next = last.map(KeyStart::After);
        Ok(Page { items, next })
    }

    async fn scan_records(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, String>> {
        let rows = Range {
            partition: schema::objects(&bucket.name),
            prefix: String::new(),
            after: after.map(str::to_owned),
        };
        let read = |item: &Item| read_own(Some(item), bucket.id);
        let (items, next) = self.table.scan(rows, limit, read).await?;
        Ok(Page { items, next })
    }
}

/// A transaction does not return the rows that it changes, so they are read before.
#[async_trait]
impl RenameRows for DynamoMetadata {
    async fn before_rename(&self, what: &Rename<'_>) -> StoreResult<BeforeRename<Self::Seen>> {
        let name = &what.bucket.name;
        let keys = [
            RowKey::bucket(name),
            RowKey::object(name, &what.source.key),
            RowKey::object(name, &what.record.key),
        ];
        let found = self.table.get_many(&keys).await?;
        let see = |key| -> StoreResult<SeenRow<Self::Seen>> {
            let record = find(&found, key).map(rows::read_object).transpose()?;
            let seen = record.clone();
            Ok(SeenRow { record, seen })
        };
        Ok(BeforeRename {
            bucket: find(&found, &keys[0]).map(rows::read_bucket).transpose()?,
            source: see(&keys[1])?,
            destination: see(&keys[2])?,
        })
    }

    async fn put_renamed(&self, what: &Rename<'_>, before: &BeforeRename<Self::Seen>) -> StoreResult<bool> {
        let name = &what.bucket.name;
        let to = rows::object(&RowKey::object(name, &what.record.key), what.record)?;
        let still = |row: &SeenRow<Self::Seen>| Condition::unchanged(row.seen.as_ref());
        let changes = vec![
            Change::Delete(RowKey::object(name, &what.source.key), still(&before.source)),
            Change::Put(to, still(&before.destination)),
            Change::Put(rows::note(&note(what), self.clock.now()), Condition::absent()),
        ];
        self.table.change_together(changes).await
    }

    async fn remove_note(&self, what: &Rename<'_>) -> StoreResult<()> {
        self.table.delete(&note(what), None).await?;
        Ok(())
    }
}

fn note(what: &Rename<'_>) -> RowKey {
    RowKey::note(what.bucket.id, what.record.commit_id)
}

impl DynamoMetadata {
    /// Writes the row if the condition lets it; the bucket is not confirmed yet.
    async fn put_object(
        &self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<CommitOutcome> {
        let item = rows::object(&RowKey::object(&bucket.name, &record.key), record)?;
        let mut guard = Condition::replaceable(bucket.id, condition, retired);
        for attempt in 0..ATTEMPTS {
            self.table.back_off(attempt).await;
            let found = match self.table.put(item.clone(), Some(&guard)).await? {
                Written::Applied(old) => {
                    let superseded = read_own(old.as_ref(), bucket.id).map_err(behind_write)?;
                    return Ok(CommitOutcome::Committed { superseded });
                }
                Written::Refused(found) => found,
            };
            if !self.is_current(&bucket.name, bucket.id).await? {
                return Ok(CommitOutcome::NoSuchBucket);
            }
            let found = found.as_ref().map(rows::read_object).transpose()?;
            let own = found.as_ref().filter(|row| row.bucket == bucket.id);
            if let Err(refusal) = check_replacement(own, condition, retired) {
                return Ok(refusal.into());
            }
            guard = match found {
                // A row of a creation that is gone: swapped over, if it is still that one.
                Some(stale) if stale.bucket != bucket.id => Condition::unchanged(Some(&stale)),
                _ => Condition::replaceable(bucket.id, condition, retired),
            };
        }
        Err(StoreError::new(
            StoreErrorKind::Throttled,
            "the object keeps changing",
        ))
    }
}

/// The row under that key.
pub(super) fn find<'a>(found: &'a [Item], key: &RowKey) -> Option<&'a Item> {
    found.iter().find(|item| is_at(item, key))
}

/// The record in a row, unless it is of another creation of the bucket.
fn read_own(item: Option<&Item>, bucket: BucketId) -> StoreResult<Option<ObjectRecord>> {
    match item {
        Some(item) if belongs_to(item, bucket)? => rows::read_object(item).map(Some),
        _ => Ok(None),
    }
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
        // Keys that go on with U+10FFFF lie behind this, and are left out as they are read.
        KeyStart::AfterPrefix(prefix) if prefix.len() + char::MAX.len_utf8() <= SORT_KEY_BYTES => {
            Some(format!("{prefix}{}", char::MAX))
        }
        KeyStart::AfterPrefix(prefix) => {
            Some(prefix[..prefix.floor_char_boundary(SORT_KEY_BYTES)].to_owned())
        }
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
