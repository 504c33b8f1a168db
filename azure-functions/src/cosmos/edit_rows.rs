//! The rows that edits change.

use std::collections::HashMap;

use async_trait::async_trait;
use azure_core::http::Etag;
use bleepstore_core::model::{Bucket, BucketName, CommitId, ObjectKey, ObjectRecord, Sequence};
use bleepstore_core::ports::{Edit, StoreResult, VersionRange};
use bleepstore_core::rows::{BeforeEdit, BucketRows, EditRows, RowChange, UploadPlace, UploadRows, Wanted};
use futures_util::future::try_join4;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::CosmosMetadata;
use super::batch::Change;
use super::container::READS_AT_ONCE;
use super::rows;
use super::schema::{self, RowKey};

/// What the rows of an edit were known by when they were read, if they were there.
#[derive(Debug, Default)]
pub struct Seen {
    source: Option<Etag>,
    head: Option<Etag>,
    versions: HashMap<Sequence, Etag>,
}

#[async_trait]
impl EditRows for CosmosMetadata {
    type Seen = Seen;

    /// The bucket is read where the edit has another key or a receipt.
    async fn before_edit(&self, edit: &Edit<'_>) -> StoreResult<BeforeEdit<Seen>> {
        let name = &edit.bucket.name;
        let bucket = async {
            if edit.is_of_one_key() {
                return Ok(None);
            }
            let found = self.read_bucket(name).await;
            found.map(|found| Some(found.map(|bucket| bucket.id)))
        };
        let receipt = async {
            match edit.receipt {
                Some(receipt) => self.read_receipt(&UploadPlace::of_receipt(edit, receipt)).await,
                None => Ok(None),
            }
        };
        let source = async {
            match edit.source {
                Some(source) => self.see(name, source.key).await,
                None => Ok(None),
            }
        };
        let (bucket, receipt, source, head) =
            try_join4(bucket, receipt, source, self.see(name, edit.key())).await?;
        let (source, seen_source) = source.unzip();
        let (head, seen_head) = head.unzip();
        Ok(BeforeEdit {
            bucket,
            receipt,
            source,
            head,
            seen: Seen {
                source: seen_source,
                head: seen_head,
                versions: HashMap::new(),
            },
        })
    }

    async fn read_versions(
        &self,
        edit: &Edit<'_>,
        wanted: &Wanted,
        seen: &mut Seen,
    ) -> StoreResult<Vec<ObjectRecord>> {
        let (bucket, key) = (edit.bucket, edit.key());
        let known = match wanted.newest {
            0 => Vec::new(),
            newest => self.see_below(VersionRange::newest(bucket, key, newest)).await?.0,
        };
        let (mut found, mut etags): (Vec<ObjectRecord>, Vec<Etag>) = known.into_iter().unzip();
        let missing = wanted.missing_of(&found);
        let rest = missing
            .into_iter()
            .map(|place| self.see_version(bucket, key, place));
        let rest: Vec<_> = stream::iter(rest).buffered(READS_AT_ONCE).try_collect().await?;
        for (record, etag) in rest.into_iter().flatten() {
            found.push(record);
            etags.push(etag);
        }
        let places = found.iter().map(ObjectRecord::sequence);
        seen.versions.extend(places.zip(etags));
        Ok(found)
    }

    async fn change_rows(
        &self,
        edit: &Edit<'_>,
        changes: &[RowChange<'_>],
        seen: &Seen,
    ) -> StoreResult<bool> {
        let (name, now) = (&edit.bucket.name, self.clock.now());
        let mut together = Vec::with_capacity(changes.len() + 1);
        for change in changes {
            together.push(match change {
                RowChange::Object(record) => {
                    let item = rows::object(name, record)?;
                    match seen.head.clone() {
                        Some(seen) => Change::Replace(item, seen),
                        None => Change::Create(item),
                    }
                }
                RowChange::ObjectGone(key) => {
                    let is_source = edit.source.is_some_and(|source| source.key == *key);
                    let seen = if is_source { &seen.source } else { &seen.head };
                    let Some(seen) = seen.clone() else {
                        return Ok(false);
                    };
                    Change::DeleteSeen(RowKey::object(name, key), seen)
                }
                RowChange::Receipt(receipt) => {
                    let stored = UploadPlace::of_receipt(edit, receipt).stored(receipt);
                    Change::Create(rows::receipt(name, &stored, now)?)
                }
                RowChange::Version(record, over) => {
                    let item = rows::version(edit.bucket, record)?;
                    match (over, seen.versions.get(&record.sequence()).cloned()) {
                        (None, _) => Change::Create(item),
                        (Some(_), Some(seen)) => Change::Replace(item, seen),
                        (Some(_), None) => return Ok(false),
                    }
                }
                RowChange::VersionGone(record) => {
                    let Some(seen) = seen.versions.get(&record.sequence()).cloned() else {
                        return Ok(false);
                    };
                    let key = RowKey::version(edit.bucket, &record.key, record.sequence());
                    Change::DeleteSeen(key, seen)
                }
            });
        }
        if let (Some(_), Some(record)) = (edit.source, edit.committed()) {
            together.push(Change::Create(rows::note(edit.bucket, record.commit_id, now)));
        }
        match together.as_slice() {
            [change] => self.container.change(change).await,
            changes => {
                let partition = schema::objects(name);
                self.container.change_together(&partition, changes).await
            }
        }
    }

    async fn remove_written(&self, bucket: &BucketName, record: &ObjectRecord) -> StoreResult<()> {
        let key = RowKey::object(bucket, &record.key);
        self.container
            .remove_if(&key, |row: &ObjectRecord| row.commit_id == record.commit_id)
            .await?;
        Ok(())
    }

    async fn remove_note(&self, bucket: &Bucket, commit: CommitId) -> StoreResult<()> {
        let note = RowKey::note(&bucket.name, commit);
        self.container.delete(&note, None).await?;
        Ok(())
    }
}

impl CosmosMetadata {
    /// The row under a key, of whatever creation of the bucket, and what it is known by.
    async fn see(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<Option<(ObjectRecord, Etag)>> {
        let found = self.container.get(&RowKey::object(bucket, key)).await?;
        found.map(|item| Ok((item.detail()?, item.seen()?))).transpose()
    }
}
