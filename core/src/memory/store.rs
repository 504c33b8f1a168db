//! The store's record of itself, and expiry, in memory.

use async_trait::async_trait;

use super::MemoryMetadata;
use crate::model::Timestamp;
use crate::ports::{StoreIndex, StoreRecord, StoreResult};

#[async_trait]
impl StoreIndex for MemoryMetadata {
    async fn store_record(&self) -> StoreResult<Option<StoreRecord>> {
        Ok(self.rows().store)
    }

    async fn swap_store_record(
        &self,
        expected: Option<&StoreRecord>,
        record: &StoreRecord,
    ) -> StoreResult<bool> {
        let mut rows = self.rows();
        if rows.store.as_ref() != expected {
            return Ok(false);
        }
        rows.store = Some(*record);
        Ok(true)
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        let mut rows = self.rows();
        let before = rows.receipts.len() + rows.retired.len();
        let mut left = limit;
        let mut goes = |expires: Timestamp| {
            let expired = expires < now && left > 0;
            left -= usize::from(expired);
            expired
        };
        rows.receipts.retain(|_, receipt| !goes(receipt.expires));
        rows.retired.retain(|_, retired| !goes(retired.expires));
        Ok(before - rows.receipts.len() - rows.retired.len())
    }
}
