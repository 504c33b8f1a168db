//! Objects.

use async_trait::async_trait;
use azure_core::http::Etag;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, ObjectKey, ObjectKind, ObjectRecord, ObjectSummary,
    WriteCondition, hex,
};
use bleepstore_core::ports::{
    CommitOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, RemoveOutcome, RenameOutcome,
    StoreError, StoreResult, check_limits,
};
use bleepstore_core::rows::{
    BeforeRename, BucketRows, Rename, RenameRows, SeenRow, behind_write, check_replacement, confirm_record,
    rename_in_steps,
};
use futures_util::future::{try_join, try_join3};

use super::CosmosMetadata;
use super::container::{Change, Range};
use super::rows::{self, Item};
use super::schema::{self, RowKey, unhex};
use super::swap::{ATTEMPTS, Decision, contended};

/// A row under a key as it was read, of whatever creation of the bucket.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) record: ObjectRecord,
    pub(super) etag: Etag,
}

#[async_trait]
impl ObjectIndex for CosmosMetadata {
    async fn lookup(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<ObjectLookup> {
        let row = RowKey::object(bucket, key);
        let (bucket, object) = try_join(
            self.container.get(&RowKey::bucket(bucket)),
            self.container.get(&row),
        )
        .await?;
        let bucket: Option<Bucket> = bucket.map(|item| item.detail()).transpose()?;
        let object: Option<ObjectRecord> = object.map(|item| item.detail()).transpose()?;
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
        let row = RowKey::object(&bucket.name, key);
        for attempt in 0..ATTEMPTS {
            self.container.back_off(attempt).await;
            // A row of another creation is in the way, and counts as none.
            let seen = self.see(&bucket.name, key).await?;
            let own = seen.filter(|seen| seen.record.bucket == bucket.id);
            let record = own.as_ref().map(|own| &own.record);
            if let Err(refusal) = check_replacement(record, condition, retired) {
                return Ok(refusal.into());
            }
            let Some(own) = own else {
                return Ok(RemoveOutcome::Removed { superseded: None });
            };
            if self.container.delete(&row, Some(&own.etag)).await? {
                return Ok(RemoveOutcome::Removed {
                    superseded: Some(own.record),
                });
            }
        }
        Err(contended())
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
        let row = RowKey::object(&bucket.name, key);
        let marked = self
            .container
            .swap(&row, None, |row: &mut ObjectRecord| {
                if row.bucket != bucket.id || row.commit_id != expected {
                    return Decision::Refuse;
                }
                match std::mem::replace(&mut row.shared, true) {
                    true => Decision::Keep,
                    false => Decision::Write,
                }
            })
            .await?;
        Ok(marked.is_some())
    }

    async fn scan_objects(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let rows = Range::of_prefix(schema::objects(&bucket.name), &range.prefix);
        let rows = match &range.start {
            KeyStart::Beginning => rows,
            KeyStart::After(last) => rows.after(&hex(last)),
            KeyStart::AfterPrefix(prefix) => rows.after_prefix(prefix),
        };
        let read = |item: &Item| {
            let record = read_own(item, bucket.id)?.filter(|record| record.kind == ObjectKind::Object);
            Ok(record.map(|record| record.summary()))
        };
        let (items, last) = self.container.scan(rows, limit, read).await?;
        let next = last.map(|last| key_of(&last)).transpose()?.map(KeyStart::After);
        Ok(Page { items, next })
    }

    async fn scan_records(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, String>> {
        let rows = Range::all(schema::objects(&bucket.name));
        let rows = match after {
            Some(after) => rows.after(&hex(after)),
            None => rows,
        };
        let read = |item: &Item| read_own(item, bucket.id);
        let (items, last) = self.container.scan(rows, limit, read).await?;
        let next = last.map(|last| key_of(&last)).transpose()?;
        Ok(Page { items, next })
    }
}

#[async_trait]
impl RenameRows for CosmosMetadata {
    async fn before_rename(&self, what: &Rename<'_>) -> StoreResult<BeforeRename<Self::Seen>> {
        let name = &what.bucket.name;
        let (bucket, source, destination) = try_join3(
            self.read_bucket(name),
            self.see(name, &what.source.key),
            self.see(name, &what.record.key),
        )
        .await?;
        let row = |seen: Option<Seen>| {
            let (record, seen) = seen.map(|seen| (seen.record, seen.etag)).unzip();
            SeenRow { record, seen }
        };
        Ok(BeforeRename {
            bucket,
            source: row(source),
            destination: row(destination),
        })
    }

    async fn put_renamed(&self, what: &Rename<'_>, before: &BeforeRename<Self::Seen>) -> StoreResult<bool> {
        let name = &what.bucket.name;
        let from = RowKey::object(name, &what.source.key);
        let to = rows::object(name, what.record)?;
        let note = rows::note(what.bucket, what.record.commit_id, self.clock.now());
        let Some(seen) = before.source.seen.clone() else {
            return Ok(false);
        };
        let changes = [
            Change::DeleteSeen(&from, seen),
            match before.destination.seen.clone() {
                Some(seen) => Change::Replace(&to, seen),
                None => Change::Create(&to),
            },
            Change::Create(&note),
        ];
        self.container
            .change_together(&schema::objects(name), &changes)
            .await
    }

    async fn remove_note(&self, what: &Rename<'_>) -> StoreResult<()> {
        let note = RowKey::note(&what.bucket.name, what.record.commit_id);
        self.container.delete(&note, None).await?;
        Ok(())
    }
}

impl CosmosMetadata {
    /// The row under a key.
    pub(super) async fn see(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<Option<Seen>> {
        let found = self.container.get(&RowKey::object(bucket, key)).await?;
        let read = |item: Item| {
            Ok(Seen {
                etag: item.seen()?,
                record: item.detail()?,
            })
        };
        found.map(read).transpose()
    }

    /// Writes the row if the condition lets it; the bucket is not confirmed yet. Most keys are new, so a row is
    /// created without a look where the condition lets it be absent.
    async fn put_object(
        &self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<CommitOutcome> {
        let item = rows::object(&bucket.name, record)?;
        let may_be_new = check_replacement(None, condition, retired).is_ok();
        if may_be_new && self.container.create(&item).await?.is_some() {
            return Ok(CommitOutcome::Committed { superseded: None });
        }
        // What the last try would have replaced.
        let mut tried = may_be_new.then_some(None);
        for attempt in 0..ATTEMPTS {
            self.container.back_off(attempt).await;
            let seen = self.see(&bucket.name, &record.key).await;
            let seen = match tried {
                None => seen?,
                Some(_) => seen.map_err(behind_write)?,
            };
            // The gateway repeats a write whose answer it lost, and then refuses it for what it wrote itself.
            if let Some(superseded) = &tried
                && seen
                    .as_ref()
                    .is_some_and(|seen| seen.record.commit_id == record.commit_id)
            {
                let superseded = superseded.clone();
                return Ok(CommitOutcome::Committed { superseded });
            }
            let own = seen.as_ref().filter(|seen| seen.record.bucket == bucket.id);
            let own = own.map(|seen| &seen.record);
            let refusal = check_replacement(own, condition, retired).err();
            // Looked at only where the answer may turn on it: a bucket that is gone has no objects, and rows of a
            // creation that is gone are swapped over.
            let stale = seen.is_some() && own.is_none();
            if (refusal.is_some() || stale) && !self.is_current(&bucket.name, bucket.id).await? {
                return Ok(CommitOutcome::NoSuchBucket);
            }
            if let Some(refusal) = refusal {
                return Ok(refusal.into());
            }
            let superseded = own.cloned();
            let written = match &seen {
                Some(seen) => self.container.replace(&item, &seen.etag).await?,
                None => self.container.create(&item).await?,
            };
            if written.is_some() {
                return Ok(CommitOutcome::Committed { superseded });
            }
            tried = Some(superseded);
        }
        Err(contended())
    }
}

/// The record in a row, unless it is of another creation of the bucket.
pub(super) fn read_own(item: &Item, bucket: BucketId) -> StoreResult<Option<ObjectRecord>> {
    let record: ObjectRecord = item.detail()?;
    Ok(Some(record).filter(|record| record.bucket == bucket))
}

fn key_of(order: &str) -> StoreResult<String> {
    unhex(order).ok_or_else(|| StoreError::corrupt("a row is not ordered by a key"))
}
