//! Buckets.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, BucketId, BucketName, BucketState, CommitId, Revision, Token};
use bleepstore_core::ports::{
    BucketIndex, BucketRange, CreateBucketOutcome, DeleteBucketOutcome, Page, StoreError, StoreResult,
};
use bleepstore_core::rows::{
    BucketRows, IndexEntry, NameIndex, NamedRows, being_changed, delete_with_uploads, drop_entry, scan_named,
    scan_range,
};

use super::DynamoMetadata;
use super::condition::Condition;
use super::rows::{self, Item};
use super::schema::{self, BUCKETS, RowKey, SORT_KEY, attribute};
use super::table::{Range, Written};

/// Rows that one look for objects reads. Nearly always the first one ends it.
const LOOK: usize = 10;

#[async_trait]
impl BucketIndex for DynamoMetadata {
    async fn create_bucket(&self, bucket: &Bucket) -> StoreResult<CreateBucketOutcome> {
        let entry = IndexEntry::new(bucket.name.as_str(), bucket.id);
        self.put_entry(BUCKETS, &entry).await?;
        let created = self
            .table
            .put(rows::bucket(bucket)?, Some(&Condition::absent()))
            .await?;
        let Written::Refused(found) = created else {
            return Ok(CreateBucketOutcome::Created);
        };
        drop_entry(self, BUCKETS, &entry).await;
        match found {
            Some(found) => Ok(CreateBucketOutcome::Exists(rows::read_bucket(&found)?)),
            None => Err(being_changed()),
        }
    }

    async fn bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>> {
        self.read_bucket(name).await
    }

    async fn scan_buckets(&self, range: BucketRange<'_>, limit: usize) -> StoreResult<Page<Bucket, String>> {
        let admits = |bucket: &Bucket| range.owner.is_none_or(|owner| bucket.owner.id == owner);
        scan_named(self, range.prefix, range.after, limit, admits).await
    }

    async fn update_bucket(&self, bucket: &Bucket, expected: Revision) -> StoreResult<bool> {
        let values = [
            (":revision", rows::number(bucket.revision.0)),
            (":detail", rows::text(rows::to_json(bucket)?)),
        ];
        let updated = self
            .table
            .update(
                &RowKey::bucket(&bucket.name),
                "SET revision_no = :revision, detail = :detail",
                values,
                &Condition::at_revision(bucket.id, expected),
            )
            .await?;
        Ok(updated.is_applied())
    }

    async fn delete_bucket(
        &self,
        name: &BucketName,
        id: BucketId,
        token: Token,
    ) -> StoreResult<DeleteBucketOutcome> {
        delete_with_uploads(self, name, id, token).await
    }
}

#[async_trait]
impl NamedRows<Bucket> for DynamoMetadata {
    const INDEX: &str = BUCKETS;

    async fn read_named(&self, names: &[String]) -> StoreResult<Vec<Bucket>> {
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            let name = BucketName::new(name).map_err(StoreError::corrupt)?;
            keys.push(RowKey::bucket(&name));
        }
        let found = self.table.get_many(&keys).await?;
        let mut buckets = found
            .iter()
            .map(rows::read_bucket)
            .collect::<StoreResult<Vec<Bucket>>>()?;
        buckets.sort_by(|one, next| one.name.cmp(&next.name));
        Ok(buckets)
    }
}

#[async_trait]
impl BucketRows for DynamoMetadata {
    async fn read_bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>> {
        let found = self.table.get(&RowKey::bucket(name)).await?;
        found.as_ref().map(rows::read_bucket).transpose()
    }

    async fn swap_state(
        &self,
        name: &BucketName,
        id: BucketId,
        from: BucketState,
        to: BucketState,
    ) -> StoreResult<bool> {
        let (key, condition) = (RowKey::bucket(name), Condition::in_state(id, from));
        let swapped = match to {
            BucketState::Active => {
                self.table
                    .update(&key, "REMOVE deleting_by", [], &condition)
                    .await?
            }
            BucketState::Deleting(token) => {
                let values = [(":token", rows::text(token))];
                self.table
                    .update(&key, "SET deleting_by = :token", values, &condition)
                    .await?
            }
        };
        Ok(swapped.is_applied())
    }

    async fn remove_marked(&self, name: &BucketName, id: BucketId, token: Token) -> StoreResult<bool> {
        let condition = Condition::in_state(id, BucketState::Deleting(token));
        let removed = self.table.delete(&RowKey::bucket(name), Some(&condition)).await?;
        Ok(removed.is_applied())
    }

    async fn holds_objects(&self, name: &BucketName, id: BucketId) -> StoreResult<bool> {
        let mut range = Range {
            partition: schema::objects(name),
            prefix: String::new(),
            after: None,
        };
        loop {
            let rows = self.table.query(&range, LOOK).await?;
            for item in &rows.items {
                if belongs_to(item, id)? {
                    return Ok(true);
                }
            }
            if rows.last.is_none() {
                return Ok(false);
            }
            range.after = rows.last;
        }
    }

    async fn noted_renames(&self, _name: &BucketName, id: BucketId) -> StoreResult<BTreeSet<CommitId>> {
        let notes = Range {
            partition: schema::renames(id),
            prefix: String::new(),
            after: None,
        };
        let read = |item: &Item| rows::id_of(item, SORT_KEY).map(Some);
        let (noted, _) = scan_range(&self.table, notes, usize::MAX, read).await?;
        Ok(noted.into_iter().collect())
    }
}

/// Whether a row is of this creation of its bucket.
pub(super) fn belongs_to(item: &Item, id: BucketId) -> StoreResult<bool> {
    let found: BucketId = rows::id_of(item, attribute::BUCKET_ID)?;
    Ok(found == id)
}

/// Whether a row is under this sort key.
pub(super) fn is_at(item: &Item, key: &RowKey) -> bool {
    [(schema::PARTITION_KEY, &key.pk), (SORT_KEY, &key.sk)]
        .into_iter()
        .all(|(name, value)| rows::text_of(item, name).is_ok_and(|found| found == value))
}
