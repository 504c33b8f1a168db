//! Multipart uploads and retired manifests.

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketName, CommitId, ObjectKey, Part, PartNumber, Receipt, RetiredManifest, Timestamp, Token,
    Upload, UploadId, UploadState,
};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, KeyRange, KeyStart, Page, RecordPartOutcome, StoreResult, UploadIndex,
    UploadLookup, UploadRange, UploadStart,
};
use bleepstore_core::rows::{CLEARED_AT_ONCE, scan_range};
use firestore::gcloud_sdk::google::firestore::v1::Document;

use super::buckets::{is_current, read_bucket};
use super::endings::{read_receipt, read_upload};
use super::query::{Query, within};
use super::schema::{self, KEY_BYTES, PARTS_BY_NUMBER, RETIRED, UPLOADS, uploads_of};
use super::transaction::Decision;
use super::{FirestoreMetadata, rows};

#[async_trait]
impl UploadIndex for FirestoreMetadata {
    async fn begin_upload(&self, upload: &Upload) -> StoreResult<bool> {
        let path = schema::upload(upload.id);
        let begin = |[bucket]: [Option<Document>; 1]| {
            Ok(if is_current(bucket.as_ref(), upload.bucket)? {
                let row = rows::upload(upload, None)?;
                Decision::Write(vec![self.documents.put(&path, row)], true)
            } else {
                Decision::Keep(false)
            })
        };
        let bucket = schema::bucket(&upload.bucket_name);
        self.documents.transact(&[], [&bucket], begin).await
    }

    async fn lookup_upload(&self, bucket: &BucketName, upload: UploadId) -> StoreResult<UploadLookup> {
        let paths = [&schema::bucket(bucket), &schema::upload(upload)];
        let [bucket, upload] = self.documents.get(paths).await?;
        let bucket = read_bucket(bucket.as_ref())?;
        let upload = read_upload(upload.as_ref())?;
        let upload = upload.filter(|upload| bucket.as_ref().is_some_and(|bucket| bucket.id == upload.bucket));
        Ok(UploadLookup { bucket, upload })
    }

    async fn record_part(&self, upload: &Upload, part: &Part) -> StoreResult<RecordPartOutcome> {
        let path = schema::part(upload.id, part.number);
        let record = |[row]: [Option<Document>; 1]| {
            let row = read_upload(row.as_ref())?;
            Ok(if row.is_some_and(|row| row.state == UploadState::Open) {
                let put = self.documents.put(&path, rows::part(part)?);
                Decision::Write(vec![put], RecordPartOutcome::Recorded)
            } else {
                Decision::Keep(RecordPartOutcome::NoSuchUpload)
            })
        };
        let upload = schema::upload(upload.id);
        self.documents.transact(&[], [&upload], record).await
    }

    async fn begin_complete(
        &self,
        upload: &Upload,
        token: Token,
        now: Timestamp,
    ) -> StoreResult<BeginComplete> {
        let (receipt, path) = (schema::receipt(upload.id), schema::upload(upload.id));
        let begin = |[receipt, row]: [Option<Document>; 2]| {
            let receipt = read_receipt(receipt.as_ref())?;
            if let Some(stored) = receipt.filter(|stored| stored.receipt.expires >= now) {
                return Ok(Decision::Keep(BeginComplete::Closed(stored.receipt)));
            }
            let Some(row) = read_upload(row.as_ref())?.filter(|row| !row.state.has_ended()) else {
                return Ok(Decision::Keep(BeginComplete::NoSuchUpload));
            };
            let state = UploadState::Completing(token);
            let began = Upload { state, ..row };
            let put = self.documents.put(&path, rows::upload(&began, None)?);
            Ok(Decision::Write(vec![put], BeginComplete::Began(Box::new(began))))
        };
        self.documents.transact(&[&path], [&receipt, &path], begin).await
    }

    async fn reopen(&self, upload: &Upload, token: Token) -> StoreResult<()> {
        let path = schema::upload(upload.id);
        let reopen = |[row]: [Option<Document>; 1]| {
            let row = read_upload(row.as_ref())?;
            let Some(row) = row.filter(|row| row.state == UploadState::Completing(token)) else {
                return Ok(Decision::Keep(()));
            };
            let state = UploadState::Open;
            let row = rows::upload(&Upload { state, ..row }, None)?;
            Ok(Decision::Write(vec![self.documents.put(&path, row)], ()))
        };
        self.documents.transact(&[&path], [&path], reopen).await
    }

    async fn abort(&self, upload: &Upload, receipt: &Receipt) -> StoreResult<AbortOutcome> {
        self.abort_upload(upload, receipt).await
    }

    async fn receipt(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        upload: UploadId,
        now: Timestamp,
    ) -> StoreResult<Option<Receipt>> {
        let [found] = self.documents.get([&schema::receipt(upload)]).await?;
        let stored = read_receipt(found.as_ref())?.filter(|stored| {
            stored.bucket == bucket.id && stored.key == *key && stored.receipt.expires >= now
        });
        Ok(stored.map(|stored| stored.receipt))
    }

    async fn scan_parts(
        &self,
        upload: &Upload,
        after: Option<PartNumber>,
        limit: usize,
    ) -> StoreResult<Page<Part, PartNumber>> {
        let query = Query::of(PARTS_BY_NUMBER, Some(schema::upload(upload.id)));
        let query = match after {
            Some(after) => query.behind_name(self.documents.name(&schema::part(upload.id, after))),
            None => query,
        };
        let read = |document: &_| rows::detail_of(document).map(Some);
        let (items, last) = scan_range(&self.documents, query, limit, read).await?;
        let next = last.and_then(|_| items.last()).map(|part: &Part| part.number);
        Ok(Page { items, next })
    }

    async fn scan_uploads(
        &self,
        bucket: &Bucket,
        range: &UploadRange,
        limit: usize,
    ) -> StoreResult<Page<Upload, UploadStart>> {
        let Some(query) = self.uploads_within(bucket, range) else {
            return Ok(Page::default());
        };
        let (found, last) = scan_range(&self.documents, query, limit, read_some_upload).await?;
        let last: Option<Upload> = last.as_ref().map(rows::detail_of).transpose()?;
        let mut page = Page {
            items: Vec::new(),
            next: last.as_ref().map(after),
        };
        let (mut cleared, all) = (0, found.len());
        for (read, upload) in (1..).zip(found) {
            if !upload.state.has_ended() {
                let listed = upload.bucket == bucket.id && range.admits(upload.key.as_str(), upload.id);
                page.items.extend(listed.then_some(upload));
                continue;
            }
            self.clear(&upload).await;
            cleared += 1;
            if cleared == CLEARED_AT_ONCE && read < all {
                page.next = Some(after(&upload));
                break;
            }
        }
        Ok(page)
    }

    async fn retire(&self, retired: &RetiredManifest) -> StoreResult<()> {
        let path = schema::retired(retired.commit_id);
        let retire = |[found]: [Option<Document>; 1]| {
            let found: Option<RetiredManifest> = found.as_ref().map(rows::detail_of).transpose()?;
            Ok(if found.is_some_and(|found| found.expires >= retired.expires) {
                Decision::Keep(())
            } else {
                Decision::Write(vec![self.documents.put(&path, rows::retired(retired)?)], ())
            })
        };
        self.documents.transact(&[&path], [&path], retire).await
    }

    async fn scan_retired(
        &self,
        after: Option<CommitId>,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<Page<RetiredManifest, CommitId>> {
        let after = after.map(|commit| commit.to_string());
        let query = self.by_id(RETIRED, "", after.as_deref());
        let read = |document: &_| {
            let retired: RetiredManifest = rows::detail_of(document)?;
            Ok((retired.expires >= now).then_some(retired))
        };
        let (items, last) = scan_range(&self.documents, query, limit, read).await?;
        let last: Option<RetiredManifest> = last.as_ref().map(rows::detail_of).transpose()?;
        Ok(Page {
            items,
            next: last.map(|last| last.commit_id),
        })
    }
}

impl FirestoreMetadata {
    /// The query over all uploads of a range, and perhaps some that it does not admit.
    fn uploads_within(&self, bucket: &Bucket, range: &UploadRange) -> Option<Query> {
        let keys = KeyRange {
            prefix: range.prefix.clone(),
            start: match &range.start {
                UploadStart::Beginning => KeyStart::Beginning,
                UploadStart::AfterKey(key) | UploadStart::After(key, _) => KeyStart::After(key.clone()),
                UploadStart::AfterPrefix(prefix) => KeyStart::AfterPrefix(prefix.clone()),
            },
            ..KeyRange::default()
        };
        let stem = uploads_of(bucket.id);
        let query = within(Query::of(UPLOADS, None), &keys, &stem)?;
        match &range.start {
            // Other uploads of the same key may lie after.
            UploadStart::After(key, id) if *key >= range.prefix && key.len() <= KEY_BYTES => {
                let name = self.documents.name(&schema::upload(*id));
                Some(query.behind_both(&format!("{stem}{key}"), name))
            }
            _ => Some(query),
        }
    }
}

/// Where a scan goes on after an upload.
fn after(upload: &Upload) -> UploadStart {
    UploadStart::After(upload.key.as_str().to_owned(), upload.id)
}

fn read_some_upload(document: &Document) -> StoreResult<Option<Upload>> {
    read_upload(Some(document))
}
