//! The store's record of itself, and expiry, in memory.

use async_trait::async_trait;

use super::{Change, Journal};
use crate::model::Timestamp;
use crate::ports::{RecordPlace, StoreIndex, StoreRecord, StoreResult};

#[async_trait]
impl<J: Journal> StoreIndex for J {
    async fn record_at(&self, place: RecordPlace) -> StoreResult<Option<StoreRecord>> {
        Ok(self.rows().record_at(place))
    }

    async fn swap_record_at(
        &self,
        place: RecordPlace,
        expected: Option<&StoreRecord>,
        record: &StoreRecord,
    ) -> StoreResult<bool> {
        let (expected, record) = (expected.copied(), *record);
        self.change(move |rows| {
            let expected = rows.record_at(place) == expected;
            if expected {
                rows.set(match place {
                    RecordPlace::First => Change::Store(record),
                    RecordPlace::Moved => Change::MovedStore(record),
                });
            }
            expected
        })
        .await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        self.change(move |rows| {
            let receipts = rows.receipts.iter().filter(|(_, row)| row.expires < now);
            let retired = rows.retired.values().filter(|row| row.expires < now);
            let marks = rows.marks.values().filter(|row| row.expires < now);
            let gone: Vec<Change> = receipts
                .map(|((bucket, key, upload), _)| Change::ReceiptGone(*bucket, key.clone(), *upload))
                .chain(retired.map(|row| Change::RetiredGone(row.commit_id)))
                .chain(marks.map(|row| Change::EventMarkGone(row.bucket, row.key.clone())))
                .take(limit)
                .collect();
            let count = gone.len();
            for change in gone {
                rows.set(change);
            }
            count
        })
        .await
    }
}
