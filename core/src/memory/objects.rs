//! Objects in memory.

use std::ops::Bound;

use async_trait::async_trait;

use super::MemoryMetadata;
use super::metadata::{Rows, behind, page};
use crate::model::{
    Bucket, BucketName, CommitId, ObjectKey, ObjectKind, ObjectRecord, ObjectSummary, WriteCondition,
};
use crate::ports::{
    CommitOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, Refusal, RemoveOutcome, StoreResult,
    check_replacement,
};

#[async_trait]
impl ObjectIndex for MemoryMetadata {
    async fn lookup(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<ObjectLookup> {
        let rows = self.rows();
        let bucket = rows.buckets.get(bucket).cloned();
        let object = bucket
            .as_ref()
            .and_then(|bucket| rows.object(bucket, key))
            .cloned();
        Ok(ObjectLookup { bucket, object })
    }

    async fn commit(
        &self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<CommitOutcome> {
        self.check_size(&record.manifest)?;
        Ok(self.rows().commit(bucket, record, condition, retired))
    }

    async fn remove(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<RemoveOutcome> {
        let mut rows = self.rows();
        Ok(match rows.check(bucket, key, condition, retired) {
            Ok(()) => RemoveOutcome::Removed {
                superseded: rows
                    .objects
                    .get_mut(&bucket.id)
                    .and_then(|objects| objects.remove(key.as_str())),
            },
            Err(refusal) => refusal.into(),
        })
    }

    async fn mark_shared(&self, bucket: &Bucket, key: &ObjectKey, expected: CommitId) -> StoreResult<bool> {
        let mut rows = self.rows();
        let record = rows
            .objects
            .get_mut(&bucket.id)
            .and_then(|objects| objects.get_mut(key.as_str()));
        match record {
            Some(record) if record.commit_id == expected => {
                record.shared = true;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn scan_objects(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let rows = self.rows();
        let Some((objects, start)) = rows.objects.get(&bucket.id).zip(range.entry()) else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        let matching = objects
            .range::<str, _>((start.as_ref().map(String::as_str), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&range.prefix))
            .filter(|(key, record)| range.admits(key) && record.kind == ObjectKind::Object)
            .map(|(_, record)| record.summary());
        Ok(page(matching, limit, |last| {
            KeyStart::After(last.key.as_str().to_owned())
        }))
    }

    async fn scan_records(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, String>> {
        let rows = self.rows();
        let records = rows
            .objects
            .get(&bucket.id)
            .into_iter()
            .flat_map(|objects| objects.range::<str, _>(behind(after)))
            .map(|(_, record)| record.clone());
        Ok(page(records, limit, |last| last.key.as_str().to_owned()))
    }
}

impl Rows {
    fn object(&self, bucket: &Bucket, key: &ObjectKey) -> Option<&ObjectRecord> {
        self.objects.get(&bucket.id)?.get(key.as_str())
    }

    fn check(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> Result<(), Refusal> {
        check_replacement(self.object(bucket, key), condition, retired)
    }

    /// The commit of a record, by itself or as a part of publishing an upload.
    pub(super) fn commit(
        &mut self,
        bucket: &Bucket,
        record: &ObjectRecord,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> CommitOutcome {
        if self.creation(&bucket.name, bucket.id).is_none() {
            return CommitOutcome::NoSuchBucket;
        }
        match self.check(bucket, &record.key, condition, retired) {
            Ok(()) => CommitOutcome::Committed {
                superseded: self
                    .objects
                    .entry(bucket.id)
                    .or_default()
                    .insert(record.key.as_str().to_owned(), record.clone()),
            },
            Err(refusal) => refusal.into(),
        }
    }
}
