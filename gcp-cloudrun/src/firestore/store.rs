//! The store's record of itself.

use async_trait::async_trait;
use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::{RecordPlace, StoreIndex, StoreRecord, StoreResult};

use super::FirestoreMetadata;
use super::transaction::Decision;
use super::{rows, schema};

#[async_trait]
impl StoreIndex for FirestoreMetadata {
    async fn record_at(&self, place: RecordPlace) -> StoreResult<Option<StoreRecord>> {
        let [found] = self.documents.get([&schema::store(place)]).await?;
        found.as_ref().map(rows::detail_of).transpose()
    }

    async fn swap_record_at(
        &self,
        place: RecordPlace,
        expected: Option<&StoreRecord>,
        record: &StoreRecord,
    ) -> StoreResult<bool> {
        let path = schema::store(place);
        let swap = |[found]: [_; 1]| {
            let current: Option<StoreRecord> = Option::as_ref(&found).map(rows::detail_of).transpose()?;
            Ok(if current.as_ref() == expected {
                Decision::Write(vec![self.documents.put(&path, rows::store(record)?)], true)
            } else {
                Decision::Keep(false)
            })
        };
        self.documents.transact(&[&path], [&path], swap).await
    }

    /// Nothing: Firestore removes what has expired by the database's time to live.
    async fn purge_expired(&self, _now: Timestamp, _limit: usize) -> StoreResult<usize> {
        Ok(0)
    }
}
