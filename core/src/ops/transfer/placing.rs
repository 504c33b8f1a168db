//! Putting one record into the store that is written to, as often as it takes.

use std::future::Future;

use super::TransferError;
use crate::model::{Bucket, BucketState, Credential, Layout, Manifest, ObjectRecord, Part, Upload};
use crate::ops::edit::share;
use crate::ops::inline::check_inline;
use crate::ops::manifest::{place_layout, write_bytes};
use crate::ports::{
    CreateBucketOutcome, Edit, EditOutcome, Expect, Ports, RecordPartOutcome, StoreError, StoreErrorKind,
    StoreResult, back_off, check_limits,
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
    let differs = || TransferError::Differs(format!("the object {} of bucket {}", record.key, bucket.name));
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
            // Nothing is freed while an import is under way, so that what is replaced needs no retirement.
            EditOutcome::Refused { head } if existing == Existing::Replace => {
                expect = Expect::Row(head.map(|head| head.tag()));
            }
            _ => return Err(differs()),
        }
    }
    Err(differs())
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
