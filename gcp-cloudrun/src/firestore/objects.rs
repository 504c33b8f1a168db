//! Objects.

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, BucketName, ObjectKey, ObjectRecord, ObjectSummary, Upload};
use bleepstore_core::ports::{
    Edit, EditOutcome, KeyRange, KeyStart, ObjectIndex, ObjectLookup, Page, StoreResult, check_edit,
};
use bleepstore_core::rows::{
    EventMarks, Met, RowChange, UploadPlace, Verdict, judge, order_of_version, scan_range,
};
use firestore::gcloud_sdk::google::firestore::v1::Document;

use super::buckets::read_bucket;
use super::endings::{read_receipt, read_upload};
use super::events::read_mark;
use super::query::{Query, within};
use super::rows::read_own;
use super::schema::{self, KEY, Path, RECORDS, SUMMARIES};
use super::transaction::Decision;
use super::{FirestoreMetadata, rows};

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

    async fn edit(&self, edit: &Edit<'_>) -> StoreResult<EditOutcome> {
        check_edit(self, edit)?;
        let name = &edit.bucket.name;
        let receipt = edit.receipt.map(|receipt| schema::receipt(receipt.upload));
        let upload = edit.receipt.map(|receipt| schema::upload(receipt.upload));
        let bucket = edit.committed().map(|_| schema::bucket(name));
        let source = edit.source.map(|source| schema::object(name, source.key));
        let head = schema::object(name, edit.key());
        let mark = |key| schema::event_mark(edit.bucket.id, key);
        let tells = !edit.events.is_empty();
        let source_mark = edit.source.filter(|_| tells).map(|source| mark(source.key));
        let head_mark = tells.then(|| mark(edit.key()));
        let paths = [
            receipt.as_ref(),
            upload.as_ref(),
            bucket.as_ref(),
            source.as_ref(),
            Some(&head),
            source_mark.as_ref(),
            head_mark.as_ref(),
        ];
        // Two renames that pass each other take their turns in one order. An abort takes an upload's turn only.
        let mut objects: Vec<&Path> = source.iter().chain([&head]).collect();
        objects.sort();
        let turns: Vec<&Path> = upload.iter().chain(objects).collect();
        let second = |found: &[Option<Document>; 7]| self.second(edit, found[4].as_ref());
        let decide = |found, versions: Vec<Document>| self.decide(edit, found, &versions);
        let decided = self.documents.transact_in_two(&turns, paths, second, decide);
        let (outcome, ended) = decided.await?;
        if let Some(ended) = ended {
            self.clear(&ended).await;
        }
        Ok(outcome)
    }

    async fn scan_objects(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let query = Query::of(SUMMARIES, Some(schema::bucket(&bucket.name)));
        let Some(query) = within(query, range, "") else {
            return Ok(Page::default());
        };
        let read = |document: &_| {
            let summary = rows::read_summary(document, bucket.id)?;
            Ok(summary.filter(|summary| range.admits(summary.key.as_str())))
        };
        let (items, last) = scan_range(&self.documents, query, limit, read).await?;
        let next = last.as_ref().map(|last| rows::text_of(last, KEY)).transpose()?;
        Ok(Page {
            items,
            next: next.map(|last| KeyStart::After(last.to_owned())),
        })
    }

    async fn scan_records(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, KeyStart>> {
        let query = Query::of(RECORDS, Some(schema::bucket(&bucket.name)));
        let Some(query) = within(query, range, "") else {
            return Ok(Page::default());
        };
        let read = |document: &_| {
            let record = read_own(Some(document), bucket.id)?;
            Ok(record.filter(|record| range.admits(record.key.as_str())))
        };
        let (items, last) = scan_range(&self.documents, query, limit, read).await?;
        let next = last.as_ref().map(|last| rows::text_of(last, KEY)).transpose()?;
        Ok(Page {
            items,
            next: next.map(|last| KeyStart::After(last.to_owned())),
        })
    }
}

impl FirestoreMetadata {
    /// Decides on an edit from what was read for it: the receipt and the document of the upload that it closes, the
    /// bucket, the source, what is under the key, and the marks of both. With the answer comes the upload that
    /// ends with it.
    fn decide(
        &self,
        edit: &Edit<'_>,
        [receipt, upload, bucket, source, head, source_mark, head_mark]: [Option<Document>; 7],
        versions: &[Document],
    ) -> StoreResult<Decision<(EditOutcome, Option<Upload>)>> {
        let Bucket { name, id, .. } = edit.bucket;
        let met = Met {
            bucket: read_bucket(bucket.as_ref())?.map(|bucket| bucket.id),
            receipt: read_receipt(receipt.as_ref())?.map(|stored| stored.receipt),
            source: read_own(source.as_ref(), *id)?.map(|row| row.tag()),
            head: read_own(head.as_ref(), *id)?.map(Box::new),
            versions: versions
                .iter()
                .map(rows::read_object)
                .collect::<StoreResult<_>>()?,
            marks: EventMarks {
                key: read_mark(head_mark.as_ref())?,
                source: read_mark(source_mark.as_ref())?,
            },
        };
        let (changes, outcome) = match judge(edit, met) {
            Verdict::Keep(outcome) => return Ok(Decision::Keep((outcome, None))),
            Verdict::Change(changes, outcome) => (changes, outcome),
        };
        let ended = read_upload(upload.as_ref())?;
        let mut writes = Vec::new();
        for change in changes {
            match change {
                RowChange::Object(record) => {
                    let path = schema::object(name, &record.key);
                    writes.push(self.documents.put(&path, rows::object(&record)?));
                }
                RowChange::ObjectGone(key) => writes.push(self.documents.delete(&schema::object(name, key))),
                RowChange::Event(event) => writes.push(self.event(&event)?),
                RowChange::EventMark(mark, _) => writes.push(self.event_mark(&mark)?),
                RowChange::Receipt(receipt) => {
                    let stored = UploadPlace::of_receipt(edit, &receipt).stored(&receipt);
                    writes.extend(self.ending(&stored, ended.as_ref())?);
                }
                RowChange::Version(record, _) => {
                    let order = order_of_version(&record.key, record.sequence());
                    let path = schema::version(edit.bucket, &order);
                    writes.push(self.documents.put(&path, rows::object(&record)?));
                }
                RowChange::VersionGone(record) => {
                    let order = order_of_version(&record.key, record.sequence());
                    writes.push(self.documents.delete(&schema::version(edit.bucket, &order)));
                }
            }
        }
        Ok(Decision::Write(writes, (outcome, ended)))
    }
}
