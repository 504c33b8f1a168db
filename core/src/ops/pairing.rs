//! Which metadata store owns the bytes in a blob store.
//!
//! Freeing bytes on the word of the wrong metadata store (a test store pointed at production, an import
//! that is not complete) would destroy objects. So the blob store says which store it belongs to, and nothing
//! is freed unless both agree. An older copy of the same database agrees too: it is not recognised.

use futures_util::future::try_join;

use crate::model::StoreId;
use crate::ports::{OwnerRecord, Ports, StoreRecord, StoreResult, new_id};

/// Whether blobs may be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Both stores carry the same record and no import is under way.
    Matched,
    /// They do not: requests are served, but nothing is freed.
    Foreign,
}

/// Reads both records, at the same time, and compares them. In a new pair of stores it writes them first.
///
/// A blob store without a record is claimed only while it holds no blobs: one that holds some belongs to
/// a store that this metadata store knows nothing of.
pub async fn pair_stores(ports: &Ports) -> StoreResult<Pairing> {
    // A process is not ready before it knows, so it waits for the slower store and not for both in turn.
    let (record, found) = try_join(ports.metadata.store_record(), ports.blobs.owner()).await?;
    let record = match record {
        Some(record) => record,
        None => create_store_record(ports).await?,
    };
    let wanted = OwnerRecord::of(&record);
    let found = match found {
        None if ports.blobs.scan(None, 1).await?.blobs.is_empty() => {
            ports.blobs.set_owner(&wanted).await?;
            Some(wanted)
        }
        found => found,
    };
    let owned = record.active && found.is_some_and(|owner| owner.names(&record));
    Ok(if owned { Pairing::Matched } else { Pairing::Foreign })
}

async fn create_store_record(ports: &Ports) -> StoreResult<StoreRecord> {
    let store = new_id(ports.entropy.as_ref(), StoreId::from_bytes);
    let record = StoreRecord::new(store);
    if ports.metadata.swap_store_record(None, &record).await? {
        return Ok(record);
    }
    // Another instance of the same deployment was first.
    let found = ports.metadata.store_record().await?;
    found.ok_or_else(|| crate::ports::StoreError::corrupt("the store's record vanished"))
}
