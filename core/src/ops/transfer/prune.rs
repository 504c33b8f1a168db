//! Taking away what an earlier, unfinished run brought and the old store does not hold any more.

use std::cmp::Ordering;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::TransferError;
use super::placing::{clear, insist, remove_all};
use crate::model::{Bucket, ObjectRecord, Token};
use crate::ops::multipart::abort;
use crate::ops::rows::{self, one_by_one};
use crate::ports::{
    DeleteBucketOutcome, Edit, EditOutcome, Expect, ObjectLookup, Ports, StoreResult, new_id,
};

/// Leaves nothing in `to` that is not in `from` under the same name. What is under the same name may be an earlier
/// state of it.
pub(super) async fn prune(from: &Ports, to: &Ports) -> Result<(), TransferError> {
    let mut credentials = one_by_one(rows::credentials(to));
    while let Some(credential) = credentials.try_next().await.map_err(TransferError::Target)? {
        let found = from.metadata.credential(&credential.access_key).await;
        if found.map_err(TransferError::Source)?.as_ref() != Some(&credential) {
            insist(to, || to.metadata.revoke_credential(&credential.access_key)).await?;
        }
    }
    let mut buckets = rows::each_bucket(to);
    while let Some(bucket) = buckets.try_next().await.map_err(TransferError::Target)? {
        let found = from.metadata.bucket(&bucket.name).await;
        let found = found
            .map_err(TransferError::Source)?
            .filter(|found| found.id == bucket.id);
        prune_objects(from, to, &bucket, found.is_some()).await?;
        match found {
            Some(_) => prune_uploads(from, to, &bucket).await?,
            None => delete_bucket(to, &bucket).await?,
        }
    }
    Ok(())
}

async fn delete_bucket(to: &Ports, bucket: &Bucket) -> Result<(), TransferError> {
    let token = new_id(to.entropy.as_ref(), Token::from_bytes);
    match insist(to, || to.metadata.delete_bucket(&bucket.name, bucket.id, token)).await? {
        DeleteBucketOutcome::Deleted | DeleteBucketOutcome::NoSuchBucket => Ok(()),
        DeleteBucketOutcome::NotEmpty => Err(TransferError::Differs(format!("the bucket {}", bucket.name))),
    }
}

async fn prune_objects(from: &Ports, to: &Ports, bucket: &Bucket, stands: bool) -> Result<(), TransferError> {
    let wanted = if stands {
        one_by_one(rows::records(from, bucket))
    } else {
        stream::empty().boxed()
    };
    if bucket.versioning.is_some() {
        prune_versions(from, to, bucket, stands).await?;
    }
    let mut wanted = Ordered::new(wanted);
    let mut present = one_by_one(rows::records(to, bucket));
    while let Some(record) = present.try_next().await.map_err(TransferError::Target)? {
        if !wanted
            .has(|other: &ObjectRecord| other.key.cmp(&record.key))
            .await?
        {
            remove(to, bucket, &record).await?;
        }
    }
    Ok(())
}

/// Before the rows that are current: those name them.
async fn prune_versions(
    from: &Ports,
    to: &Ports,
    bucket: &Bucket,
    stands: bool,
) -> Result<(), TransferError> {
    let mut present = one_by_one(rows::versions(to, bucket));
    while let Some(record) = present.try_next().await.map_err(TransferError::Target)? {
        let name = record.version_name();
        let found = match stands {
            true => {
                from.metadata
                    .lookup_version(&bucket.name, &record.key, name)
                    .await
            }
            false => Ok(ObjectLookup::default()),
        };
        if found.map_err(TransferError::Source)?.object.is_none() {
            remove_all(to, bucket, &record.key, &[name]).await?;
        }
    }
    Ok(())
}

async fn remove(to: &Ports, bucket: &Bucket, record: &ObjectRecord) -> Result<(), TransferError> {
    if record.is_kept_as_version() {
        return clear(to, bucket, &record.key).await;
    }
    // Nothing is freed while an import is under way, so that what goes needs no retirement.
    let edit = Edit::remove(bucket, &record.key, Expect::Row(Some(record.tag())));
    match insist(to, || to.metadata.edit(&edit)).await? {
        // A repeated step finds it gone.
        EditOutcome::Applied { .. } | EditOutcome::Refused { head: None } => Ok(()),
        _ => Err(TransferError::Differs(format!(
            "the object {} of bucket {}",
            record.key, bucket.name
        ))),
    }
}

async fn prune_uploads(from: &Ports, to: &Ports, bucket: &Bucket) -> Result<(), TransferError> {
    let mut wanted = Ordered::new(one_by_one(rows::uploads(from, bucket)));
    let mut present = one_by_one(rows::uploads(to, bucket));
    while let Some(upload) = present.try_next().await.map_err(TransferError::Target)? {
        let stands = wanted
            .has(|other| (&other.key, other.id).cmp(&(&upload.key, upload.id)))
            .await?;
        if !stands {
            insist(to, || abort(to, &upload)).await?;
        }
    }
    Ok(())
}

/// The rows of the old store, which are asked for in their order.
struct Ordered<T> {
    rows: BoxStream<'static, StoreResult<T>>,
    next: Option<T>,
}

impl<T> Ordered<T> {
    fn new(rows: BoxStream<'static, StoreResult<T>>) -> Self {
        Self { rows, next: None }
    }

    /// Whether there is a row that `compare` finds equal. Rows before it are passed.
    async fn has(&mut self, compare: impl Fn(&T) -> Ordering) -> Result<bool, TransferError> {
        loop {
            match self.next.as_ref().map(&compare) {
                Some(Ordering::Equal) => return Ok(true),
                Some(Ordering::Greater) => return Ok(false),
                Some(Ordering::Less) | None => {}
            }
            self.next = self.rows.try_next().await.map_err(TransferError::Source)?;
            if self.next.is_none() {
                return Ok(false);
            }
        }
    }
}
