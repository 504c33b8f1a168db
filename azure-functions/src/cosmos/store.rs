//! The store's record of itself.

use async_trait::async_trait;
use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::{RecordPlace, StoreIndex, StoreRecord, StoreResult};

use super::CosmosMetadata;
use super::rows;
use super::schema::RowKey;

#[async_trait]
impl StoreIndex for CosmosMetadata {
    async fn record_at(&self, place: RecordPlace) -> StoreResult<Option<StoreRecord>> {
        let found = self.container.get(&RowKey::store(place)).await?;
        found.map(|item| item.detail()).transpose()
    }

    async fn swap_record_at(
        &self,
        place: RecordPlace,
        expected: Option<&StoreRecord>,
        record: &StoreRecord,
    ) -> StoreResult<bool> {
        let found = self.container.get(&RowKey::store(place)).await?;
        let current: Option<StoreRecord> = found.as_ref().map(|item| item.detail()).transpose()?;
        if current.as_ref() != expected {
            return Ok(false);
        }
        let item = rows::store(place, record)?;
        let swapped = match found {
            Some(found) => self.container.replace(&item, &found.seen()?).await?,
            None => self.container.create(&item).await?,
        };
        Ok(swapped.is_some())
    }

    /// Nothing: Cosmos DB removes what has expired by the rows' time to live.
    async fn purge_expired(&self, _now: Timestamp, _limit: usize) -> StoreResult<usize> {
        Ok(0)
    }
}
