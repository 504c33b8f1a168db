//! Objects in memory.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use super::metadata::{behind, page};
use super::{Change, Edit, Journal, Rows};
use crate::model::{
    Bucket, BucketId, BucketName, CommitId, ObjectKey, ObjectKind, ObjectRecord, ObjectSummary,
    WriteCondition,
};
use crate::ports::{
    CommitOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, RemoveOutcome, RenameOutcome,
    StoreResult, check_limits,
};
use crate::rows::{check_replacement, is_unchanged};

#[async_trait]
impl<J: Journal> ObjectIndex for J {
    async fn lookup(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<ObjectLookup> {
        let rows = self.rows();
        let bucket = rows.bucket(bucket)?;
        let object = bucket
            .as_ref()
            .and_then(|bucket| rows.object(bucket.id, key))
            .map(|record| record.as_ref().clone());
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
        let (bucket, record) = (bucket.clone(), Arc::new(record.clone()));
        let condition = condition.clone();
        self.change(move |rows| rows.commit(&bucket, record, &condition, retired))
            .await
    }

    async fn remove(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<RemoveOutcome> {
        let (id, key, condition) = (bucket.id, key.clone(), condition.clone());
        self.change(move |rows| {
            let current = rows.object(id, &key).cloned();
            match check_replacement(current.as_deref(), &condition, retired) {
                Ok(()) => {
                    if current.is_some() {
                        rows.set(Change::ObjectGone(id, key));
                    }
                    let superseded = current.map(Arc::unwrap_or_clone);
                    RemoveOutcome::Removed { superseded }
                }
                Err(refusal) => refusal.into(),
            }
        })
        .await
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
        let (bucket, source, record) = (bucket.clone(), source.clone(), Arc::new(record.clone()));
        let condition = condition.clone();
        self.change(move |rows| {
            let found = rows.object(bucket.id, &source.key).map(Arc::as_ref);
            let is_current = rows.creation(&bucket.name, bucket.id).is_some();
            if is_current && !is_unchanged(found, &source) {
                return RenameOutcome::SourceChanged;
            }
            let outcome = rows.commit(&bucket, record, &condition, retired);
            if matches!(outcome, CommitOutcome::Committed { .. }) {
                rows.set(Change::ObjectGone(bucket.id, source.key));
            }
            RenameOutcome::Destination(outcome)
        })
        .await
    }

    async fn mark_shared(&self, bucket: &Bucket, key: &ObjectKey, expected: CommitId) -> StoreResult<bool> {
        let (id, key) = (bucket.id, key.clone());
        self.change(move |rows| {
            let record = rows.object(id, &key);
            let Some(record) = record.filter(|record| record.commit_id == expected) else {
                return false;
            };
            if !record.shared {
                let mut record = record.as_ref().clone();
                record.shared = true;
                rows.set(Change::Object(Arc::new(record)));
            }
            true
        })
        .await
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
            .map(|(_, record)| ObjectRecord::clone(record));
        Ok(page(records, limit, |last| last.key.as_str().to_owned()))
    }
}

impl Rows {
    fn object(&self, bucket: BucketId, key: &ObjectKey) -> Option<&Arc<ObjectRecord>> {
        self.objects.get(&bucket)?.get(key.as_str())
    }
}

impl Edit<'_> {
    /// The commit of a record, by itself or as a part of publishing an upload.
    pub(super) fn commit(
        &mut self,
        bucket: &Bucket,
        record: Arc<ObjectRecord>,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> CommitOutcome {
        if self.creation(&bucket.name, bucket.id).is_none() {
            return CommitOutcome::NoSuchBucket;
        }
        let current = self.object(bucket.id, &record.key).cloned();
        match check_replacement(current.as_deref(), condition, retired) {
            Ok(()) => {
                self.set(Change::Object(record));
                let superseded = current.map(Arc::unwrap_or_clone);
                CommitOutcome::Committed { superseded }
            }
            Err(refusal) => refusal.into(),
        }
    }
}
