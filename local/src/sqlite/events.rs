//! Events that wait for their delivery, all in one lane, and the marks of the last ones of their keys.

use async_trait::async_trait;
use bleepstore_core::model::{
    BucketId, EventMark, EventPlace, EventQueue, EventRow, ObjectKey, Sequence, Timestamp,
};
use bleepstore_core::ports::{Edit, EventIndex, Page, StoreResult};
use bleepstore_core::rows::{EventMarks, ONLY_EVENT_LANE, event_lanes_after};
use rusqlite::{Connection, params};

use super::SqliteMetadata;
use super::error::Failure;
use super::rows::{FEW, first, json_column, one_more_than, page, sequence_column, to_json};
use super::schema::{self, EVENTS};

/// Those of a queue after one of them.
pub(super) const SCAN: &str = "
    SELECT detail FROM events
    WHERE destination = ? AND dead = ? AND (sequence, id) > (?, ?)
    ORDER BY sequence, id LIMIT ?";

#[async_trait]
impl EventIndex for SqliteMetadata {
    fn event_lane(&self, _: BucketId, _: &ObjectKey) -> String {
        ONLY_EVENT_LANE.to_owned()
    }

    async fn scan_event_lanes(&self, after: Option<&str>, limit: usize) -> StoreResult<Page<String, String>> {
        Ok(event_lanes_after(after, 1, limit))
    }

    async fn scan_events(
        &self,
        lane: &str,
        queue: &EventQueue,
        after: Option<EventPlace>,
        limit: usize,
    ) -> StoreResult<Page<EventRow, EventPlace>> {
        if lane != ONLY_EVENT_LANE {
            return Ok(Page::default());
        }
        let queue = queue.clone();
        let read = move |db: &Connection| scan(db, &queue, after, limit);
        if limit <= FEW {
            self.look(read).await
        } else {
            self.query(read).await
        }
    }

    async fn put_events(&self, events: &[EventRow]) -> StoreResult<()> {
        if events.is_empty() {
            return Ok(());
        }
        let events = events.to_vec();
        self.change(move |db| {
            make_room(db)?;
            events.iter().try_for_each(|event| put(db, event))
        })
        .await
    }

    async fn remove_events(&self, events: &[EventRow]) -> StoreResult<()> {
        if events.is_empty() {
            return Ok(());
        }
        let places: Vec<(EventQueue, EventPlace)> = events
            .iter()
            .map(|event| (event.queue(), event.place()))
            .collect();
        self.change(move |db| {
            if !schema::has_reached(db, EVENTS)? {
                return Ok(());
            }
            let mut delete = db.prepare_cached(
                "DELETE FROM events WHERE destination = ? AND dead = ? AND sequence = ? AND id = ?",
            )?;
            for (EventQueue { destination, dead }, EventPlace { sequence, id }) in &places {
                let sequence = sequence_column(Sequence(*sequence));
                delete.execute(params![destination.as_str(), dead, sequence, id.as_bytes()])?;
            }
            Ok(())
        })
        .await
    }
}

fn scan(
    db: &Connection,
    queue: &EventQueue,
    after: Option<EventPlace>,
    limit: usize,
) -> Result<Page<EventRow, EventPlace>, Failure> {
    if !schema::has_reached(db, EVENTS)? {
        return Ok(Page::default());
    }
    let sequence = after.map_or(-1, |after| sequence_column(Sequence(after.sequence)));
    let id = after.map(|after| after.id);
    let id: &[u8] = id.as_ref().map_or(&[], |id| id.as_bytes());
    let mut select = db.prepare_cached(SCAN)?;
    page(
        &mut select,
        params![
            queue.destination.as_str(),
            queue.dead,
            sequence,
            id,
            one_more_than(limit)
        ],
        limit,
        |row| json_column(row, 0),
        EventRow::place,
    )
}

/// Makes the tables, where they are not there yet.
pub(super) fn make_room(db: &Connection) -> Result<(), Failure> {
    Ok(schema::raise(db, EVENTS)?)
}

/// The places of the last events of an edit's keys, for which there is [room](make_room).
pub(super) fn marks(db: &Connection, edit: &Edit<'_>) -> Result<EventMarks, Failure> {
    let source = edit.source.map(|source| mark(db, edit.bucket.id, source.key));
    Ok(EventMarks {
        key: mark(db, edit.bucket.id, edit.key())?,
        source: source.transpose()?.flatten(),
    })
}

fn mark(db: &Connection, bucket: BucketId, key: &ObjectKey) -> Result<Option<u64>, Failure> {
    let mut select = db.prepare_cached("SELECT sequence FROM event_marks WHERE bucket = ? AND key = ?")?;
    first(
        &mut select,
        params![bucket.as_bytes(), key.as_str().as_bytes()],
        |row| u64::try_from(row.get::<_, i64>(0)?).map_err(Failure::unreadable),
    )
}

/// Writes an event.
pub(super) fn put(db: &Connection, event: &EventRow) -> Result<(), Failure> {
    let mut insert = db.prepare_cached(
        "INSERT OR REPLACE INTO events (destination, dead, sequence, id, detail) VALUES (?, ?, ?, ?, ?)",
    )?;
    insert.execute(params![
        event.destination.as_str(),
        event.dead,
        sequence_column(Sequence(event.sequence)),
        event.id.as_bytes(),
        to_json(event)?,
    ])?;
    Ok(())
}

/// Writes the mark of a key.
pub(super) fn put_mark(db: &Connection, mark: &EventMark) -> Result<(), Failure> {
    let mut insert = db.prepare_cached(
        "INSERT INTO event_marks (bucket, key, sequence, expires) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET sequence = excluded.sequence, expires = excluded.expires",
    )?;
    insert.execute(params![
        mark.bucket.as_bytes(),
        mark.key.as_str().as_bytes(),
        sequence_column(Sequence(mark.sequence)),
        mark.expires.millis(),
    ])?;
    Ok(())
}

/// Removes up to `limit` marks that have expired.
pub(super) fn purge_marks(db: &Connection, now: Timestamp, limit: i64) -> Result<usize, Failure> {
    if !schema::has_reached(db, EVENTS)? {
        return Ok(0);
    }
    let mut delete = db.prepare_cached(
        "DELETE FROM event_marks WHERE (bucket, key) IN
             (SELECT bucket, key FROM event_marks WHERE expires < ? ORDER BY expires LIMIT ?)",
    )?;
    Ok(delete.execute(params![now.millis(), limit])?)
}
