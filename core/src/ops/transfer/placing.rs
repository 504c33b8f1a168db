//! Putting one record into the store that is written to, as often as it takes.

use std::future::Future;

use super::TransferError;
use crate::model::{
    Bucket, BucketState, Credential, Layout, Manifest, ObjectKey, ObjectRecord, Part, Upload, VersionName,
};
use crate::ops::edit::{REMOVED_AT_ONCE, share};
use crate::ops::inline::check_inline;
use crate::ops::manifest::{place_layout, write_bytes};
use crate::ports::{
    CreateBucketOutcome, Edit, EditOutcome, Expect, Ports, RecordPartOutcome, StoreError, StoreErrorKind,
    StoreResult, VersionRange, back_off, check_limits,
};

/// How often a step is tried. Every step may be taken twice, so an unknown outcome is tried again as well.
const TRIES: u32 = 8;

/// What becomes of a record that stands where another one is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// It is a sign of a mix-up.
    Refuse,
    /// It is an earlier state of the same, and makes way.
    Replace,
}

/// Takes a step until the store does not fail in a way that may pass.
pub(super) async fn insist<T, F>(ports: &Ports, step: impl Fn() -> F) -> Result<T, TransferError>
where
    F: Future<Output = StoreResult<T>>,
{
    let mut attempt = 0;
    loop {
        back_off(ports.clock.as_ref(), ports.entropy.as_ref(), attempt).await;
        attempt += 1;
        match step().await {
            Err(error)
                if attempt < TRIES
                    && matches!(
                        error.kind,
                        StoreErrorKind::Throttled | StoreErrorKind::Unavailable | StoreErrorKind::Timeout
                    ) => {}
            result => return result.map_err(TransferError::Target),
        }
    }
}

pub(super) async fn place_credential(ports: &Ports, credential: &Credential) -> Result<(), TransferError> {
    let metadata = &ports.metadata;
    if insist(ports, || metadata.create_credential(credential)).await? {
        return Ok(());
    }
    let found = insist(ports, || metadata.credential(&credential.access_key)).await?;
    if found.as_ref() == Some(credential) {
        Ok(())
    } else {
        Err(TransferError::Differs(format!(
            "the access key {}",
            credential.access_key
        )))
    }
}

pub(super) async fn place_bucket(
    ports: &Ports,
    bucket: &Bucket,
    existing: Existing,
) -> Result<(), TransferError> {
    let metadata = &ports.metadata;
    for _ in 0..TRIES {
        let found = match insist(ports, || metadata.create_bucket(bucket)).await? {
            CreateBucketOutcome::Created => return Ok(()),
            CreateBucketOutcome::Exists(found) => found,
        };
        let revised = Bucket {
            revision: found.revision.next(),
            ..bucket.clone()
        };
        let expected = found.revision;
        let same = Bucket {
            revision: revised.revision,
            ..found
        };
        if same == revised {
            return Ok(());
        }
        if same.id != bucket.id || existing == Existing::Refuse {
            break;
        }
        if insist(ports, || metadata.update_bucket(&revised, expected)).await? {
            return Ok(());
        }
    }
    Err(TransferError::Differs(format!("the bucket {}", bucket.name)))
}

/// Puts an object where it belongs, its manifest in the form that this store takes.
pub(super) async fn place_object(
    ports: &Ports,
    bucket: &Bucket,
    mut record: ObjectRecord,
    existing: Existing,
) -> Result<(), TransferError> {
    let metadata = &ports.metadata;
    let (key, name) = (record.key.clone(), bucket.name.clone());
    let differs = || TransferError::Differs(format!("the object {key} of bucket {name}"));
    if check_limits(metadata.as_ref(), &record.manifest).is_err() {
        let found = insist(ports, || metadata.lookup(&bucket.name, &record.key)).await?;
        if found
            .object
            .is_some_and(|object| object.commit_id == record.commit_id)
        {
            return mark_if_shared(ports, bucket, &record).await;
        }
        // Its blob would have a checksum of the damage.
        check_inline(&bucket.name, &record).map_err(TransferError::Source)?;
        record.manifest = insist(ports, || fitted(ports, bucket, &record.manifest)).await?;
    }
    let mut expect = Expect::Row(None);
    for _ in 0..TRIES {
        let edit = Edit::put(bucket, &record, expect);
        match insist(ports, || metadata.edit(&edit)).await? {
            EditOutcome::Applied { .. } => return Ok(()),
            EditOutcome::Refused { head: Some(found) } if found.commit_id == record.commit_id => {
                return mark_if_shared(ports, bucket, &record).await;
            }
            // What is there of the key is of an earlier run.
            EditOutcome::Kept { .. } | EditOutcome::Refused { head: Some(_) }
                if existing == Existing::Replace && bucket.versioning.is_some() =>
            {
                clear(ports, bucket, &record.key).await?;
                expect = Expect::Row(None);
            }
            // Nothing is freed while an import is under way, so that what is replaced needs no retirement.
            EditOutcome::Refused { head } if existing == Existing::Replace => {
                expect = Expect::Row(head.map(|head| head.tag()));
            }
            _ => return Err(differs()),
        }
    }
    Err(differs())
}

/// Puts a version that is not current beside the row that is.
pub(super) async fn place_version(
    ports: &Ports,
    bucket: &Bucket,
    mut record: ObjectRecord,
) -> Result<(), TransferError> {
    let metadata = &ports.metadata;
    if check_limits(metadata.as_ref(), &record.manifest).is_err() {
        check_inline(&bucket.name, &record).map_err(TransferError::Source)?;
        record.manifest = insist(ports, || fitted(ports, bucket, &record.manifest)).await?;
    }
    let mut over = None;
    for _ in 0..TRIES {
        let edit = Edit::put_version(bucket, &record, over);
        match insist(ports, || metadata.edit(&edit)).await? {
            EditOutcome::AppliedToVersions(_) => return Ok(()),
            EditOutcome::Refused { head: Some(found) } if found.commit_id == record.commit_id => {
                return Ok(());
            }
            EditOutcome::Refused { head: Some(found) } if found.version_name() == record.version_name() => {
                over = Some(found.tag());
            }
            _ => break,
        }
    }
    let (key, bucket) = (&record.key, &bucket.name);
    Err(TransferError::Differs(format!(
        "a version of the object {key} of bucket {bucket}"
    )))
}

/// Leaves nothing under a key. Nothing is freed while an import is under way, so that no row need be retired.
pub(super) async fn clear(ports: &Ports, bucket: &Bucket, key: &ObjectKey) -> Result<(), TransferError> {
    let metadata = &ports.metadata;
    loop {
        let found = insist(ports, || {
            metadata.key_versions(VersionRange::newest(bucket, key, REMOVED_AT_ONCE - 1))
        })
        .await?;
        let rows: Vec<ObjectRecord> = found.versions.into_iter().chain(found.head).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let names: Vec<VersionName> = rows.iter().map(ObjectRecord::version_name).collect();
        remove_all(ports, bucket, key, &names).await?;
    }
}

/// Removes these versions of a key, at most [`REMOVED_AT_ONCE`].
pub(super) async fn remove_all(
    ports: &Ports,
    bucket: &Bucket,
    key: &ObjectKey,
    names: &[VersionName],
) -> Result<(), TransferError> {
    let mut retired = Vec::new();
    for _ in 0..TRIES {
        let edit = Edit::remove_versions(bucket, key, names, &retired);
        match insist(ports, || ports.metadata.edit(&edit)).await? {
            EditOutcome::AppliedToVersions(_) => return Ok(()),
            EditOutcome::Unretired { rows } => retired.extend(rows.iter().map(|row| row.commit_id)),
            _ => break,
        }
    }
    Err(TransferError::Differs(format!(
        "the object {key} of bucket {}",
        bucket.name
    )))
}

/// The record stands, but it may have been shared since it was written.
async fn mark_if_shared(ports: &Ports, bucket: &Bucket, record: &ObjectRecord) -> Result<(), TransferError> {
    if !record.shared {
        return Ok(());
    }
    let metadata = ports.metadata.as_ref();
    for _ in 0..TRIES {
        let found = insist(ports, || metadata.lookup(&bucket.name, &record.key)).await?;
        let Some(found) = found.object.filter(|found| found.commit_id == record.commit_id) else {
            return Ok(());
        };
        if insist(ports, || share(metadata, bucket, &found)).await? {
            return Ok(());
        }
    }
    Err(TransferError::Differs(format!(
        "the object {} of bucket {}",
        record.key, bucket.name
    )))
}

/// A manifest that the store's rows take, in place of one that they do not.
async fn fitted(ports: &Ports, bucket: &Bucket, manifest: &Manifest) -> StoreResult<Manifest> {
    match manifest {
        Manifest::Inline(body) => Ok(Manifest::Extents(Layout {
            extents: vec![write_bytes(ports, bucket.id, body.clone()).await?],
            parts: Vec::new(),
        })),
        Manifest::Extents(layout) => {
            let placed = place_layout(ports, bucket.id, layout.clone()).await;
            placed.map_err(StoreError::internal)
        }
        Manifest::Spilled(_) | Manifest::Paged(_) => Ok(manifest.clone()),
    }
}

pub(super) async fn place_upload(ports: &Ports, upload: &Upload) -> Result<(), TransferError> {
    let metadata = &ports.metadata;
    let found = insist(ports, || metadata.lookup_upload(&upload.bucket_name, upload.id)).await?;
    // Beginning it once more would take its parts away in some stores.
    if found.upload.is_some() || insist(ports, || metadata.begin_upload(upload)).await? {
        Ok(())
    } else {
        Err(TransferError::Differs(format!(
            "the bucket {}",
            upload.bucket_name
        )))
    }
}

pub(super) async fn place_part(ports: &Ports, upload: &Upload, part: &Part) -> Result<(), TransferError> {
    match insist(ports, || ports.metadata.record_part(upload, part)).await? {
        RecordPartOutcome::Recorded => Ok(()),
        RecordPartOutcome::NoSuchUpload => Err(TransferError::Differs(format!("the upload {}", upload.id))),
    }
}

/// The bucket as it is put into another store: nobody is deleting it there.
pub(super) fn active(bucket: Bucket) -> Bucket {
    Bucket {
        state: BucketState::Active,
        ..bucket
    }
}
