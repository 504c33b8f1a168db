//! Objects in memory.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use super::metadata::{following, page};
use super::{Change, Journal, Rows, Transaction};
use crate::model::{Bucket, BucketId, BucketName, ObjectKey, ObjectKind, ObjectRecord, ObjectSummary};
use crate::ports::{
    Edit, EditOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, StoreResult, check_edit,
};
use crate::rows::{Met, OwnedEdit, RowChange, Verdict, judge};

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

    async fn edit(&self, edit: &Edit<'_>) -> StoreResult<EditOutcome> {
        check_edit(self, edit)?;
        let edit = OwnedEdit::from(edit);
        self.change(move |rows| rows.make(&edit)).await
    }

    async fn scan_objects(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let rows = self.rows();
        let Some((objects, start)) = rows.objects.get(&bucket.id).zip(range.entry()) else {
            return Ok(Page::default());
        };
        let read = objects
            .range::<str, _>((start.as_ref().map(String::as_str), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&range.prefix));
        let read = page(read, limit, |(key, _)| KeyStart::After((*key).clone()));
        Ok(read.showing(|(key, record)| {
            let listed = range.admits(key) && record.kind == ObjectKind::Object;
            listed.then(|| record.summary())
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
            .flat_map(|objects| objects.range::<str, _>(following(after)))
            .map(|(_, record)| ObjectRecord::clone(record));
        Ok(page(records, limit, |last| last.key.as_str().to_owned()))
    }
}

impl Rows {
    fn object(&self, bucket: BucketId, key: &ObjectKey) -> Option<&Arc<ObjectRecord>> {
        self.objects.get(&bucket)?.get(key.as_str())
    }
}

impl Transaction<'_> {
    fn make(&mut self, owned: &OwnedEdit) -> EditOutcome {
        let edit = owned.edit();
        let bucket = edit.bucket.id;
        let row = |key| self.object(bucket, key).map(Arc::as_ref);
        let receipt = edit
            .receipt
            .map(|receipt| (bucket, edit.key().clone(), receipt.upload));
        let met = Met {
            bucket: self.creation(&edit.bucket.name, bucket).map(|found| found.id),
            receipt: receipt.and_then(|key| self.receipts.get(&key).cloned()),
            source: edit
                .source
                .and_then(|source| row(source.key))
                .map(ObjectRecord::tag),
            head: row(edit.key()).cloned().map(Box::new),
        };
        let (changes, displaced) = match judge(&edit, met) {
            Verdict::Keep(outcome) => return outcome,
            Verdict::Change(changes, displaced) => (changes, displaced),
        };
        for change in changes {
            match change {
                RowChange::Object(record) => self.set(Change::Object(owned.shared(record))),
                RowChange::ObjectGone(key) => self.set(Change::ObjectGone(bucket, key.clone())),
                RowChange::Receipt(receipt) => {
                    self.close((bucket, edit.key().clone(), receipt.upload), receipt.clone());
                }
            }
        }
        EditOutcome::Applied { displaced }
    }
}
