//! The format of a store: refused where it is too new, raised where a feature needs it.

use crate::model::{Format, Release};
use crate::ports::{
    MetadataStore, OwnerRecord, Ports, RecordPlace, StoreError, StoreErrorKind, StoreRecord, StoreResult,
    back_off,
};

/// How often a record that others change is read again.
pub(super) const ATTEMPTS: u32 = 16;

/// Reads the records of both stores, each of which is an error of kind `TooNew` where a later program has raised its
/// format. Whoever works on a store begins with this.
pub async fn check_formats(ports: &Ports) -> StoreResult<()> {
    ports.metadata.store_record().await?;
    ports.blobs.owner().await?;
    Ok(())
}

/// Raises the format of a store to `wanted`, if it is lower: what the first use of a feature does before it stores what
/// programs of a lower format would lose or not see. Once this returns, programs that do not know `wanted` refuse the
/// store from their next start or slice of garbage collection on, and those of release 0.1 free nothing.
///
/// It may break off anywhere, and be begun again: the store serves in between, in its old format or in the new one.
pub async fn raise_format(ports: &Ports, wanted: Format) -> StoreResult<()> {
    if is_old_copy(ports).await? {
        return Err(StoreError::internal(
            "the blob store has a later format than this metadata store, which must be an old copy of another one: \
             restore it by an import, or use the newer one",
        ));
    }
    for attempt in 0..ATTEMPTS {
        back_off(ports.clock.as_ref(), ports.entropy.as_ref(), attempt).await;
        let record = raise_record(ports, wanted).await?;
        let owner = ports.blobs.owner().await?.filter(|owner| owner.names(&record));
        // The blob store's record is the second: one of a higher format would say that this metadata store is an old copy.
        match owner {
            Some(owner) if owner.format < record.format => {
                ports.blobs.set_owner(&OwnerRecord::of(&record)).await?;
            }
            _ => return Ok(()),
        }
        // Whoever raised the store further meanwhile may have written the blob store's record before this.
        let now = ports.metadata.store_record().await?;
        if now.is_none_or(|now| now.format == record.format) {
            return Ok(());
        }
    }
    Err(contended())
}

/// Whether this metadata store is a copy from before the store's format rose, such as an old backup. Raised again it
/// would pass for the owner of bytes that it does not name.
pub async fn is_old_copy(ports: &Ports) -> StoreResult<bool> {
    // In this order: a record rises before its owner record does.
    let owner = ports.blobs.owner().await?;
    let record = ports.metadata.store_record().await?;
    let (Some(owner), Some(record)) = (owner, record) else {
        return Ok(false);
    };
    let is_of_it = owner.store == record.store && owner.epoch == record.epoch;
    Ok(record.active && is_of_it && owner.format > record.format)
}

async fn raise_record(ports: &Ports, wanted: Format) -> StoreResult<StoreRecord> {
    let metadata = ports.metadata.as_ref();
    for attempt in 0..ATTEMPTS {
        back_off(ports.clock.as_ref(), ports.entropy.as_ref(), attempt).await;
        // Before the record: what stood there while the record had not moved counts for nothing, and may be replaced.
        let left_over = metadata.record_at(RecordPlace::Moved).await?;
        let found = metadata.store_record().await?;
        let record = found.ok_or_else(|| StoreError::internal("a store without a record has no format"))?;
        if record.format >= wanted {
            return Ok(record);
        }
        let format = match record.place() {
            RecordPlace::First => Format::FENCED,
            RecordPlace::Moved => wanted,
        };
        let raised = StoreRecord {
            format,
            written_by: Some(Release::CURRENT),
            ..record
        };
        match record.place() {
            RecordPlace::First => move_record(metadata, left_over.as_ref(), &record, &raised).await?,
            RecordPlace::Moved if metadata.swap_store_record(Some(&record), &raised).await? => {
                return Ok(raised);
            }
            RecordPlace::Moved => {}
        }
    }
    Err(contended())
}

pub(super) fn contended() -> StoreError {
    StoreError::new(
        StoreErrorKind::Throttled,
        "others keep changing the store's record",
    )
}

/// Puts `raised` where release 0.1 does not look, and a fence in the place of `record`: only with the fence does it count.
async fn move_record(
    metadata: &dyn MetadataStore,
    left_over: Option<&StoreRecord>,
    record: &StoreRecord,
    raised: &StoreRecord,
) -> StoreResult<()> {
    if metadata
        .swap_record_at(RecordPlace::Moved, left_over, raised)
        .await?
    {
        let fence = StoreRecord::fence();
        // Where it has changed meanwhile, the next attempt begins with what it is by then.
        metadata
            .swap_record_at(RecordPlace::First, Some(record), &fence)
            .await?;
    }
    Ok(())
}
