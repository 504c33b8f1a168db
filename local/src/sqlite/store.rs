//! The store's record of itself, and the removal of what has expired.

use async_trait::async_trait;
use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::{RecordPlace, StoreIndex, StoreRecord, StoreResult};
use rusqlite::{Connection, params};

use super::SqliteMetadata;
use super::error::Failure;
use super::events;
use super::rows::{first, json_column, to_json};
use super::schema::{self, MOVED_RECORD};

#[async_trait]
impl StoreIndex for SqliteMetadata {
    async fn record_at(&self, place: RecordPlace) -> StoreResult<Option<StoreRecord>> {
        self.look(move |db| record(db, place)).await
    }

    async fn swap_record_at(
        &self,
        place: RecordPlace,
        expected: Option<&StoreRecord>,
        record: &StoreRecord,
    ) -> StoreResult<bool> {
        let expected = expected.copied();
        let detail = to_json(record)?;
        self.change(move |db| {
            if self::record(db, place)? != expected {
                return Ok(false);
            }
            let put = match place {
                RecordPlace::First => "INSERT OR REPLACE INTO store (id, detail) VALUES (1, ?)",
                RecordPlace::Moved => {
                    schema::raise(db, MOVED_RECORD)?;
                    "INSERT OR REPLACE INTO moved_store (id, detail) VALUES (1, ?)"
                }
            };
            db.prepare_cached(put)?.execute([detail])?;
            Ok(true)
        })
        .await
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.change(move |db| {
            let mut gone = 0;
            for delete in [
                "DELETE FROM receipts WHERE upload IN
                     (SELECT upload FROM receipts WHERE expires < ? ORDER BY expires LIMIT ?)",
                "DELETE FROM retired WHERE commit_id IN
                     (SELECT commit_id FROM retired WHERE expires < ? ORDER BY expires LIMIT ?)",
            ] {
                let left = limit.saturating_sub_unsigned(gone as u64);
                gone += db.prepare_cached(delete)?.execute(params![now.millis(), left])?;
            }
            let left = limit.saturating_sub_unsigned(gone as u64);
            Ok(gone + events::purge_marks(db, now, left)?)
        })
        .await
    }
}

fn record(db: &Connection, place: RecordPlace) -> Result<Option<StoreRecord>, Failure> {
    let select = match place {
        RecordPlace::First => "SELECT detail FROM store WHERE id = 1",
        RecordPlace::Moved if schema::has_reached(db, MOVED_RECORD)? => {
            "SELECT detail FROM moved_store WHERE id = 1"
        }
        RecordPlace::Moved => return Ok(None),
    };
    first(&mut db.prepare_cached(select)?, [], |row| json_column(row, 0))
}
