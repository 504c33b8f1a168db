//! Changes of versions.

use futures_util::{StreamExt, stream};

use super::{ATTEMPTS, EditFailure, not_applied, pause, retire_all};
use crate::model::{Bucket, BucketState, ErrorCode, EventRow, ObjectKey, ObjectRecord, S3Error, VersionName};
use crate::ops::Context;
use crate::ops::access::no_such_bucket;
use crate::ops::events::{Asked, Told, notifies};
use crate::ops::free::free_superseded;
use crate::ports::{
    ChangedVersions, Edit, EditOutcome, Expect, MetadataStore, StoreErrorKind, StoreResult, VersionRange,
};

/// How many versions of a key are looked through for one whose write has an unknown outcome: so many others have been
/// written over it at most.
const LOOKED_THROUGH: usize = 100;

/// How many versions of one key an edit removes at most. Each is one row of a transaction, or two.
pub(in crate::ops) const REMOVED_AT_ONCE: usize = 40;

/// The same in a bucket that notifies, where each may write two events.
const REMOVED_AND_TOLD_AT_ONCE: usize = 16;

/// How many versions of one key an edit removes at most in this bucket.
pub(in crate::ops) fn removed_at_once(bucket: &Bucket) -> usize {
    match notifies(bucket) {
        true => REMOVED_AND_TOLD_AT_ONCE,
        false => REMOVED_AT_ONCE,
    }
}

/// How many blobs are freed at the same time.
const FREED_AT_ONCE: usize = 16;

/// Removes versions of a key, at most [`removed_at_once`], and frees their bytes. Where the current one is among them,
/// the newest that is left becomes current in the same step. Returns the rows that were there.
pub(in crate::ops) async fn remove_versions(
    context: &Context,
    bucket: &Bucket,
    key: &ObjectKey,
    names: &[VersionName],
    asked: Asked<'_>,
) -> Result<Vec<ObjectRecord>, EditFailure> {
    let mut retired = Vec::new();
    let mut told = Told::of(Some(asked));
    let events = told.of_removal(context, bucket, key, names).await?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause(context, attempt).await;
        }
        let edit = Edit::remove_versions(bucket, key, names, &retired).telling(&events);
        let outcome = match context.ports.metadata.edit(&edit).await {
            Ok(outcome) => outcome,
            Err(error) if error.kind == StoreErrorKind::Timeout => {
                return match are_gone(context, bucket, key, names).await {
                    // What they named is left to gc: nobody knows which rows they were.
                    Ok(true) => {
                        context.destinations.written(&events);
                        Ok(Vec::new())
                    }
                    _ => Err(EditFailure::Unknown(error.into())),
                };
            }
            Err(error) => return Err(not_applied(error)),
        };
        free_gone(context, &outcome).await;
        match outcome {
            EditOutcome::AppliedToVersions(changed) => {
                context.destinations.written(&events);
                return Ok(changed.gone);
            }
            EditOutcome::Unretired { rows } => retire_all(context, &rows, &mut retired).await?,
            EditOutcome::NoSuchBucket => return Err(no_such_bucket(&bucket.name).into()),
            _ => {}
        }
    }
    Err(S3Error::from(ErrorCode::SlowDown).into())
}

/// Whether versions that have ids of their own are gone for ever. One of the name `null` may come back.
async fn are_gone(
    context: &Context,
    bucket: &Bucket,
    key: &ObjectKey,
    names: &[VersionName],
) -> StoreResult<bool> {
    for name in names {
        let metadata = &context.ports.metadata;
        if *name == VersionName::Null
            || metadata
                .lookup_version(&bucket.name, key, *name)
                .await?
                .object
                .is_some()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Frees what rows named that are gone, where that is safe and cheap.
pub(super) async fn free_gone(context: &Context, outcome: &EditOutcome) {
    if let EditOutcome::AppliedToVersions(changed) = outcome {
        let kept = changed.written.as_ref().map(|record| &record.manifest);
        stream::iter(&changed.gone)
            .for_each_concurrent(FREED_AT_ONCE, |row| free_superseded(context, Some(row), kept))
            .await;
    }
}

/// Puts `record`, which is the version that was read with something else said of it, over the row of that, current or
/// not.
pub(super) async fn rewrite(
    metadata: &dyn MetadataStore,
    bucket: &Bucket,
    read: &ObjectRecord,
    record: &ObjectRecord,
    events: &[EventRow],
) -> StoreResult<EditOutcome> {
    let edit = Edit::put(bucket, record, Expect::Row(Some(read.tag()))).telling(events);
    match metadata.edit(&edit).await? {
        // What is current is another version. The row that was read may be that of one which is not.
        EditOutcome::Refused { head: Some(head) }
            if head.as_version().newest.is_some() && !head.is_same_version(read) =>
        {
            metadata
                .edit(&Edit::put_version(bucket, record, Some(read.tag())).telling(events))
                .await
        }
        outcome => Ok(outcome),
    }
}

/// Whether an edit whose outcome is unknown was made: the version that it wrote may be current, or not any more.
pub(super) async fn find_written(
    context: &Context,
    edit: &Edit<'_>,
    record: &ObjectRecord,
) -> StoreResult<Option<EditOutcome>> {
    let metadata = &context.ports.metadata;
    let found = metadata
        .key_versions(VersionRange::newest(edit.bucket, &record.key, LOOKED_THROUGH))
        .await?;
    let mut rows = found.head.into_iter().chain(found.versions);
    let written = rows.find(|row| row.commit_id == record.commit_id);
    let bucket = metadata.bucket(&edit.bucket.name).await?;
    let is_active = |bucket: Bucket| bucket.id == edit.bucket.id && bucket.state == BucketState::Active;
    let stands = bucket.is_some_and(is_active);
    Ok(written.filter(|_| stands).map(|written| {
        let changed = ChangedVersions {
            written: Some(written),
            gone: Vec::new(),
        };
        EditOutcome::AppliedToVersions(Box::new(changed))
    }))
}
