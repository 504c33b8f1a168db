//! Multipart uploads, their receipts, and retired manifests.
//!
//! The row of an upload is there while it is open or being completed. The transaction that writes its
//! receipt takes the row away, with the rows of its parts.

use async_trait::async_trait;
use bleepstore_core::model::{
    Bucket, BucketId, BucketName, CommitId, ObjectKey, Part, PartNumber, Receipt, RetiredManifest, Timestamp,
    Token, Upload, UploadId, UploadState,
};
use bleepstore_core::ports::{
    AbortOutcome, BeginComplete, Page, RecordPartOutcome, StoreResult, UploadIndex, UploadLookup,
    UploadRange, UploadStart,
};
use rusqlite::{Connection, Row, params};

use super::error::Failure;
use super::rows::{after_key, after_prefix, first, json_column, one_more_than, page, to_json};
use super::{SqliteMetadata, buckets};

/// Uploads of a bucket in a range of keys, from after one upload on.
pub(super) const SCAN: &str = "
    SELECT detail, completing FROM uploads
    WHERE bucket = ? AND (key, id) > (?, ?) AND key < ?
    ORDER BY key, id LIMIT ?";

/// Parts of an upload, from after one number on.
pub(super) const SCAN_PARTS: &str = "
    SELECT detail FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?";

#[async_trait]
impl UploadIndex for SqliteMetadata {
    async fn begin_upload(&self, upload: &Upload) -> StoreResult<bool> {
        let upload = upload.clone();
        let detail = to_json(&upload)?;
        self.change(move |db| {
            if !buckets::is_current(db, &upload.bucket_name, upload.bucket)? {
                return Ok(false);
            }
            let mut insert =
                db.prepare_cached("INSERT INTO uploads (id, bucket, key, detail) VALUES (?, ?, ?, ?)")?;
            insert.execute(params![
                upload.id.as_bytes(),
                upload.bucket.as_bytes(),
                upload.key.as_str().as_bytes(),
                detail,
            ])?;
            Ok(true)
        })
        .await
    }

    async fn lookup_upload(&self, bucket: &BucketName, upload: UploadId) -> StoreResult<UploadLookup> {
        let name = bucket.clone();
        self.look(move |db| {
            let bucket = buckets::find(db, &name)?;
            let upload = match &bucket {
                Some(bucket) => find(db, upload)?.filter(|upload| upload.bucket == bucket.id),
                None => None,
            };
            Ok(UploadLookup { bucket, upload })
        })
        .await
    }

    async fn record_part(&self, upload: &Upload, part: &Part) -> StoreResult<RecordPartOutcome> {
        let (upload, number) = (upload.id, part.number);
        let detail = to_json(part)?;
        self.change(move |db| {
            let mut open = db.prepare_cached("SELECT 1 FROM uploads WHERE id = ? AND completing IS NULL")?;
            if !open.exists([upload.as_bytes()])? {
                return Ok(RecordPartOutcome::NoSuchUpload);
            }
            db.prepare_cached("INSERT OR REPLACE INTO parts (upload, number, detail) VALUES (?, ?, ?)")?
                .execute(params![upload.as_bytes(), number.get(), detail])?;
            Ok(RecordPartOutcome::Recorded)
        })
        .await
    }

    async fn begin_complete(
        &self,
        upload: &Upload,
        token: Token,
        now: Timestamp,
    ) -> StoreResult<BeginComplete> {
        let id = upload.id;
        self.change(move |db| {
            if let Some(receipt) = receipt(db, id)?.filter(|receipt| receipt.expires >= now) {
                return Ok(BeginComplete::Closed(receipt));
            }
            db.prepare_cached("UPDATE uploads SET completing = ? WHERE id = ?")?
                .execute(params![token.as_bytes(), id.as_bytes()])?;
            Ok(match find(db, id)? {
                Some(upload) => BeginComplete::Began(Box::new(upload)),
                None => BeginComplete::NoSuchUpload,
            })
        })
        .await
    }

    async fn reopen(&self, upload: &Upload, token: Token) -> StoreResult<()> {
        let id = upload.id;
        self.change(move |db| {
            db.prepare_cached("UPDATE uploads SET completing = NULL WHERE id = ? AND completing = ?")?
                .execute(params![id.as_bytes(), token.as_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn abort(&self, upload: &Upload, receipt: &Receipt) -> StoreResult<AbortOutcome> {
        let (id, bucket, key) = (upload.id, upload.bucket, upload.key.clone());
        let (receipt, detail) = (receipt.clone(), to_json(receipt)?);
        self.change(move |db| {
            if let Some(earlier) = self::receipt(db, id)? {
                return Ok(AbortOutcome::Closed(earlier));
            }
            if find(db, id)?.is_none() {
                return Ok(AbortOutcome::NoSuchUpload);
            }
            close(db, bucket, &key, &receipt, &detail)?;
            Ok(AbortOutcome::Aborted)
        })
        .await
    }

    async fn receipt(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        upload: UploadId,
        now: Timestamp,
    ) -> StoreResult<Option<Receipt>> {
        let (bucket, key) = (bucket.id, key.clone());
        self.look(move |db| {
            let mut select = db.prepare_cached(
                "SELECT detail FROM receipts WHERE upload = ? AND bucket = ? AND key = ? AND expires >= ?",
            )?;
            let params = params![
                upload.as_bytes(),
                bucket.as_bytes(),
                key.as_str().as_bytes(),
                now.millis()
            ];
            first(&mut select, params, |row| json_column(row, 0))
        })
        .await
    }

    async fn scan_parts(
        &self,
        upload: &Upload,
        after: Option<PartNumber>,
        limit: usize,
    ) -> StoreResult<Page<Part, PartNumber>> {
        let id = upload.id;
        let after = after.map_or(0, PartNumber::get);
        self.query(move |db| {
            let mut select = db.prepare_cached(SCAN_PARTS)?;
            page(
                &mut select,
                params![id.as_bytes(), after, one_more_than(limit)],
                limit,
                |row| json_column(row, 0),
                |last: &Part| last.number,
            )
        })
        .await
    }

    async fn scan_uploads(
        &self,
        bucket: &Bucket,
        range: &UploadRange,
        limit: usize,
    ) -> StoreResult<Page<Upload, UploadStart>> {
        let id = bucket.id;
        let (start, start_id) = match &range.start {
            UploadStart::Beginning => (Vec::new(), Vec::new()),
            UploadStart::AfterKey(key) => (after_key(key), Vec::new()),
            UploadStart::After(key, upload) => (key.as_bytes().to_vec(), upload.as_bytes().to_vec()),
            UploadStart::AfterPrefix(prefix) => (after_prefix(prefix), Vec::new()),
        };
        let (start, start_id) = (start, start_id).max((range.prefix.as_bytes().to_vec(), Vec::new()));
        let end = after_prefix(&range.prefix);
        self.query(move |db| {
            let mut select = db.prepare_cached(SCAN)?;
            page(
                &mut select,
                params![id.as_bytes(), start, start_id, end, one_more_than(limit)],
                limit,
                upload,
                |last| UploadStart::After(last.key.as_str().to_owned(), last.id),
            )
        })
        .await
    }

    async fn retire(&self, retired: &RetiredManifest) -> StoreResult<()> {
        let (commit, expires) = (retired.commit_id, retired.expires);
        let manifest = to_json(&retired.manifest)?;
        self.change(move |db| {
            // A later expiry stands: the row must outlast the last mark that may need it.
            let mut insert = db.prepare_cached(
                "INSERT INTO retired (commit_id, expires, manifest) VALUES (?, ?, ?)
                 ON CONFLICT DO UPDATE SET expires = max(expires, excluded.expires)",
            )?;
            insert.execute(params![commit.as_bytes(), expires.millis(), manifest])?;
            Ok(())
        })
        .await
    }

    async fn scan_retired(
        &self,
        after: Option<CommitId>,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<Page<RetiredManifest, CommitId>> {
        let after = after.map(|commit| commit.as_bytes().to_vec()).unwrap_or_default();
        self.query(move |db| {
            let mut select = db.prepare_cached(
                "SELECT commit_id, expires, manifest FROM retired
                 WHERE commit_id > ? ORDER BY commit_id LIMIT ?",
            )?;
            let read = page(
                &mut select,
                params![after, one_more_than(limit)],
                limit,
                |row| {
                    let commit_id = CommitId::from_bytes(row.get(0)?);
                    let expires = Timestamp::from_millis(row.get(1)?);
                    // One that has expired counts as absent, whatever it says.
                    let retired = match expires < now {
                        true => None,
                        false => Some(RetiredManifest {
                            commit_id,
                            expires,
                            manifest: json_column(row, 2)?,
                        }),
                    };
                    Ok((commit_id, retired))
                },
                |(commit_id, _)| *commit_id,
            )?;
            Ok(read.showing(|(_, retired)| retired))
        })
        .await
    }
}

/// Writes the receipt of an upload, with the JSON that was made of it, and removes the rows that it replaces.
pub(super) fn close(
    db: &Connection,
    bucket: BucketId,
    key: &ObjectKey,
    receipt: &Receipt,
    detail: &str,
) -> Result<(), Failure> {
    let upload = receipt.upload.as_bytes();
    let mut insert = db.prepare_cached(
        "INSERT INTO receipts (upload, bucket, key, expires, detail) VALUES (?, ?, ?, ?, ?)",
    )?;
    insert.execute(params![
        upload,
        bucket.as_bytes(),
        key.as_str().as_bytes(),
        receipt.expires.millis(),
        detail,
    ])?;
    db.prepare_cached("DELETE FROM uploads WHERE id = ?")?
        .execute([upload])?;
    db.prepare_cached("DELETE FROM parts WHERE upload = ?")?
        .execute([upload])?;
    Ok(())
}

/// The upload of that id, in any bucket.
fn find(db: &Connection, id: UploadId) -> Result<Option<Upload>, Failure> {
    let mut select = db.prepare_cached("SELECT detail, completing FROM uploads WHERE id = ?")?;
    first(&mut select, [id.as_bytes()], upload)
}

/// An upload from its columns `detail, completing`. The state in `detail` is the one it began with.
fn upload(row: &Row<'_>) -> Result<Upload, Failure> {
    let mut upload: Upload = json_column(row, 0)?;
    let completing: Option<[u8; 16]> = row.get(1)?;
    if let Some(token) = completing {
        upload.state = UploadState::Completing(Token::from_bytes(token));
    }
    Ok(upload)
}

/// How the upload ended, expired or not.
pub(super) fn receipt(db: &Connection, upload: UploadId) -> Result<Option<Receipt>, Failure> {
    let mut select = db.prepare_cached("SELECT detail FROM receipts WHERE upload = ?")?;
    first(&mut select, [upload.as_bytes()], |row| json_column(row, 0))
}
