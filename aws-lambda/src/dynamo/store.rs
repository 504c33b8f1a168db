//! The store's record of itself.

use async_trait::async_trait;
use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::{RecordPlace, StoreIndex, StoreRecord, StoreResult};

use super::DynamoMetadata;
use super::condition::Condition;
use super::rows;
use super::schema::{RowKey, attribute};

#[async_trait]
impl StoreIndex for DynamoMetadata {
    async fn record_at(&self, place: RecordPlace) -> StoreResult<Option<StoreRecord>> {
        let found = self.table.get(&RowKey::store(place)).await?;
        found.as_ref().map(rows::detail_of).transpose()
    }

    /// The swap is from the text that was read, so that a record which an earlier version wrote can be replaced too.
    async fn swap_record_at(
        &self,
        place: RecordPlace,
        expected: Option<&StoreRecord>,
        record: &StoreRecord,
    ) -> StoreResult<bool> {
        let found = self.table.get(&RowKey::store(place)).await?;
        let current: Option<StoreRecord> = found.as_ref().map(rows::detail_of).transpose()?;
        if current.as_ref() != expected {
            return Ok(false);
        }
        let condition = match &found {
            Some(row) => Condition::detail_is(rows::text_of(row, attribute::DETAIL)?),
            None => Condition::absent(),
        };
        let swapped = self
            .table
            .put(rows::store(place, record)?, Some(&condition))
            .await?;
        Ok(swapped.is_applied())
    }

    /// Nothing: DynamoDB removes what has expired by the table's time to live.
    async fn purge_expired(&self, _now: Timestamp, _limit: usize) -> StoreResult<usize> {
        Ok(0)
    }
}
