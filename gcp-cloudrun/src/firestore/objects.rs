//! Objects.

use std::ops::Bound;

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, ObjectKey, ObjectRecord, ObjectSummary, WriteCondition,
};
use bleepstore_core::ports::{
    CommitOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, RemoveOutcome, RenameOutcome,
    StoreResult, check_limits, successor,
};
use bleepstore_core::rows::{check_replacement, is_unchanged};
use firestore::gcloud_sdk::google::firestore::v1::{Document, Write};

use super::buckets::{is_current, read_bucket};
use super::query::{Query, cut};
use super::schema::{self, KEY, KEY_BYTES, RECORDS, SUMMARIES};
use super::transaction::Decision;
use super::{FirestoreMetadata, rows};

/// What a commit finds that it may do.
pub(super) enum Checked {
    /// It may make these writes, upon which this is its outcome.
    Writes(Vec<Write>, CommitOutcome),
    /// It may not, for this reason.
    Refused(CommitOutcome),
}

/// A commit on its way into a transaction.
pub(super) struct Commit<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) record: &'a ObjectRecord,
    pub(super) condition: &'a WriteCondition,
    pub(super) retired: Option<CommitId>,
}

#[async_trait]
impl ObjectIndex for FirestoreMetadata {
    async fn lookup(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<ObjectLookup> {
        let paths = [&schema::bucket(bucket), &schema::object(bucket, key)];
        let [bucket, object] = self.documents.get(paths).await?;
        let bucket = read_bucket(bucket.as_ref())?;
        let object = match &bucket {
            Some(bucket) => read_own(object.as_ref(), bucket.id)?,
            None => None,
        };
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
        let commit = Commit {
            bucket,
            record,
            condition,
            retired,
        };
        let path = schema::object(&bucket.name, &record.key);
        let paths = [&schema::bucket(&bucket.name), &path];
        let decide = |[bucket, object]: [Option<Document>; 2]| {
            Ok(match self.check(&commit, bucket.as_ref(), object.as_ref())? {
                Checked::Writes(writes, outcome) => Decision::Write(writes, outcome),
                Checked::Refused(outcome) => Decision::Keep(outcome),
            })
        };
        self.documents.transact(&[&path], paths, decide).await
    }

    async fn remove(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        condition: &WriteCondition,
        retired: Option<CommitId>,
    ) -> StoreResult<RemoveOutcome> {
        let path = schema::object(&bucket.name, key);
        let decide = |[found]: [Option<Document>; 1]| {
            let row = read_own(found.as_ref(), bucket.id)?;
            if let Err(refusal) = check_replacement(row.as_ref(), condition, retired) {
                return Ok(Decision::Keep(refusal.into()));
            }
            let deletion = row.is_some().then(|| self.documents.delete(&path));
            let removed = RemoveOutcome::Removed { superseded: row };
            Ok(match deletion {
                Some(deletion) => Decision::Write(vec![deletion], removed),
                None => Decision::Keep(removed),
            })
        };
        self.documents.transact(&[&path], [&path], decide).await
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
        let commit = Commit {
            bucket,
            record,
            condition,
            retired,
        };
        let from = schema::object(&bucket.name, &source.key);
        let to = schema::object(&bucket.name, &record.key);
        let paths = [&schema::bucket(&bucket.name), &from, &to];
        // Two renames that pass each other take their turns in one order.
        let turns = if source.key < record.key {
            [&from, &to]
        } else {
            [&to, &from]
        };
        let decide = |[bucket, from_row, to_row]: [Option<Document>; 3]| {
            let found = read_own(from_row.as_ref(), commit.bucket.id)?;
            if is_current(bucket.as_ref(), commit.bucket.id)? && !is_unchanged(found.as_ref(), source) {
                return Ok(Decision::Keep(RenameOutcome::SourceChanged));
            }
            Ok(match self.check(&commit, bucket.as_ref(), to_row.as_ref())? {
                Checked::Writes(mut writes, outcome) => {
                    writes.push(self.documents.delete(&from));
                    Decision::Write(writes, RenameOutcome::Destination(outcome))
                }
                Checked::Refused(outcome) => Decision::Keep(RenameOutcome::Destination(outcome)),
            })
        };
        self.documents.transact(&turns, paths, decide).await
    }

    async fn mark_shared(&self, bucket: &Bucket, key: &ObjectKey, expected: CommitId) -> StoreResult<bool> {
        let path = schema::object(&bucket.name, key);
        let decide = |[found]: [Option<Document>; 1]| {
            let row = read_own(found.as_ref(), bucket.id)?;
            Ok(match row.filter(|row| row.commit_id == expected) {
                None => Decision::Keep(false),
                Some(row) if row.shared => Decision::Keep(true),
                Some(_) => Decision::Write(vec![self.documents.put_fields(&path, rows::shared())], true),
            })
        };
        self.documents.transact(&[&path], [&path], decide).await
    }

    async fn scan_objects(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let query = Query::of(SUMMARIES, Some(schema::bucket(&bucket.name)));
        let Some(query) = within(query, range, "") else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        let read = |document: &_| {
            let summary = rows::read_summary(document, bucket.id)?;
            Ok(summary.filter(|summary| range.admits(summary.key.as_str())))
        };
        let (items, last) = self.documents.scan(query, limit, read).await?;
        let next = last.as_ref().map(|last| rows::text_of(last, KEY)).transpose()?;
        Ok(Page {
            items,
            next: next.map(|last| KeyStart::After(last.to_owned())),
        })
    }

    async fn scan_records(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, String>> {
        let range = KeyRange {
            start: after.map_or(KeyStart::Beginning, |after| KeyStart::After(after.to_owned())),
            ..KeyRange::default()
        };
        let query = Query::of(RECORDS, Some(schema::bucket(&bucket.name)));
        let Some(query) = within(query, &range, "") else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        let read = |document: &_| {
            let record = read_own(Some(document), bucket.id)?;
            Ok(record.filter(|record| range.admits(record.key.as_str())))
        };
        let (items, last) = self.documents.scan(query, limit, read).await?;
        let next = last.as_ref().map(|last| rows::text_of(last, KEY)).transpose()?;
        Ok(Page {
            items,
            next: next.map(str::to_owned),
        })
    }
}

impl FirestoreMetadata {
    /// Decides on a commit, by itself or as a part of publishing an upload, from the two documents.
    pub(super) fn check(
        &self,
        commit: &Commit<'_>,
        bucket: Option<&Document>,
        object: Option<&Document>,
    ) -> StoreResult<Checked> {
        if !is_current(bucket, commit.bucket.id)? {
            return Ok(Checked::Refused(CommitOutcome::NoSuchBucket));
        }
        let row = read_own(object, commit.bucket.id)?;
        if let Err(refusal) = check_replacement(row.as_ref(), commit.condition, commit.retired) {
            return Ok(Checked::Refused(refusal.into()));
        }
        let path = schema::object(&commit.bucket.name, &commit.record.key);
        let put = self.documents.put(&path, rows::object(commit.record)?);
        Ok(Checked::Writes(
            vec![put],
            CommitOutcome::Committed { superseded: row },
        ))
    }
}

/// The record in a document, unless it is of another creation of the bucket.
fn read_own(document: Option<&Document>, bucket: BucketId) -> StoreResult<Option<ObjectRecord>> {
    let record = document.map(rows::read_object).transpose()?;
    Ok(record.filter(|record| record.bucket == bucket))
}

/// The query over all keys of `range`, each behind `stem` in the ordering field, and perhaps some that the
/// range does not admit; `None` when no key can lie in it.
pub(super) fn within(query: Query, range: &KeyRange, stem: &str) -> Option<Query> {
    if range.prefix.len() > KEY_BYTES {
        return None;
    }
    let start = range.entry()?.map(|text| format!("{stem}{}", cut(&text)));
    let end = successor(&format!("{stem}{}", range.prefix));
    let passed = match (&start, &end) {
        (Bound::Included(first) | Bound::Excluded(first), Some(end)) => first >= end,
        _ => false,
    };
    (!passed).then(|| query.between(start, end))
}
