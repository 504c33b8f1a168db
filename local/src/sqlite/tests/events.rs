//! Events, in tables that come with the first one.

use std::path::Path;

use bleepstore_core::model::{EventQueue, EventRow, ObjectKey, Timestamp, Token};
use bleepstore_core::ports::{
    BucketIndex, DeleteBucketOutcome, Edit, EditOutcome, EventIndex, Expect, ObjectIndex, StoreIndex,
};
use bleepstore_core::rows::ONLY_EVENT_LANE;

use super::super::SqliteMetadata;
use super::{bucket, inline, open_with_bucket, remove, temporary};
use crate::sample_rows::{event, put_and_tell};

fn version(path: &Path) -> i64 {
    let db = rusqlite::Connection::open(path).unwrap();
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

async fn waiting(store: &SqliteMetadata) -> Vec<EventRow> {
    let queue = EventQueue {
        destination: "queue".parse().unwrap(),
        dead: false,
    };
    let page = store
        .scan_events(ONLY_EVENT_LANE, &queue, None, 10)
        .await
        .unwrap();
    assert_eq!(page.next, None);
    page.items
}

#[tokio::test]
async fn the_tables_come_with_the_first_event() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    let record = inline("k", b"one");
    assert_eq!(waiting(&store).await, []);
    store.remove_events(&[event(&record, 1)]).await.unwrap();
    store.put_events(&[]).await.unwrap();
    assert_eq!(
        store.purge_expired(Timestamp::from_seconds(9), 10).await.unwrap(),
        0
    );
    put_and_tell(&store, &record, &[]).await;
    assert_eq!(version(&path), 1);
    put_and_tell(&store, &record, &[event(&record, 1)]).await;
    assert_eq!(version(&path), 4);
    put_and_tell(&store, &record, &[event(&record, 2)]).await;
    store.close().await.unwrap();
    let store = SqliteMetadata::open(&path).unwrap();
    let found = waiting(&store).await;
    let [first, second] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(
        (first.id, second.id),
        (event(&record, 1).id, event(&record, 2).id)
    );
    assert_eq!(
        second.sequence,
        first.sequence + 1,
        "at one time, and in their order"
    );
    store.remove_events(&found[..1]).await.unwrap();
    assert_eq!(waiting(&store).await, found[1..]);
}

#[tokio::test]
async fn what_is_not_done_is_not_told() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    let (home, record) = (bucket(), inline("k", b"one"));
    let events = [event(&record, 1)];
    let refused = Edit::put(&home, &record, Expect::Row(Some(record.tag()))).telling(&events);
    let outcome = store.edit(&refused).await.unwrap();
    assert_eq!(outcome, EditOutcome::Refused { head: None });
    let key = ObjectKey::new("k").unwrap();
    let nothing = Edit::remove(&home, &key, Expect::ANYTHING).telling(&events);
    let outcome = store.edit(&nothing).await.unwrap();
    assert_eq!(outcome, EditOutcome::Applied { displaced: None });
    assert_eq!(waiting(&store).await, []);
}

#[tokio::test]
async fn events_outlive_their_bucket_and_marks_expire() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    let record = inline("k", b"one");
    put_and_tell(&store, &record, &[event(&record, 1)]).await;
    remove(&store, "k").await.unwrap();
    let token = Token::from_bytes([1; 16]);
    let deleted = store.delete_bucket(&bucket().name, bucket().id, token).await;
    assert_eq!(deleted.unwrap(), DeleteBucketOutcome::Deleted);
    assert_eq!(waiting(&store).await.len(), 1);
    let day = 24 * 60 * 60;
    let mut purged = Vec::new();
    for seconds in [day, day + 3, day + 3] {
        let now = Timestamp::from_seconds(seconds);
        purged.push(store.purge_expired(now, 10).await.unwrap());
    }
    assert_eq!(purged, [0, 1, 0]);
    assert_eq!(waiting(&store).await.len(), 1);
}
