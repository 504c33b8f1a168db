//! Buckets.

use async_trait::async_trait;
use bleepstore_core::model::{Bucket, BucketId, BucketName, Revision, Token};
use bleepstore_core::ports::{
    BucketIndex, BucketRange, CreateBucketOutcome, DeleteBucketOutcome, Page, StoreResult,
};
use rusqlite::{Connection, params};

use super::error::Failure;
use super::rows::{after_key, after_prefix, first, json_column, one_more_than, page, text_column, to_json};
use super::{SqliteMetadata, schema};

/// Buckets in a range of names.
pub(super) const SCAN: &str = "
    SELECT name, owner, detail FROM buckets WHERE name >= ? AND name < ? ORDER BY name LIMIT ?";

#[async_trait]
impl BucketIndex for SqliteMetadata {
    async fn create_bucket(&self, bucket: &Bucket) -> StoreResult<CreateBucketOutcome> {
        let bucket = bucket.clone();
        let detail = to_json(&bucket)?;
        self.change(move |db| {
            make_room_for_versions(db, &bucket)?;
            if let Some(taken) = find(db, &bucket.name)? {
                return Ok(CreateBucketOutcome::Exists(taken));
            }
            let mut insert = db.prepare_cached(
                "INSERT INTO buckets (name, id, owner, revision, detail) VALUES (?, ?, ?, ?, ?)",
            )?;
            insert.execute(params![
                bucket.name.as_str().as_bytes(),
                bucket.id.as_bytes(),
                bucket.owner.id,
                revision(bucket.revision)?,
                detail,
            ])?;
            Ok(CreateBucketOutcome::Created)
        })
        .await
    }

    async fn bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>> {
        let name = name.clone();
        self.look(move |db| find(db, &name)).await
    }

    async fn scan_buckets(&self, range: BucketRange<'_>, limit: usize) -> StoreResult<Page<Bucket, String>> {
        let BucketRange { owner, prefix, after } = range;
        let owner = owner.map(str::to_owned);
        let start = after.map(after_key).unwrap_or_default();
        let start = start.max(prefix.as_bytes().to_vec());
        let end = after_prefix(prefix);
        self.query(move |db| {
            let mut select = db.prepare_cached(SCAN)?;
            let read = page(
                &mut select,
                params![start, end, one_more_than(limit)],
                limit,
                |row| {
                    let shown = match &owner {
                        Some(owner) => row.get_ref(1)?.as_str().map_err(Failure::unreadable)? == owner,
                        None => true,
                    };
                    let bucket: Option<Bucket> = shown.then(|| json_column(row, 2)).transpose()?;
                    Ok((text_column(row, 0)?, bucket))
                },
                |(name, _)| name.clone(),
            )?;
            Ok(read.showing(|(_, bucket)| bucket))
        })
        .await
    }

    async fn update_bucket(&self, bucket: &Bucket, expected: Revision) -> StoreResult<bool> {
        let bucket = bucket.clone();
        let detail = to_json(&bucket)?;
        self.change(move |db| {
            make_room_for_versions(db, &bucket)?;
            let mut update = db.prepare_cached(
                "UPDATE buckets SET owner = ?, revision = ?, detail = ?
                 WHERE name = ? AND id = ? AND revision = ?",
            )?;
            let updated = update.execute(params![
                bucket.owner.id,
                revision(bucket.revision)?,
                detail,
                bucket.name.as_str().as_bytes(),
                bucket.id.as_bytes(),
                revision(expected)?,
            ])?;
            Ok(updated == 1)
        })
        .await
    }

    /// `token` is not needed: looking and deleting are one transaction here.
    async fn delete_bucket(
        &self,
        name: &BucketName,
        id: BucketId,
        _token: Token,
    ) -> StoreResult<DeleteBucketOutcome> {
        let name = name.clone();
        self.change(move |db| {
            if !is_current(db, &name, id)? {
                return Ok(DeleteBucketOutcome::NoSuchBucket);
            }
            let mut holds = db.prepare_cached("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1")?;
            if holds.exists([id.as_bytes()])? {
                return Ok(DeleteBucketOutcome::NotEmpty);
            }
            for delete in [
                "DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)",
                "DELETE FROM uploads WHERE bucket = ?",
            ] {
                db.prepare_cached(delete)?.execute([id.as_bytes()])?;
            }
            db.prepare_cached("DELETE FROM buckets WHERE name = ?")?
                .execute([name.as_str().as_bytes()])?;
            Ok(DeleteBucketOutcome::Deleted)
        })
        .await
    }
}

/// The bucket of that name.
pub(super) fn find(db: &Connection, name: &BucketName) -> Result<Option<Bucket>, Failure> {
    let mut select = db.prepare_cached("SELECT detail FROM buckets WHERE name = ?")?;
    first(&mut select, [name.as_str().as_bytes()], |row| json_column(row, 0))
}

/// Whether the bucket of that name is this creation of it.
pub(super) fn is_current(db: &Connection, name: &BucketName, id: BucketId) -> Result<bool, Failure> {
    let mut select = db.prepare_cached("SELECT 1 FROM buckets WHERE name = ? AND id = ?")?;
    Ok(select.exists(params![name.as_str().as_bytes(), id.as_bytes()])?)
}

fn revision(revision: Revision) -> Result<i64, Failure> {
    i64::try_from(revision.0).map_err(Failure::does_not_fit)
}

/// A bucket that keeps versions has a table for them.
fn make_room_for_versions(db: &Connection, bucket: &Bucket) -> Result<(), Failure> {
    if bucket.versioning.is_some() {
        schema::raise(db, schema::VERSIONS)?;
    }
    Ok(())
}
